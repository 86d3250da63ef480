import errno
import json
import os
import shutil

import cv2
import numpy as np
import pytest

from keras_vidrec.data.catalogs import catalog as catalogs
from keras_vidrec.data.prepared import shards
from keras_vidrec.data.preparing import video_preparer
from keras_vidrec.data.preparing.journal import Journal
from keras_vidrec.data.preparing.prepare import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.data.preparing.video import prepare_video
from keras_vidrec.data.preparing.workers import WornOut
from keras_vidrec.data.sources.records import Records
from keras_vidrec.flow import codec
from keras_vidrec.flow import extraction
from keras_vidrec.videos import video
from tests.data.prepared_records import records_of

DIS = Preparation(flow="dis", size="64x48")


@pytest.fixture(scope="module")
def catalog(small_videos, tmp_path_factory):
    """Six of the small videos."""
    rows = ["path,label,split"]
    rows += [
        f"{path.relative_to(small_videos)},{path.parent.name},train"
        for path in sorted(small_videos.glob("*/*.avi"))[::6]
    ]
    path = tmp_path_factory.mktemp("list") / "videos.csv"
    path.write_text("\n".join(rows) + "\n")
    return catalogs.from_list(path, small_videos)


@pytest.fixture(scope="module")
def whole(catalog, tmp_path_factory):
    """Prepared at one go, by two processes."""
    directory = tmp_path_factory.mktemp("whole") / "out"
    prepared = prepare(catalog, directory, DIS, workers=2, shard_bytes=20000)
    assert prepared[:4] == (6, 72, 6, {})
    report = json.loads((directory / "report.json").read_text())
    assert report["notes"] == [prepared.code_use.line(20)]
    return directory


def test_records_are_the_frames_and_flow_of_the_videos(catalog, whole):
    source = Records(whole)
    journal = (whole / ".prepare" / "journal.jsonl").read_text().splitlines()
    lines = {line.get("video"): line for line in map(json.loads, journal)}
    assert source.videos == catalog.videos
    assert source.modalities == ("rgb", "flow", "rgb_diff")
    assert len(shards.find_shards(whole, "rgb")) > 1
    for i in (0, 5):
        frames = [
            cv2.resize(frame, (64, 48), interpolation=cv2.INTER_LINEAR)
            for frame in video.iter_frames(catalog.root / catalog.videos[i])
        ]
        read = source.read(i, "rgb", range(12)).astype(int)
        assert np.abs(read - frames).mean() < 4  # JPEG
        grays = [extraction.gray(frame) for frame in frames]
        pairs, codes = zip(range(11), grays, grays[1:]), []
        for t, flow in extraction.flows(pairs, "dis"):
            read = source.read(i, "flow", [t])[0].astype(int)
            codes.append(codec.encode(flow).astype(int))
            assert np.abs(read - codes[-1]).mean() < 1.5
        fine = np.abs(np.array(codes) - 128) <= 8
        use = lines[source.videos[i]]["code_use"]
        assert use == pytest.approx(
            [np.isin(codes, (0, 255)).mean(), fine.mean()]
        )
        assert source.num_frames(i, "flow") == 11


def test_warped_flow_has_records_of_its_own(catalog, tmp_path):
    """Noise that shakes: without the camera's motion it is still."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    scene = cv2.resize(noise, (320, 240), interpolation=cv2.INTER_CUBIC)
    path = tmp_path / "shaken.avi"
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (240, 180)
    )
    for x in (20, 24, 28):
        writer.write(np.ascontiguousarray(scene[20:200, x : x + 240]))
    writer.release()
    preparation = Preparation(flow="dis", size="240x180", warped=True)
    (prepared,) = prepare_video(path, preparation, tmp_path)
    flow, warped = (
        [
            cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
            for jpeg in jpegs_of(prepared.images[modality])
        ]
        for modality in ("flow", "warped_flow")
    )
    assert len(flow) == len(warped) == 4  # x and y of two pairs
    code = int(codec.encode(np.float32(-4)))
    assert all(abs(np.median(x) - code) <= 2 for x in flow[::2])
    assert all(abs(np.median(x) - 128) <= 2 for x in warped)
    prepared.discard()
    assert not (tmp_path / "flow").exists()


def test_one_process_writes_what_two_write(
    catalog, whole, tmp_path, in_process
):
    prepare(catalog, tmp_path, DIS, shard_bytes=10**9)
    assert records_of(tmp_path) == records_of(whole)
    assert len(shards.find_shards(tmp_path, "rgb")) == 1


def test_again_there_is_nothing_to_do(catalog, whole, in_process):
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*-*")}
    assert prepare(catalog, whole, DIS)[:4] == (6, 72, 0, {})
    assert before == {
        path: path.stat().st_mtime_ns for path in whole.rglob("*-*")
    }


@pytest.mark.parametrize("writes", [1, 2, 5, 8, 12])
def test_a_full_disk_costs_nothing_that_was_finished(
    catalog, whole, tmp_path, in_process, monkeypatch, writes
):
    """The disk is full in the midst of the `writes`-th record."""
    write_record = shards.records.write_record
    left = [writes]

    def limited(file, *record):
        left[0] -= 1
        if left[0]:
            return write_record(file, *record)
        write_record(file, *record)
        file.flush()
        os.truncate(file.name, os.path.getsize(file.name) - 1000)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shards.records, "write_record", limited)
    with pytest.raises(OSError, match="run the same command again") as caught:
        prepare(catalog, tmp_path, DIS, shard_bytes=20000)
    assert caught.value.errno == errno.ENOSPC
    with pytest.raises(ValueError, match="Finish it with the same command"):
        Records(tmp_path)
    monkeypatch.setattr(shards.records, "write_record", write_record)
    done = (writes - 1) // 2
    again = prepare(catalog, tmp_path, DIS, shard_bytes=20000)
    assert again[:4] == (6, 72, 6 - done, {})
    assert records_of(tmp_path) == records_of(whole)
    assert Records(tmp_path).videos == catalog.videos


def test_a_line_of_the_journal_that_was_cut_short(
    catalog, whole, tmp_path, in_process
):
    prepare(catalog, tmp_path, DIS, shard_bytes=10**9)
    journal = tmp_path / ".prepare" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-30])
    for modality in DIS.modalities:  # killed before the shards were whole
        (shard,) = shards.find_shards(tmp_path, modality)
        shard.rename(f"{shard}.partial")
    again = prepare(catalog, tmp_path, DIS, shard_bytes=10**9)
    assert again.num_new == 1
    assert records_of(tmp_path) == records_of(whole)


def listed(tmp_path, small_videos, videos):
    """Catalog of `(path, label)`."""
    path = tmp_path / "list.csv"
    rows = [f"{name},{label},train" for name, label in videos]
    path.write_text("\n".join(["path,label,split", *rows]) + "\n")
    return catalogs.from_list(path, small_videos)


def test_videos_come_and_go(tmp_path, small_videos, in_process):
    frames = Preparation(flow="none", size="64x48")
    out = tmp_path / "out"
    paths = sorted(small_videos.glob("*/*.avi"))[:4]
    names = [str(path.relative_to(small_videos)) for path in paths]
    a, b, c, d = ((name, "xy"[i % 2]) for i, name in enumerate(names))
    prepare(listed(tmp_path, small_videos, (a, b, c)), out, frames)
    again = prepare(listed(tmp_path, small_videos, (d, b, a)), out, frames)
    assert (again.num_videos, again.num_new) == (3, 1)
    source = Records(out)
    assert dict(zip(source.videos, source.labels)) == {
        a[0]: 0,
        b[0]: 1,
        d[0]: 1,
    }
    for i, name in enumerate(source.videos):
        expected = list(video.iter_frames(small_videos / name))[3]
        read = source.read(i, "rgb", [3])[0]
        resized = cv2.resize(expected, (64, 48)).astype(int)
        assert np.abs(read - resized).mean() < 5
    message = r"Expected classes with \['x'\]; or.*Received: .*\['z'\]"
    with pytest.raises(ValueError, match=message):
        renamed = (a[0], "z"), b, d
        prepare(listed(tmp_path, small_videos, renamed), out, frames)


def test_videos_that_change_are_prepared_again(
    tmp_path, small_videos, in_process, caplog
):
    frames = Preparation(flow="dis", size="64x48")
    out, root = tmp_path / "out", tmp_path / "videos"
    root.mkdir()
    first, other = sorted(small_videos.glob("*/*.avi"))[:6:5]
    rows = [(f"{i}.avi", "xy"[i % 2]) for i in range(4)]
    for name, _ in rows:
        shutil.copy(first, root / name)
    found = listed(tmp_path, root, rows)
    prepare(found, out, frames, shard_bytes=1)
    before = Records(out)

    # Another time says nothing, the content does.
    os.utime(root / "0.avi", (1, 1))
    shutil.copy(other, root / "1.avi")
    rows[2] = ("2.avi", "y")
    (root / "3.avi").unlink()
    found = listed(tmp_path, root, rows[:3])
    assert prepare(found, out, frames)[:3] == (3, 36, 2)
    again = Records(out)
    assert again.labels == (0, 1, 1)
    expected = [*video.iter_frames(other)][3]
    read = again.read(1, "rgb", [3])[0]
    resized = cv2.resize(expected, (64, 48)).astype(int)
    assert np.abs(read - resized).mean() < 5
    for i in (0, 2):
        np.testing.assert_array_equal(
            again.read(i, "flow", range(11)),
            again.read(0, "flow", range(11)),
        )
    said = [message.partition("(")[2] for message in caplog.messages]
    assert said == [
        "replaced by others of the same name, prepared again): 1, 1.avi",
        "given another class, prepared again): 1, 2.avi",
        "removed, left out now): 1, 3.avi",
    ]
    assert again.contents[0] == again.contents[2] != again.contents[1]
    assert again.origin().fingerprint != before.origin().fingerprint
    assert again.origin([0]).videos == before.origin([0]).videos
    assert again.origin([0]).fingerprint == before.origin([0]).fingerprint
    (parent,) = again.origin().parents.values()
    assert parent.kind == "videos" and parent.content == again.origin().content
    assert "PyAV" in again.origin().decoder

    # What took its place is no video: the old one is not shown for it.
    (root / "1.avi").write_bytes(b"no video" * 1000)
    assert prepare(found, out, frames).failed.keys() == {"1.avi"}
    assert Records(out).videos == ("0.avi", "2.avi")
    shutil.copy(other, root / "1.avi")
    assert prepare(found, out, frames).num_new == 1
    caplog.clear()
    assert prepare(found, out, frames)[:4] == (3, 36, 0, {})


def test_several_labels_are_kept(tmp_path, small_videos, in_process, caplog):
    """And a video whose labels change is prepared again."""
    out, root = tmp_path / "out", tmp_path / "videos"
    root.mkdir()
    first = min(small_videos.glob("*/*.avi"))
    for name in "012":
        shutil.copy(first, root / f"{name}.avi")
    rows = [("0.avi", "x;y"), ("1.avi", ""), ("2.avi", "y")]
    frames = Preparation(flow="none", size="64x48")
    prepare(listed(tmp_path, root, rows), out, frames)
    assert Records(out).labels == ((0, 1), (), (1,))
    rows[2] = ("2.avi", "x")
    prepare(listed(tmp_path, root, rows), out, frames)
    again = Records(out)
    assert again.labels == ((0, 1), (), (0,))
    assert "given another class, prepared again): 1, 2.avi" in caplog.text
    assert again.origin().videos == again.origin([0, 1, 2]).videos
    caplog.clear()
    prepare(listed(tmp_path, root, rows), out, frames)
    assert "given another class" not in caplog.text


def test_nothing_can_be_prepared(tmp_path, in_process):
    for name in ("a/1.avi", "b/2.avi"):
        (tmp_path / "videos" / name).parent.mkdir(parents=True)
        (tmp_path / "videos" / name).write_bytes(b"")
    with pytest.raises(ValueError, match="None of the 2 videos.*report.json"):
        prepare(catalogs.folder(tmp_path / "videos"), tmp_path / "out", DIS)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert set(report["failed"]) == {"a/1.avi", "b/2.avi"}


def test_tv_l1_is_compiled_once_a_size_in_a_process(
    catalog, tmp_path, monkeypatch
):
    """XLA never gives back what it compiled."""
    sizes = iter([(48, 64), (48, 64), (30, 64), (48, 64)])

    def iter_frames(path, deinterlace):
        yield np.zeros(next(sizes))

    monkeypatch.setattr(video_preparer.video, "iter_frames", iter_frames)
    done = []

    def failing(*_):
        done.append(1)
        return [video.VideoError("a", "it is nothing")]

    monkeypatch.setattr(video_preparer, "prepare_video", failing)
    work = video_preparer.VideoPreparer(
        catalog.root, Preparation(size="short24")
    )
    for _ in range(2):
        work(tmp_path, ("a",), None)
    with pytest.raises(WornOut):
        work(tmp_path, ("b",), None)
    work(tmp_path, ("a",), None)
    assert len(done) == 3
    # What needs no compilation serves any size.
    assert video_preparer.VideoPreparer(".", DIS).compiled_size("a") == ()


def test_other_settings_are_refused(catalog, whole, in_process):
    other = Preparation(flow="none", size="64x48")
    message = "Expected flow=dis; or.*Received: flow=none for"
    with pytest.raises(ValueError, match=message):
        prepare(catalog, whole, other)


def test_two_runs_into_one_directory_are_refused(catalog, tmp_path):
    (tmp_path / ".prepare").mkdir()
    settings = {"classes": "none"}
    held = Journal(tmp_path / ".prepare" / "journal.jsonl", settings)
    with pytest.raises(ValueError, match="is in use.*to prepare since"):
        prepare(catalog, tmp_path, DIS)
    held.close()
    with pytest.raises(ValueError, match="other settings"):
        prepare(catalog, tmp_path, DIS)


def test_a_directory_with_something_else_is_left_alone(catalog, tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ValueError, match="contains something else"):
        prepare(catalog, tmp_path, DIS)
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_records_that_vanished_are_missed(catalog, tmp_path, in_process):
    preparation = Preparation(flow="none", size="64x48")
    prepare(catalog, tmp_path, preparation, shard_bytes=1)
    before = [Records(tmp_path).read(i, "rgb", [2, 11]) for i in range(6)]
    shard = shards.shard_path(tmp_path, "rgb", 2)
    index = shards.index_path(shard)
    written = dict(np.load(index))
    index.unlink()
    with pytest.raises(ValueError, match=r"rgb-00002\.index\.npz"):
        Records(tmp_path)
    prepare(catalog, tmp_path, preparation)  # an index can be made again
    again = np.load(index)
    for name, array in written.items():
        np.testing.assert_array_equal(array, again[name])
    content = shard.read_bytes()
    shard.write_bytes(content[:-1])
    with pytest.raises(ValueError, match="rgb-00002.*delete the file"):
        prepare(catalog, tmp_path, preparation)
    # An index of a damaged shard is not written anew.
    shard.write_bytes(content[:-9] + b"?" + content[-8:])
    index.write_bytes(index.read_bytes()[:-9])
    with pytest.raises(ValueError, match="rgb-00002.*damaged at byte 0"):
        prepare(catalog, tmp_path, preparation)
    # Of one that is gone what was in it is made again; the last one too.
    shard.unlink()
    shards.shard_path(tmp_path, "rgb", 5).unlink()
    assert prepare(catalog, tmp_path, preparation)[:4] == (6, 72, 2, {})
    assert prepare(catalog, tmp_path, preparation).num_new == 0
    again = Records(tmp_path)
    for i, images in enumerate(before):
        np.testing.assert_array_equal(again.read(i, "rgb", [2, 11]), images)


def test_broken_videos_are_left_out_and_named(
    catalog, small_videos, tmp_path, in_process
):
    root = tmp_path / "videos"
    for class_name in ("a", "b"):
        (root / class_name).mkdir(parents=True)
    good = small_videos / catalog.videos[0]
    names = ["a/-v_dash_g01_c01.avi", "a/v_x_g02_c01.avi", "b/v_x_g03_c01.avi"]
    for name in names:
        (root / name).symlink_to(good)
    # One file under three names is refused: copies.
    for name in names:
        (root / name).unlink()
        (root / name).write_bytes(good.read_bytes())
    (root / "a" / "v_empty_g04_c01.avi").touch()
    (root / "b" / "v_text_g05_c01.avi").write_text("no video")
    (root / "b" / "v_line\nbreak_g06_c01.avi").write_bytes(good.read_bytes())
    one_frame(root / "a" / "v_one_g07_c01.avi")
    found = catalogs.folder(root)
    out = tmp_path / "out"
    prepared = prepare(found, out, Preparation(flow="dis", size="64x48"))
    assert prepared.num_videos == 3
    report = json.loads((out / "report.json").read_text())
    assert report["prepared"] == 3 and report["videos"] == 6
    reasons = {k.split("_")[1]: v for k, v in report["failed"].items()}
    assert "it is empty" in reasons["empty"]
    assert "no frame of a video" in reasons["text"]
    assert any("line break" in problem for problem in report["problems"])
    assert "one frame" in reasons["one"]
    source = Records(out)
    assert source.videos == tuple(names)
    assert "could not be prepared" in source.catalog.problems[-1]
    for split in source.catalog.splits.values():
        assert sorted(split.train + split.test) == [0, 1, 2]

    # A file was replaced: another call looks again.
    (root / "a" / "v_empty_g04_c01.avi").write_bytes(good.read_bytes())
    again = prepare(found, out, Preparation(flow="dis", size="64x48"))
    assert again.num_new == 1 and len(again.failed) == 2
    source = Records(out)
    assert len(source.videos) == 4
    assert source.read(2, "rgb", [11]).shape == (1, 48, 64, 3)


def test_a_video_of_one_frame_has_frames(tmp_path):
    one_frame(tmp_path / "one.avi")
    (prepared,) = prepare_video(
        tmp_path / "one.avi", Preparation(flow="none"), tmp_path
    )
    assert prepared[:3] == (256, 341, 1)
    assert prepared.images["rgb"].num_images == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"flow": "raft"},
        {"flow": "none", "warped": True},
        {"bound": 0},
        {"quality": 0},
        {"size": "big"},
        {"size": None, "fps": 15},
        {"interpolation": "cubic"},
        {"deinterlace": "weave"},
    ],
)
def test_wrong_preparations(wrong):
    with pytest.raises(ValueError, match="Expected.*Received"):
        Preparation(**wrong)


def jpegs_of(images):
    """The JPEGs of `SpooledImages`, told apart by their first marker."""
    content = b"".join(images.chunks(1000))
    parts = content.split(b"\xff\xd8\xff\xe0")[1:]
    assert len(parts) == images.num_images
    return [b"\xff\xd8\xff\xe0" + part for part in parts]


def one_frame(path):
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (64, 48)
    )
    writer.write(np.full((48, 64, 3), 99, np.uint8))
    writer.release()


def test_flow_that_cannot_be_computed_is_refused_first(
    catalog, tmp_path, monkeypatch
):
    monkeypatch.delattr(cv2, "cuda_BroxOpticalFlow", raising=False)
    with pytest.raises(ValueError, match="prepare frames --flow brox`"):
        prepare(catalog, tmp_path / "out", Preparation(flow="brox"))
    assert not (tmp_path / "out").exists()
