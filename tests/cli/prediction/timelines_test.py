"""Timelines of `vidrec predict --window` and `--camera`."""

import csv
import json
import os
import signal
import subprocess
import sys

import imageio_ffmpeg
import numpy as np

from keras_vidrec.applications.parts import model_file
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.evaluation.segments import Merging
from keras_vidrec.evaluation.segments import merge
from keras_vidrec.videos import video
from keras_vidrec.videos.frame_stream import FileStream
from tests.cli.command import vidrec
from tests.cli.prediction.conftest import CLASSES
from tests.data import numbered_video
from tests.evaluation.ordered_network import ordered_network
from tests.videos import encodings


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_timeline_and_an_overlay(model, clip, tmp_path):
    out = tmp_path / "out"
    printed, err = vidrec(
        "predict", model, clip, "--window", "1s", "--stride", "0.5s", "--json",
        "--out", out, "--overlay", out / "clip.mp4", "--top", "2",
    )  # fmt: skip
    lines = [json.loads(line) for line in printed.splitlines()]
    rows = rows_of(out / "clip-timeline.csv")
    predictor = Predictor(model_file.load(model))
    expected = list(predictor.windows(FileStream(clip), 1.0, 0.5))
    assert len(lines) == len(rows) == len(expected) == 3
    for line, row, window in zip(lines, rows, expected):
        assert line["video"] == str(clip) and len(line["classes"]) == 2
        assert line["start"] == float(row["start"]) == window.start
        assert line["classes"][0] == row["class"]
        np.testing.assert_allclose(
            [float(row[name]) for name in CLASSES],
            window.probabilities,
            atol=1e-5,
        )
    content = json.loads((out / "clip-timeline.json").read_text("utf-8"))
    assert len(content["windows"]) == 3
    assert (out / "clip-timeline.png").read_bytes()[1:4] == b"PNG"
    segments = merge(expected, CLASSES)
    assert content["segments"] == [s.to_dict() for s in segments] != []
    rows = rows_of(out / "clip-segments.csv")
    assert {(row["path"], row["label"]) for row in rows} == {
        (str(clip), segment.name) for segment in segments
    }
    assert (out / "clip-segments.vtt").read_text("utf-8").count("-->") == len(
        segments
    )
    info = video.probe(out / "clip.mp4")
    assert (info.num_frames, info.height, info.width) == (60, 48, 128)
    assert "Timeline: " in err and "Overlay, without sound" in err
    assert err.count("\n") == 2


def test_segments_are_merged_as_told(model, clip, tmp_path):
    vidrec(
        "predict", model, clip, "--window=0.4s", "--stride=0.2s", "--smoothing",
        "0.8s", "--min-length=0.3s", "--threshold=0.2", "--background=run",
        "--out", tmp_path,
    )  # fmt: skip
    stream = FileStream(clip)
    found = Predictor(model_file.load(model)).windows(stream, 0.4, 0.2)
    how = Merging(0.8, 0.3, 0.2, "run")
    expected = merge([*found], CLASSES, how)
    content = json.loads((tmp_path / "clip-timeline.json").read_text("utf-8"))
    assert content["segments"] == [s.to_dict() for s in expected] != []


def test_what_is_too_short_or_no_video_costs_the_others_nothing(
    model, clip, tmp_path
):
    broken = tmp_path / "broken.avi"
    broken.write_bytes(b"no video")
    short = numbered_video.write(tmp_path / "short.mp4", 10)
    out, err = vidrec(
        "predict", model, broken, short, clip, "--window=1", "--out", tmp_path,
        status=1,
    )  # fmt: skip
    assert err.count("\n") == 2 and "broken.avi" in err
    assert "10 frames, 0.40 s, and a window has 25, 1.00 s" in err
    assert "0.00 - 1.00 s" in out
    assert (tmp_path / "clip-timeline.csv").exists()
    assert not (tmp_path / "short-timeline.csv").exists()


def test_damage_is_told_once_also_of_what_is_too_short(model, tmp_path):
    cut = numbered_video.write(tmp_path / "cut.avi", 150)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    _, err = vidrec(
        "predict", model, cut, "--window=1s", "--out", tmp_path,
        "--overlay", tmp_path / "labeled.mp4",
    )  # fmt: skip
    assert err.count("\n") == 1
    assert err.startswith(f"{cut}: ") and "of the 150 frames" in err
    out, _ = vidrec("predict", model, cut, "--json")
    remarks = "; ".join(json.loads(out)["remarks"])
    assert "of the 150 frames" in remarks and "damaged" in remarks
    out, err = vidrec("predict", model, cut, "--window=4s", status=1)
    damaged, short = err.splitlines()
    assert not out and "are cut off" in damaged and "shorter window" in short


def test_times_are_those_of_the_video(model, tmp_path):
    """1 s at 25 frames a second, then 2 s at 5, shown 0.6 s late."""
    path = tmp_path / "a.mkv"
    encodings.ffmpeg(
        "-f", "lavfi", "-i", "sine=d=4", "-f", "lavfi", "-i",
        "color=black:s=48x32:r=25,format=yuv420p", "-filter:v",
        "settb=1/100,setpts=60+4*N+16*max(N-25\\,0)", "-fps_mode",
        "passthrough", "-frames:v", "35", "-c:v", "mpeg4", path,
    )  # fmt: skip
    labeled = tmp_path / "labeled.mp4"
    out, err = vidrec(
        "predict", model, path, "--window=1s", "--stride=1s", "--json",
        "--out", tmp_path, "--overlay", labeled,
    )  # fmt: skip
    spans = [(w["start"], w["end"]) for w in map(json.loads, out.splitlines())]
    assert spans == [(0.6, 1.6), (1.6, 2.6), (2.6, 3.6)]
    assert err.startswith(
        f"{path}: its frame rate varies; sampled at 25 frames per "
        "second by time stamps.\n"
    )
    np.testing.assert_allclose(
        video.frame_times(labeled), video.frame_times(path), atol=1e-3
    )
    raw = tmp_path / "a.h264"
    encodings.encode(raw, encodings.ENCODINGS["h264 without times"][1])
    _, err = vidrec("predict", model, raw, "--window=0.1s", status=1)
    assert err.count("\n") == 1 and "(--frame-rate), frames a second." in err
    out, err = vidrec(
        "predict", model, raw, "--window=0.5s", "--stride=0.5s", "--out",
        tmp_path, "--frame-rate=10",
    )  # fmt: skip
    assert out.splitlines()[1].startswith("    0.50 - 1.00 s")


def test_ordered_networks_say_that_nothing_is_shared(clip, tmp_path):
    path = tmp_path / "ordered.keras"
    model_file.save(ordered_network(CLASSES), path)
    _, err = vidrec(
        "predict",
        path,
        clip,
        "--window=1s",
        "--out",
        tmp_path,
        "--protocol=3x1",
    )
    assert err.count("\n") == 1 and "are computed separately" in err
    assert len(rows_of(tmp_path / "clip-timeline.csv")) == 3


def test_a_background_that_is_no_class(model, clip):
    command = ("predict", model, clip, "--background=jumb")
    _, err = vidrec(*command, "--window=1s", status=1)
    assert "Invalid `--background`" in err and "such as 'jump'" in err
    _, err = vidrec(*command, status=2)
    assert "--background need" in " ".join(err.split())


def test_no_camera(model):
    out, err = vidrec("predict", model, "--camera", "99", status=1)
    assert not out and err.count("\n") == 1
    assert err.startswith("vidrec: Expected the number of a camera")


# Where the tests run in the background, their processes ignore it.
HEEDING_CTRL_C = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from keras_vidrec.cli.main import main
main()
"""


def test_a_camera_until_ctrl_c(model, tmp_path):
    camera = tmp_path / "camera"
    os.mkfifo(camera)
    pictures = subprocess.Popen(
        [
            imageio_ffmpeg.get_ffmpeg_exe(), "-v", "quiet", "-nostdin", "-y",
            "-re", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=50", "-c:v",
            "mpeg2video", "-f", "mpegts", str(camera),
        ]
    )  # fmt: skip
    command = [
        sys.executable, "-c", HEEDING_CTRL_C, "predict", str(model),
        "--camera", str(camera), "--window", "0.4s", "--stride", "0.2s",
        "--out", str(tmp_path), "--protocol", "8x1",
    ]  # fmt: skip
    try:
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        ) as process:
            lines = [process.stdout.readline() for _ in range(3)]
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=600)  # only a fault lasts
    finally:
        pictures.kill()
        pictures.wait()
    assert process.returncode == 0, err
    assert all(" s  " in line for line in lines), lines
    assert "Timeline: " in out and not err
    (csv_file,) = tmp_path.glob("camera*-timeline.csv")
    rows = rows_of(csv_file)
    assert len(rows) >= 3
    starts = [float(row["start"]) for row in rows]
    assert starts == sorted(set(starts))
    assert csv_file.with_suffix(".png").exists()
