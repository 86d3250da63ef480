import csv
import json
import weakref

import cv2
import numpy as np
import pytest

from keras_vidrec.data.sources.moving_clip import MovingClip
from keras_vidrec.evaluation import timeline
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.evaluation.scorers.scorer import Average
from keras_vidrec.evaluation.scorers.windows import SharedSnippets
from keras_vidrec.evaluation.scorers.windows import Windows
from keras_vidrec.evaluation.segments import Segment
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.specs import TestProtocol as Protocol
from keras_vidrec.videos.frame_stream import FileStream
from keras_vidrec.videos.video import VideoError
from tests.evaluation.mean_color_network import mean_color_network
from tests.evaluation.ordered_network import CHUNKS
from tests.evaluation.ordered_network import ordered_network
from tests.videos import encodings

CLASSES = ("jump", "run", "sit")
FLOW = FlowSpec("dis", bound=6)
FRAME = FrameSpec("short40")


class Frames:
    """A stream of given frames, some of which may be lacking."""

    name = "frames"
    frame_rate = 10.0
    deinterlace = None
    num_skipped = 0

    def __init__(self, numbered):
        self._numbered = numbered

    def frames(self, hold):
        return iter(self._numbered)


def timed(frames):
    """Frames of ten a second with their numbers and times."""
    return [(t, t / 10, frame) for t, frame in enumerate(frames)]


def pictures(number, seed=0):
    """A texture that moves, and grows lighter."""
    rng = np.random.default_rng(seed)
    texture = cv2.GaussianBlur(
        rng.integers(0, 200, (40, 60 + 2 * number, 3), "uint8"), (5, 5), 2
    )
    return np.stack(
        [texture[:, 2 * t : 2 * t + 60] + np.uint8(t) for t in range(number)]
    )


def write_video(path, frames):
    """Without loss."""
    size = frames.shape[2], frames.shape[1]
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*"FFV1"), 10, size
    )
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    return path


@pytest.mark.parametrize(
    "averaged, spec, crops",
    [
        ("logits", ClipSpec(size=32), "ten"),
        ("probabilities", ClipSpec(("rgb_diff",), snippet_length=3, size=32),
         "center"),
        ("probabilities", ClipSpec(size=32, sampling="uniform"),
         "frame_and_mirror"),
        ("probabilities", ClipSpec(("rgb", "flow"), snippet_length=3, size=32,
                  flow=FLOW, frame=FRAME, sampling="tsn_pytorch"), "ten"),
        ("logits", ClipSpec(("warped_flow", "rgb"), snippet_length=4, size=32,
                  flow=FLOW, frame=FRAME,
                  alignment="centered"), "center"),
    ],
)  # fmt: skip
def test_a_window_is_as_a_video_of_its_frames(tmp_path, averaged, spec, crops):
    frames = pictures(47)
    test = Protocol(num_segments=6, crops=crops, averaged=averaged)
    model = mean_color_network(CLASSES, clip_spec=spec, test=test)
    path = write_video(tmp_path / "long.avi", frames)
    predictor = Predictor(model)
    found = list(predictor.windows(FileStream(path), 2.0, 0.7))
    windows = Windows(test.shown(spec), 10, 2.0, 0.7)
    ends = [windows.start(k) + windows.num_frames for k in range(9)]
    assert len(found) == sum(end <= 47 for end in ends) >= 4
    for number, window in enumerate(found):
        start = windows.start(number)
        end = start + windows.num_frames
        assert (window.start, window.end) == (start / 10, end / 10)
        cut = write_video(tmp_path / "cut.avi", frames[start:end])
        alone = predictor(cut, top=3)
        named = dict(zip(alone.classes, alone.probabilities))
        expected = [named[name] for name in CLASSES]
        np.testing.assert_allclose(window.probabilities, expected, atol=1e-6)
    # They are not all the same.
    assert np.ptp([w.probabilities[0] for w in found]) > 1e-3


@pytest.mark.parametrize("num_clips", [1, 3])
def test_ordered_networks_see_whole_windows(tmp_path, num_clips):
    frames = pictures(40)
    spec = CHUNKS.replace(
        modalities=("rgb", "flow"), snippet_length=4, flow=FLOW, frame=FRAME
    )
    test = Protocol(
        num_segments=4, num_clips=num_clips, crops="frame_and_mirror",
        averaged="probabilities",
    )  # fmt: skip
    predictor = Predictor(ordered_network(CLASSES, clip_spec=spec), test)
    assert not predictor.shares_snippets
    path = write_video(tmp_path / "long.avi", frames)
    found = list(predictor.windows(FileStream(path), 2.5, 0.5))
    assert [window.start for window in found] == [0, 0.5, 1, 1.5]
    for window in found:
        start = round(10 * window.start)
        cut = write_video(tmp_path / "cut.avi", frames[start : start + 25])
        expected = np.sort(predictor(cut).probabilities)
        np.testing.assert_allclose(
            np.sort(window.probabilities), expected, atol=1e-6
        )


class CountingScorer:
    """Logits of a snippet: the value of its pixels, which it remembers."""

    average = Average(lambda logits: logits, lambda mean: mean)

    def __init__(self):
        self.seen = []

    def logits(self, clip):
        values = clip.reshape(len(clip), -1).mean(axis=1)
        self.seen.append(values)
        return values[:, None].astype("float32")


def test_each_snippet_passes_the_network_once():
    """(20 - 1) // 9 = 2 frames apart, of 200 frames: 100, some 4 a call."""
    frames = np.full((200, 32, 32, 3), np.arange(200)[:, None, None, None])
    spec = ClipSpec(size=32, num_segments=10)
    windows = Windows(spec, 10, 2.0, 0.8)
    clip, scorer = MovingClip(spec, "center"), CountingScorer()
    score = SharedSnippets(scorer, clip, windows)
    stream = Frames(timed(frames.astype("uint8")))
    found = list(timeline.scan(stream, windows, clip, score))
    assert [start for start, _ in found] == [t / 10 for t in range(0, 181, 8)]
    for start, logits in found:
        # The mean of 0..18.
        np.testing.assert_allclose(logits, [10 * start + 9])
    assert {len(values) for values in scorer.seen} == {4}  # one shape
    # The first window's third call is filled up with its first snippet twice.
    seen = np.concatenate(scorer.seen)
    assert len(seen) == len(set(seen)) + 2
    assert set(seen) == set(range(0, 196, 2))


@pytest.mark.parametrize(
    "modality, num_frames", [("rgb", 20_000), ("flow", 2_000)]
)
def test_an_hour_takes_no_more_memory_than_a_minute(modality, num_frames):
    """Of the frames themselves two are alive at a time, of their images those
    of a window and a stride."""
    alive = most_alive = most_held = 0

    def forget():
        nonlocal alive
        alive -= 1

    def frames():
        nonlocal alive, most_alive, most_held
        for index in range(num_frames):
            frame = np.full((16, 20, 3), index % 251, np.uint8)
            weakref.finalize(frame, forget)
            alive += 1
            most_alive = max(most_alive, alive)
            most_held = max(most_held, clip.num_images)
            yield index, index / 10, frame

    spec = ClipSpec(
        (modality,), num_segments=10, size=16, frame=FrameSpec("20x16"),
        flow=FlowSpec("dis"),
    )  # fmt: skip
    windows = Windows(spec, 10, 2.0, 1.0)
    clip = MovingClip(spec, "center")
    score = SharedSnippets(CountingScorer(), clip, windows)
    stream = Frames(frames())
    found = sum(1 for _ in timeline.scan(stream, windows, clip, score))
    assert found == num_frames // 10 - 1
    assert most_alive <= 3
    assert most_held <= 2 * (windows.num_frames + 10)
    assert len(score._views) <= 2 * spec.num_segments


def test_no_window_has_a_gap():
    frames = pictures(70)
    numbered = timed(frames)
    del numbered[33:41]
    model = mean_color_network(CLASSES, clip_spec=ClipSpec(size=32))
    found = list(Predictor(model, "5x1").windows(Frames(numbered), 1.0, 0.4))
    starts = [round(10 * window.start) for window in found]
    assert starts == [0, 4, 8, 12, 16, 20, 41, 45, 49, 53, 57]
    # Nothing of before is taken for something of after.
    after = Frames(timed(frames[41:]))
    again = list(Predictor(model, "5x1").windows(after, 1.0, 0.4))
    for window, other in zip(found[6:], again, strict=True):
        np.testing.assert_allclose(
            window.probabilities, other.probabilities, rtol=1e-6
        )


def test_windows_tell_the_seconds_of_their_frames(tmp_path):
    """Black for 2 s at 25 frames a second, then white at 2.5, 1.6 s late."""
    path = tmp_path / "a.mp4"
    encodings.ffmpeg(
        "-f", "lavfi", "-i", "sine=d=12",
        "-f", "lavfi", "-i", "color=black:s=32x32:r=25:d=2,format=yuv420p",
        "-f", "lavfi", "-i", "color=white:s=32x32:r=25:d=8,format=yuv420p",
        "-filter_complex",
        "[1][2]concat,select='lt(n,50)+not(mod(n,10))',setpts=PTS+1.6/TB",
        "-fps_mode", "passthrough", "-c:v", "libx264", path,
    )  # fmt: skip
    stream = FileStream(path)
    model = mean_color_network(CLASSES, clip_spec=ClipSpec(size=32))
    found = list(Predictor(model, "5x1").windows(stream, 1.0, 0.5))
    assert (found[0].start, found[0].end) == (1.6, 2.6)
    assert 0 <= 11.6 - found[-1].end < 0.75  # less than a stride, and the grid
    values = np.array([window.probabilities[0] for window in found])
    dark = np.array([window.end <= 3.6 for window in found])
    light = np.array([window.start >= 3.6 for window in found])
    assert dark.sum() == 3 and light.sum() > 12
    assert np.ptp(values[dark]) < 1e-6 and np.ptp(values[light]) < 1e-6
    assert abs(values[dark][0] - values[light][0]) > 0.01


def test_frames_are_taken_as_the_network_wants_them(tmp_path):
    path = write_video(tmp_path / "a.avi", pictures(40))
    spec = ClipSpec(size=32, frame={"fps": 5, "size": "short40"})
    predictor = Predictor(mean_color_network(CLASSES, clip_spec=spec), "5x1")
    found = list(predictor.windows(FileStream(path, fps=5), 1.0, 1.0))
    assert [(w.start, w.end) for w in found] == [(t, t + 1) for t in range(4)]
    # Every other frame alone is the same video.
    half = write_video(tmp_path / "half.avi", pictures(40)[::2])
    again = predictor.windows(FileStream(half, 5), 1.0, 1.0)
    for window, other in zip(found, again, strict=True):
        np.testing.assert_allclose(window.probabilities, other.probabilities)
    with pytest.raises(ValueError, match="a stream of fps=5.* Received: 10 "):
        next(predictor.windows(FileStream(path), 1.0, 1.0))
    stream = FileStream(path, fps=5, deinterlace="yadif")
    with pytest.raises(ValueError, match="5 frames a second, deint.*'yadif'"):
        next(predictor.windows(stream, 1.0, 1.0))


def test_windows_may_lie_apart():
    model = mean_color_network(CLASSES, clip_spec=ClipSpec(size=32))
    frames = Frames(timed(pictures(30)))
    found = list(Predictor(model, "3x1").windows(frames, 0.5, 1.2))
    assert [window.start for window in found] == [0, 1.2, 2.4]


def test_a_video_shorter_than_the_window(tmp_path):
    path = write_video(tmp_path / "short.avi", pictures(12))
    predictor = Predictor(mean_color_network(CLASSES))
    message = (
        "too short: it has 12 frames, 1.20 s, and a window has 20, 2.00 s. "
        "Choose a shorter"
    )
    with pytest.raises(VideoError, match=message):
        list(predictor.windows(FileStream(path), 2.0, 1.0))


@pytest.fixture
def example():
    rows = [(0.25, 0.5, 0.25), (0.1, 0.2, 0.7)]
    return timeline.Timeline(
        "a.mp4",
        ("jump", "run, far", "ünder"),
        [
            timeline.WindowPrediction(t, t + 2.0, np.array(row))
            for t, row in enumerate(rows)
        ],
    )


def test_the_window_of_a_moment(example):
    first, second = example.windows
    assert [example.at(t) for t in (0, 1.4, 1.6, 9)] == [
        first,
        first,
        second,
        second,
    ]
    assert example.best(first, 2) == [("run, far", 0.5), ("jump", 0.25)]


def test_files_of_a_timeline(tmp_path, example):
    example.save_csv(tmp_path / "a.csv")
    with open(tmp_path / "a.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    assert list(rows[0])[:4] == ["start", "end", "class", "probability"]
    assert rows[1]["class"] == "ünder" and rows[1]["start"] == "1.000"
    for row, window in zip(rows, example.windows):
        np.testing.assert_allclose(
            [float(row[name]) for name in example.classes],
            window.probabilities,
        )
    example.save_json(tmp_path / "a.json", [Segment("ünder", 0.5, 2.0, 0.75)])
    content = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert content["video"] == "a.mp4" and len(content["windows"]) == 2
    assert content["classes"] == list(example.classes)
    assert content["segments"] == [
        {"class": "ünder", "start": 0.5, "end": 2.0, "score": 0.75}
    ]
    assert content["windows"][0] == {
        "start": 0.0,
        "end": 2.0,
        "class": "run, far",
        "probability": 0.5,
        "probabilities": [0.25, 0.5, 0.25],
    }
