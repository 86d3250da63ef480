"""`vidrec prepare` as a user runs it, and as the world ends it."""

import itertools
import json
import pathlib
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from keras_vidrec.data.catalogs import catalog
from keras_vidrec.data.sources.records import Records
from keras_vidrec.data.sources.video_files import VideoFiles
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from tests.cli.command import vidrec
from tests.data.frame_images import write_flow
from tests.data.frame_images import write_frames
from tests.data.prepared_records import records_of

COMMAND = [sys.executable, "-m", "keras_vidrec", "prepare"]


def arguments(videos, out, flow="none", size="96x80"):
    return [
        "ucf101",
        f"--videos={videos}",
        f"--out={out}",
        f"--flow={flow}",
        f"--size={size}",
        "--workers=2",
    ]


@pytest.fixture(scope="module")
def whole(small_videos, tmp_path_factory):
    """What the command makes when nothing comes between."""
    out = tmp_path_factory.mktemp("prepared") / "whole"
    said, err = vidrec("prepare", *arguments(small_videos, out))
    assert not err
    assert f"Prepared: {out} (rgb; 36 videos, 432 frames)" in said
    # No recipe of these frames is told less.
    assert (
        f"Next: vidrec train scratch --data {out} --out RUN "
        "--set clip.frame.size=96x80\n" in said
    )
    return out


def journal_lines(out):
    try:
        return (out / ".prepare" / "journal.jsonl").read_bytes().count(b"\n")
    except OSError:
        return 0


def children_of(pid):
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [pathlib.Path("/proc", child) for child in children.split()]


def wait_for_the_end_of(processes):
    """Nobody works on for a run that was killed."""
    end = time.monotonic() + 600  # on the slowest machine
    while any(is_running(process) for process in processes):
        assert time.monotonic() < end
        time.sleep(0.01)


def is_running(process):
    try:
        state = (process / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_killed_run_goes_on(small_videos, tmp_path):
    # Large enough that 36 videos take many times longer than the tenth of a
    # second between two syncs of the journal.
    large = {"flow": "dis", "size": "340x256"}
    killed = arguments(small_videos, tmp_path / "out", **large)
    kills = 0
    for least in (4, 15):
        process = subprocess.Popen(
            [*COMMAND, *killed], stdout=subprocess.DEVNULL
        )
        while process.poll() is None and (
            journal_lines(tmp_path / "out") < least
        ):
            time.sleep(0.001)
        children = children_of(process.pid)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        assert len(children) >= 2
        wait_for_the_end_of(children)
    assert kills == 2
    done = journal_lines(tmp_path / "out") - 1
    assert 14 <= done < 36
    assert not (tmp_path / "out" / "dataset.json").exists()
    out, _ = vidrec("prepare", *killed)
    assert "36 videos, 432 frames" in out
    whole = tmp_path / "whole"
    vidrec("prepare", *arguments(small_videos, whole, **large))
    # No video twice: one line each.
    assert journal_lines(tmp_path / "out") == 37
    assert records_of(tmp_path / "out") == records_of(whole)
    assert (
        Records(tmp_path / "out").catalog.splits[1]
        == (Records(whole).catalog.splits[1])
    )


def test_files_that_must_not_grow(small_videos, whole, tmp_path):
    """As a full disk: writing fails in the midst of a record."""
    limit = 250_000
    assert (whole / "rgb" / "rgb-00000.tfrecord").stat().st_size > 1.2 * limit
    command = [*COMMAND, *arguments(small_videos, tmp_path / "out")]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (limit, limit)
        ),
    )
    assert done.returncode == 1
    assert done.stderr.startswith("vidrec: [Errno 27] File too large")
    assert "run the same command again" in done.stderr
    assert done.stderr.count("\n") == 1
    assert 1 < journal_lines(tmp_path / "out") < 37
    vidrec("prepare", *arguments(small_videos, tmp_path / "out"))
    assert journal_lines(tmp_path / "out") == 37
    assert records_of(tmp_path / "out") == records_of(whole)


def test_bad_usage(small_videos, whole, tmp_path):
    _, err = vidrec(
        "prepare", *arguments(small_videos, tmp_path, "raft"), status=2
    )
    assert "raft" in err
    _, err = vidrec("prepare", *arguments(small_videos, whole, "dis"), status=1)
    assert "Expected flow=none; or choose another directory" in err
    assert err.count("\n") == 1


def test_frame_folders_are_packed(tmp_path):
    frames = tmp_path / "frames"
    for number, name in enumerate(("run/a", "run/b", "walk/a", "walk/b")):
        write_frames(frames / name, 8, video=number)
        write_flow(frames / name, 7, video=number)
    write_frames(frames / "walk" / "c", 8)
    (frames / "walk" / "c" / "img_00004.jpg").unlink()
    out = tmp_path / "packed"
    command = ("prepare", "frames", "--videos", frames, "--out", out)
    text, err = vidrec(*command, "--flow", "dis", "--bound", "32")
    assert "(rgb, flow; 4 videos, 32 frames)" in text
    assert "1 of 5 videos could not be prepared" in err
    assert records_of(out).keys() == {
        (modality, name)
        for modality in ("rgb", "flow")
        for name in ("run/a", "run/b", "walk/a", "walk/b")
    }
    text, err = vidrec("inspect", out, "--json", status=1)
    found = json.loads(text)
    assert found["kind"] == "prepared" and not err
    assert found["classes"] == {"run": 2, "walk": 2}
    assert found["images"]["flow"] == {"least": 7, "median": 7, "most": 7}
    assert list(found["broken"]) == ["walk/c"]
    assert "Missing: 4" in found["broken"]["walk/c"]


def test_videos_are_no_frame_folders(small_videos, tmp_path):
    _, err = vidrec(
        *("prepare", "frames", f"--videos={small_videos}"),
        *(f"--out={tmp_path / 'out'}", "--flow=dis"),
        status=1,
    )
    assert "Expected a directory of frame folders" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.large
def test_odd_videos_are_reported_and_skipped(real_data, small_videos, tmp_path):
    root = tmp_path / "videos"
    root.mkdir()
    (root / "good").symlink_to(small_videos / "LeftThenUp")
    (root / "odd").symlink_to(real_data / "odd_videos")
    out = tmp_path / "out"
    _, err = vidrec(
        "prepare",
        "folder",
        f"--videos={root}",
        f"--out={out}",
        "--flow=dis",
        "--size=64x48",
    )
    report = json.loads((out / "report.json").read_text())
    failed = report["failed"]
    assert f"{len(failed)} of {report['videos']} videos could not" in err
    assert "odd/result.webm" in failed  # of no bytes
    assert all(name.startswith("odd/") for name in failed)
    source = Records(out)
    assert "odd/-video-with-dash-.mp4" in source.videos
    assert len(source.videos) == report["prepared"]
    for i in range(len(source.videos)):
        count = source.num_frames(i, "rgb")
        assert source.num_frames(i, "flow") == count - 1
        assert source.read(i, "flow", [count - 2]).shape == (1, 48, 64, 2)


def first_packets(path, target, count):
    """The beginning of a real clip, as it is encoded."""
    av = pytest.importorskip("av")
    target.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path)) as clip, av.open(str(target), "w") as cut:
        video = clip.streams.video[0]
        stream = cut.add_stream_from_template(video)
        for packet in itertools.islice(clip.demux(video), count):
            packet.stream = stream
            cut.mux(packet)


@pytest.mark.large
def test_real_clips_by_tv_l1_with_odd_ones_among_them(real_data, tmp_path):
    root, out = tmp_path / "videos", tmp_path / "out"
    clips = sorted((real_data / "ucf101_clips").glob("*.avi"))
    for clip in clips:
        first_packets(clip, root / clip.stem.split("_")[1] / clip.name, 5)
    (root / "odd").symlink_to(real_data / "odd_videos")
    _, err = vidrec(
        *("prepare", "folder", f"--videos={root}", f"--out={out}"),
        *("--flow=tvl1", "--size=84x64"),
    )
    report = json.loads((out / "report.json").read_text())
    assert "odd/result.webm" in report["failed"]
    assert all(name.startswith("odd/") for name in report["failed"])
    assert f"{len(report['failed'])} of {report['videos']} videos" in err
    records = Records(out)
    real = [i for i, n in enumerate(records.videos) if not n.startswith("odd/")]
    assert len(real) == len(clips) == 79
    files = VideoFiles(catalog.folder(root), FlowSpec("tvl1"))
    files = files.seen_as(FrameSpec("84x64"))
    for i in real:
        assert records.num_frames(i, "flow") >= 3
    for i in real[::20]:  # JPEG, and two ways through the same arithmetic
        place = files.videos.index(records.videos[i])
        expected = files.read(place, "flow", [0, 1]).astype(int)
        difference = np.abs(records.read(i, "flow", [0, 1]) - expected)
        assert difference.mean() < 1


WATCHED = r"""
import multiprocessing, pathlib, sys, threading
from keras_vidrec.data.catalogs import catalog
from keras_vidrec.data.preparing import prepare
from keras_vidrec.data.preparing.video import Preparation

def watch():
    while not ended.wait(0.02):
        pids = [child.pid for child in multiprocessing.active_children()]
        total = 0
        for pid in ["self", *pids]:
            try:
                text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            # Pages that processes share count once.
            total += int(text.split("\nPss:")[1].split()[0]) / 1024
        peaks.append((total, len(pids)))

if __name__ == "__main__":
    ended, peaks = threading.Event(), []
    threading.Thread(target=watch, daemon=True).start()
    preparation = Preparation(flow=sys.argv[3], size="340x256")
    found = catalog.folder(sys.argv[1])
    prepare.prepare(found, sys.argv[2], preparation, workers=2)
    assert max(workers for _, workers in peaks) == 2
    print(max(total for total, _ in peaks))
"""


def peak_memory(tmp_path, num_frames, flow):
    """MB of the main process and two workers at the largest moment."""
    videos = tmp_path / str(num_frames) / "videos"
    for label in ("noise", "snow"):
        (videos / label).mkdir(parents=True)
        write_noise(videos / label / f"{label}.avi", num_frames)
    script = tmp_path / "watched.py"
    script.write_text(WATCHED)
    out = tmp_path / str(num_frames) / "out"
    done = subprocess.run(
        [sys.executable, script, videos, out, flow],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(done.stdout)


@pytest.mark.large
def test_memory_does_not_grow_with_a_video(tmp_path):
    short, long = (
        peak_memory(tmp_path, num_frames, "dis") for num_frames in (40, 600)
    )
    # The frames of one video are 150 MB, its JPEGs over 50 MB.
    shards = (tmp_path / "600" / "out").glob("*/*.tfrecord")
    assert sum(shard.stat().st_size for shard in shards) > 100e6
    assert long - short < 20


@pytest.mark.large
def test_memory_of_tv_l1(tmp_path):
    assert peak_memory(tmp_path, 12, "tvl1") < 2048


def write_noise(path, num_frames):
    import cv2

    rng = np.random.default_rng(0)
    scene = rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (340, 256)
    )
    for t in range(num_frames):
        y, x = t % 40, t * 7 % 60
        writer.write(np.ascontiguousarray(scene[y : y + 256, x : x + 340]))
    writer.release()
