import json
import shutil

import pytest

from keras_vidrec.cli.inspect import _report
from keras_vidrec.data import opening
from keras_vidrec.data.inspection import Counts
from keras_vidrec.data.inspection import Leak
from keras_vidrec.data.inspection import Part
from keras_vidrec.data.inspection import inspect
from keras_vidrec.data.preparing.prepare import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.specs import ClipSpec
from tests.data.frame_images import write_flow
from tests.data.frame_images import write_frames
from tests.data.numbered_video import write as write_video


def write_lists(root, train, test, classes=("Jump", "Run")):
    """Split files as UCF101's."""
    root.mkdir(exist_ok=True)
    numbered = [f"{i} {name}\n" for i, name in enumerate(classes, start=1)]
    (root / "classInd.txt").write_text("".join(numbered))
    for part, names in (("train", train), ("test", test)):
        lines = "".join(f"{name}\n" for name in names)
        (root / f"{part}list01.txt").write_text(lines)


def test_a_sound_dataset(small_videos):
    found = inspect(opening.open_dataset(small_videos))
    assert found.kind == "videos" and found.num_videos == 36
    assert set(found.classes.values()) == {3} and len(found.classes) == 12
    assert found.splits == {1: Part(24, 12)}
    assert found.images == {"rgb": Counts(12, 12, 12)}
    assert found.is_sound
    assert not (found.missing or found.short or found.identical)


def test_a_class_of_few_videos_is_told(frames):
    """11 of one class beside 1 of another; 10 of it are not told."""
    for number in range(7):
        shutil.copytree(frames / "run" / "a", frames / "run" / f"x{number}")
    (frames / "fall").mkdir()
    shutil.copytree(frames / "run" / "a", frames / "fall" / "y")
    found = inspect(opening.open_dataset(frames))
    told = [line for line in found.problems if "rare class" in line]
    assert told == [
        "Class 'run' has 11 videos, class 'fall' 1: the rare class "
        "will be recognized less often. Training with "
        "data.sampling=balanced (or sqrt), or "
        "loss.class_weights=auto, gives rare classes more weight."
    ]
    shutil.rmtree(frames / "run" / "x0")
    assert not [
        line
        for line in inspect(opening.open_dataset(frames)).problems
        if "rare class" in line
    ]


def test_what_is_wrong_with_videos(small_videos, tmp_path):
    clips = sorted(
        path.relative_to(small_videos) for path in small_videos.rglob("*.avi")
    )
    assert len(clips) == 36, "expected generated videos"
    source = small_videos / clips[0]
    other = small_videos / clips[1]
    for name, content in (
        ("Jump/v_Jump_g01_c01.avi", source),
        ("Jump/v_Jump_g02_c01.avi", source),
        ("Run/v_Run_g01_c01.avi", other),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(content, tmp_path / name)
    whole = other.read_bytes()
    # As large as another one, and yet not the same.
    (tmp_path / "Run" / "v_Run_g02_c01.avi").write_bytes(
        whole[:-1] + bytes([whole[-1] ^ 1])
    )
    (tmp_path / "Run" / "v_Run_g03_c01.avi").write_bytes(b"no video")
    write_lists(
        tmp_path / "lists",
        ["Jump/v_Jump_g01_c01.avi", "Run/v_Run_g01_c01.avi"]
        + ["Run/v_Run_g03_c01.avi"],
        ["Jump/v_Jump_g02_c01.avi", "Run/v_Run_g02_c01.avi"]
        + ["Run/v_Run_g09_c01.avi"],
    )
    opened = opening.open_dataset(tmp_path)
    found = inspect(opened, ClipSpec(num_segments=13))
    assert found.classes == {"Jump": 2, "Run": 3}
    assert found.splits == {1: Part(3, 2)}
    assert found.missing == ("Run/v_Run_g09_c01.avi",)
    assert list(found.broken) == ["Run/v_Run_g03_c01.avi"]
    assert "no frame of a video" in found.broken["Run/v_Run_g03_c01.avi"]
    pair = ("Jump/v_Jump_g01_c01.avi", "Jump/v_Jump_g02_c01.avi")
    assert found.identical == (pair,)
    assert found.leaks == (Leak(1, "content", *pair),)
    assert found.short[pair[0]] == "12 images of rgb, 13 are needed"
    assert len(found.short) == 4 and not found.is_sound
    text = json.loads(json.dumps(found.to_dict()))
    assert text["leaks"] == [
        {"split": 1, "reason": "content", "train": pair[0], "test": pair[1]}
    ]
    assert text["splits"] == {"1": {"train": 3, "test": 2}}
    # The counts are kept: the next one has nothing to decode.
    assert (tmp_path / ".vidrec-videos.json").is_file()


def test_mixed_frame_rates(tmp_path):
    rates = {"run/a": 25, "run/b": 30, "walk/a": 25.1, "walk/b": 25}
    for name, rate in rates.items():
        path = tmp_path / f"{name}.avi"
        path.parent.mkdir(exist_ok=True)
        write_video(path, 10, rate=rate)
    (tmp_path / "val.csv").write_text(
        "path,label,split\nrun/a.avi,run,train\nwalk/a.avi,walk,val\n"
    )
    found = inspect(opening.open_dataset(tmp_path))
    (problem,) = found.remarks
    assert "rates are mixed" in problem
    assert "25 (2 videos), 30 (1 video), 25.1 (1 video)" in problem
    found = inspect(
        opening.open_dataset(tmp_path, videos_list=tmp_path / "val.csv")
    )
    assert not found.remarks and found.validation == {1: 1}
    assert found.understood.startswith("val.csv: separated by commas")
    assert found.to_dict()["validation"] == {"1": 1}


@pytest.fixture
def frames(tmp_path):
    for name, video in (("a", 0), ("b", 1), ("c", 2), ("d", 3)):
        write_frames(tmp_path / "run" / name, 10, video=video)
        write_flow(tmp_path / "run" / name, 9, video=video)
    return tmp_path


def open_lists(root, train, test):
    for part, names in (("train", train), ("val", test)):
        lines = "".join(f"run/{name} 10 0\n" for name in names)
        (root / f"{part}_split_1.txt").write_text(lines)
    return opening.open_dataset(root)


def test_frame_folders(frames):
    found = inspect(open_lists(frames, "ab", "cde"))
    assert found.kind == "frames"
    assert found.images == {
        "rgb": Counts(10, 10, 10),
        "flow": Counts(9, 9, 9),
    }
    assert found.missing == ("run/e",)
    (told,) = found.remarks
    assert told.startswith("2 of 2 videos to train on have fewer than 15 ima")
    assert found.is_sound and not found.short and not found.identical
    # 3 segments of 5 images, each with a start of its own.
    write_frames(frames / "run" / "e", 7)
    write_flow(frames / "run" / "e", 6)
    found = inspect(open_lists(frames, "ab", "cde"))
    assert found.short == {"run/e": "6 images of flow, 7 are needed"}
    assert found.images["rgb"] == Counts(7, 10, 10) and found.is_sound


def test_what_is_wrong_with_frame_folders(frames):
    shutil.copytree(frames / "run" / "a", frames / "run" / "copy")
    # Like a, but for one image in between.
    shutil.copytree(frames / "run" / "a", frames / "run" / "like")
    shutil.copy(
        frames / "run" / "b" / "img_00004.jpg",
        frames / "run" / "like" / "img_00004.jpg",
    )
    (frames / "run" / "b" / "flow_x_00003.jpg").write_bytes(b"")
    (frames / "run" / "c" / "flow_y_00003.jpg").unlink()
    found = inspect(open_lists(frames, ["a", "b", "c"], ["d", "copy", "like"]))
    assert found.identical == (("run/a", "run/copy"),)
    assert found.leaks == (Leak(1, "content", "run/a", "run/copy"),)
    assert sorted(found.broken) == ["run/b", "run/c"]
    assert "flow_x_00003.jpg': it is empty" in found.broken["run/b"]
    assert "Missing: 3" in found.broken["run/c"]


def test_groups_in_both_parts(frames):
    for name in "ab":
        (frames / "run" / name).rename(frames / "run" / f"v_Run_g07_c0{name}1")
    names = ["v_Run_g07_c0a1", "v_Run_g07_c0b1"]
    found = inspect(open_lists(frames, [names[0], "c"], [names[1], "d"]))
    assert found.leaks == (
        Leak(1, "group", f"run/{names[0]}", f"run/{names[1]}"),
    )


def test_prepared_datasets(small_videos, tmp_path, in_process):
    clips = sorted(small_videos.rglob("*.avi"))[::3]
    for name, clip in zip(("run/a", "run/b", "walk/a", "walk/b"), clips):
        path = tmp_path / "videos" / f"{name}.avi"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clip, path)
    (tmp_path / "videos" / "walk" / "c.avi").write_bytes(b"no video")
    shutil.copy(clips[3], tmp_path / "videos" / "walk" / "d.avi")
    videos = opening.open_dataset(tmp_path / "videos")
    out = tmp_path / "prepared"
    prepare(videos.catalog, out, Preparation(flow="dis"))
    found = inspect(opening.open_dataset(out))
    assert found.kind == "prepared" and found.num_videos == 5
    assert "\n".join(_report(found)).splitlines()[1] == (
        "made     frames short256, JPEG of quality 95, flow by dis within 20 "
        "pixels"
    )
    assert found.images == {
        "rgb": Counts(12, 12, 12),
        "flow": Counts(11, 11, 11),
    }
    assert list(found.broken) == ["walk/c.avi"]
    assert found.broken["walk/c.avi"].startswith("not prepared: ")
    assert found.identical == (("walk/b.avi", "walk/d.avi"),)
    # A record that does not decode.
    shard = out / "rgb" / "rgb-00000.tfrecord"
    content = bytearray(shard.read_bytes())
    place = content.index(b"\xff\xd8\xff")
    content[place : place + 3] = b"bad"
    shard.write_bytes(content)
    found = inspect(opening.open_dataset(out))
    assert len(found.broken) == 2
    (reason,) = (r for name, r in found.broken.items() if "c.avi" not in name)
    assert "rgb-00000.tfrecord' is damaged" in reason
