"""Which images of flow the networks of the papers see, by the arithmetic of
their programs, in which images and frames are counted from 1 and image k is
the motion from frame k to the next one."""

import fractions

import numpy as np
import pytest

from keras_vidrec.data import opening
from keras_vidrec.data.clips import reader
from keras_vidrec.data.preparing.prepare import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.data.sources.records import Records
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import TestProtocol as Protocol
from tests.data import frame_images
from tests.data import numbered_video
from tests.data.memory_source import MemorySource

SIZES = (12, 90, 100, 180, 1000)


def halves_up(value):
    return int(value + fractions.Fraction(1, 2))


def flows_of_forward(n):
    """TSN's `eval_net.py`: of N - 1 images."""
    step = max((n - 1 - 5) // 24, 0)
    starts = [1 + k * step for k in range(25)]
    return [[min(s + j, n - 1) for j in range(5)] for s in starts]


def positions_of_centered(n):
    """`cnn_ucf101_get_flow_batch.m`: t = 6 .. N - 5, t - 5 .. t + 4."""
    steps = (fractions.Fraction(k * (n - 11), 24) for k in range(25))
    return [6 + halves_up(step) for step in steps]


def positions_of_features(n):
    """`run_pred-feat_twoStreams.lua`, whose frames are those of flow."""
    interval = max(1, (n - 1 - 9) // 25)
    return [min(5 + k * interval, n - 1 - 5) for k in range(25)]


def around(positions, first, last):
    return [list(range(t + first, t + last + 1)) for t in positions]


STREAM = ClipSpec(("flow",), num_segments=1, snippet_length=10, size=16)
TSN = (STREAM.replace(snippet_length=5), Protocol())
CENTERED = (
    STREAM.replace(sampling="spread", alignment="centered"),
    Protocol(crops="center"),
)
TS_LSTM = (
    STREAM.replace(sampling="spread", alignment="backward"),
    Protocol(sampling="feature_grid", alignment="centered_late"),
)


def images_seen(spec, test, n, modality="flow"):
    """Images of the 25 segments of a test, counted from 1."""
    shown = test.shown(spec.replace(modalities=(modality,)))
    counts = {modality: n - (modality == "flow")}
    found = reader.image_indices(counts, shown, 25, "test")[modality]
    return (found + 1).tolist()


@pytest.mark.parametrize("n", SIZES)
def test_flow_of_a_single_stream_in_a_test(n):
    assert images_seen(*TSN, n) == flows_of_forward(n)
    expected = around(positions_of_centered(n), -5, 4)
    assert images_seen(*CENTERED, n) == expected
    assert expected[0][0] == 1 and expected[-1][-1] == n - 1
    expected = around(positions_of_features(n), -4, 5)
    assert images_seen(*TS_LSTM, n) == expected
    assert expected[0] == list(range(1, 11))  # and no image twice
    assert max(map(max, expected)) <= n - 1


def test_golden_lists():
    f = [5, 8, 11, 14, 17, 20, 23, 26, 29, 32, 35, 38, 41, 44, 47, 50, 53, 56,
         59, 62, 65, 68, 71, 74, 77]  # fmt: skip
    assert positions_of_features(100) == f == positions_of_features(101)
    assert positions_of_features(12) == [5, *[6] * 24]
    assert positions_of_features(1000)[-3:] == [863, 902, 941]
    assert positions_of_centered(12) == [*[6] * 12, *[7] * 13]
    assert positions_of_centered(180)[:6] == [6, 13, 20, 27, 34, 41]
    assert positions_of_centered(90)[-3:] == [78, 82, 85]
    # As frames of rgb, alone or beside flow, with whatever storage.
    for n in SIZES:
        still = STREAM.replace(modalities=("rgb",), snippet_length=1)
        alone = images_seen(
            still.replace(sampling="spread"), TS_LSTM[1], n, "rgb"
        )
        assert [[t] for t in positions_of_features(n)] == alone
        both = TS_LSTM[1].shown(STREAM).replace(modalities=("rgb", "flow"))
        counts = {"rgb": n, "flow": n - 1}
        found = reader.image_indices(counts, both, 25, "test")
        assert (found["rgb"] + 1).tolist() == alone
        assert (found["flow"] + 1).tolist() == images_seen(*TS_LSTM, n)


@pytest.mark.parametrize("spec", [CENTERED[0], TS_LSTM[0]])
@pytest.mark.parametrize("n", [12, 13, 40])
def test_training_draws_whole_stacks_alone(spec, n):
    """`randperm` of t = 6 .. N - 5; images 10 .. N - 1 of `ucf101-flow.lua`:
    either way each stack of 10 of the N - 1 images."""
    rng = np.random.default_rng(0)
    drawn = np.concatenate(
        [
            reader.image_indices({"flow": n - 1}, spec, 1, "train", rng)["flow"]
            for _ in range(60 * (n - 10))
        ]
    )
    stacks, times = np.unique(drawn[:, 0] + 1, return_counts=True)
    np.testing.assert_array_equal(np.diff(drawn, axis=1), 1)
    assert stacks.tolist() == list(range(1, n - 9))
    assert times.min() > 25
    middle = reader.image_indices({"flow": n - 1}, spec, 1, "validation")
    assert middle["flow"][0, 0] == (n - 11) // 2


def test_segments_of_a_training_clip_are_drawn_from_their_parts():
    spec = CENTERED[0]
    rng = np.random.default_rng(0)
    for _ in range(50):
        found = reader.image_indices({"flow": 40}, spec, 3, "train", rng)
        # The positions 5 .. 35.
        first, second, third = found["flow"][:, 5]
        assert 5 <= first < 15 <= second < 25 <= third < 36
    short = reader.image_indices({"flow": 8}, spec, 3, "train", rng)["flow"]
    assert short.tolist() == [[0, *range(8), 7]] * 3


@pytest.mark.parametrize(
    "alignment, length, expected",
    [
        ("forward", 4, [9, 10, 11, 12]),
        ("centered", 4, [8, 9, 10, 11]),
        ("centered_late", 4, [9, 10, 11, 12]),
        ("backward", 4, [7, 8, 9, 10]),
        ("centered", 5, [8, 9, 10, 11, 12]),
        ("centered_late", 5, [8, 9, 10, 11, 12]),
        ("backward", 1, [10]),
    ],
)
def test_alignments(alignment, length, expected):
    spec = ClipSpec(
        ("rgb", "rgb_diff", "flow"), snippet_length=length, size=16,
        alignment=alignment, sampling="uniform", num_segments=1,
    )  # fmt: skip
    # Whole snippets alone, or any frame.
    index = 9 if alignment == "forward" else 10
    assert spec.images_before == index - expected[0]
    counts = {"rgb": 22, "rgb_diff": 22, "flow": 21}
    found = reader.image_indices(counts, spec, 1, "test")
    assert found["flow"].tolist() == [expected]
    # The frames that these images are made of.
    assert found["rgb_diff"].tolist() == [[*expected, expected[-1] + 1]]
    assert found["rgb"].tolist() == [[index]]


def test_pixels_are_those_of_the_stack():
    source = MemorySource(num_frames=100)
    spec, test = TS_LSTM
    shown = test.shown(spec)
    clip = reader.read_test_clip(source, 0, shown, **test.reading())["flow"]
    x = clip[:25, 0, 0, ::2].astype(int)  # of the first of ten crops
    assert (x + 1).tolist() == around(positions_of_features(100), -4, 5)


class Reads:
    """A source that notes what is asked of it."""

    def __init__(self, source, asked):
        self._source, self._asked = source, asked
        self.videos = source.videos

    def seen_as(self, frame):
        return Reads(self._source.seen_as(frame), self._asked)

    def num_frames(self, index, modality):
        return self._source.num_frames(index, modality)

    def read(self, index, modality, indices):
        self._asked.append((modality, [int(i) for i in indices]))
        return self._source.read(index, modality, indices)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """The same video of 30 frames as a file, as records and as folders of
    images, by what it is."""
    root = tmp_path_factory.mktemp("stored")
    videos, folders = root / "videos", root / "folders"
    for name in ("one", "other"):
        (videos / name).mkdir(parents=True)
        numbered_video.write(videos / name / "v.avi", 30, "MJPG")
        frame_images.write_frames(folders / name / "v", 30)
        frame_images.write_flow(folders / name / "v", 29)
    opened = opening.open_dataset(
        videos, flow=FlowSpec("farneback"), images_only=True
    )
    prepare(
        opened.catalog,
        root / "records",
        Preparation(flow="farneback", size="short24"),
        workers=1,
    )
    return {
        "videos": opened.source,
        "records": Records(root / "records"),
        "folders": opening.open_dataset(folders, images_only=True).source,
    }


@pytest.mark.parametrize("how", ["videos", "records", "folders"])
@pytest.mark.parametrize("spec, test", [TSN, CENTERED, TS_LSTM])
def test_the_same_in_each_storage(stored, how, spec, test):
    for modality in ("flow", "rgb"):
        length = spec.snippet_length if modality == "flow" else 1
        shown = test.shown(
            spec.replace(modalities=(modality,), snippet_length=length)
        )
        asked = []
        source = Reads(stored[how], asked)
        reader.read_test_clip(source, 0, shown, num_segments=25)
        counts = {modality: 30 - (modality == "flow")}
        expected = reader.image_indices(counts, shown, 25, "test")[modality]
        assert asked == [(modality, np.unique(expected).tolist())]
