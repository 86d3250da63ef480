"""The tests of the papers, by the frames that they show."""

import numpy as np
import pytest

from keras_vidrec.applications import STFN
from keras_vidrec.applications import TSLSTM
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.data.clips import reader
from keras_vidrec.data.clips import sampling
from keras_vidrec.evaluation import protocols
from keras_vidrec.specs import PROTOCOLS
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import TestProtocol as Protocol
from tests.applications.joined_streams import without_values
from tests.evaluation.mean_color_network import mean_color_network
from tests.evaluation.ordered_network import ordered_network

CLASSES = ("even", "odd")
LENGTHS = (12, 90, 180, 1000)
STREAMS = {
    "modalities": ("rgb", "flow"),
    "snippet_length": 10,
    "alignment": "centered",
}

# What the networks of the papers see of videos of `LENGTHS`: numbers of frames
# from 0 on, worked out by hand from the papers and their programs.
GOLDEN = {
    # TSN: frame 1 and each (N - 1) // 24 further ones.
    "25x10": (
        ClipSpec(),
        (
            [0] * 25,
            [0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 39, 42, 45, 48,
             51, 54, 57, 60, 63, 66, 69, 72],
            [0, 7, 14, 21, 28, 35, 42, 49, 56, 63, 70, 77, 84, 91, 98, 105,
             112, 119, 126, 133, 140, 147, 154, 161, 168],
            [0, 41, 82, 123, 164, 205, 246, 287, 328, 369, 410, 451, 492, 533,
             574, 615, 656, 697, 738, 779, 820, 861, 902, 943, 984],
        ),
    ),
    # TS-LSTM: 5 + k max(1, (N - 9) // 25), at most N - 5, counted from 1, of N
    # images of flow, one less than frames.
    "25x1": (
        ClipSpec(sampling="feature_grid", num_segments=25, ordered=True),
        (
            [4] + [5] * 24,
            [4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 34, 37, 40, 43, 46, 49, 52,
             55, 58, 61, 64, 67, 70, 73, 76],
            [4, 10, 16, 22, 28, 34, 40, 46, 52, 58, 64, 70, 76, 82, 88, 94,
             100, 106, 112, 118, 124, 130, 136, 142, 148],
            [4, 43, 82, 121, 160, 199, 238, 277, 316, 355, 394, 433, 472, 511,
             550, 589, 628, 667, 706, 745, 784, 823, 862, 901, 940],
        ),
    ),
    # ST-Multiplier: 25 of 6 .. N - 5, evenly, its ends among them.
    "25xframe": (
        ClipSpec(**STREAMS, sampling="chunks", stride=(5, 35), ordered=True),
        (
            [5] * 12 + [6] * 13,
            [5, 8, 12, 15, 18, 21, 25, 28, 31, 35, 38, 41, 45, 48, 51, 54, 58,
             61, 64, 68, 71, 74, 77, 81, 84],
            [5, 12, 19, 26, 33, 40, 47, 54, 61, 68, 75, 82, 90, 97, 104, 111,
             118, 125, 132, 139, 146, 153, 160, 167, 174],
            [5, 46, 87, 129, 170, 211, 252, 293, 335, 376, 417, 458, 500, 541,
             582, 623, 664, 706, 747, 788, 829, 870, 912, 953, 994],
        ),
    ),
    # Two-stream fusion: 15 frames apart in 6 .. N - 5; one clip in the middle,
    # ten from the first to the last that there is.
    "5_chunks": (
        ClipSpec(**STREAMS, sampling="chunks", stride=(1, 10), ordered=True),
        (
            [5, 5, 5, 5, 6],
            [14, 29, 44, 59, 74],
            [59, 74, 89, 104, 119],
            [469, 484, 499, 514, 529],
        ),
    ),
    "10x5_chunks": (
        ClipSpec(**STREAMS, sampling="chunks", stride=(1, 10), ordered=True),
        (
            [5, 5, 5, 5, 6] * 10,
            [start + 15 * k
             for start in (5, 7, 9, 11, 13, 15, 17, 19, 21, 24)
             for k in range(5)],
            [start + 15 * k
             for start in (5, 17, 29, 41, 53, 65, 77, 89, 101, 114)
             for k in range(5)],
            [start + 15 * k
             for start in (5, 108, 211, 314, 417, 521, 624, 727, 830, 934)
             for k in range(5)],
        ),
    ),
    # STFN: the middles of 5 equal parts of each of 7 segments, of the flow
    # images, one less than frames; the k-th of each in sequence k.
    "5_sequences": (
        ClipSpec(**STREAMS, sampling="uniform", num_segments=7, ordered=True),
        (
            [0, 1, 3, 4, 6, 8, 9, 0, 2, 3, 5, 6, 8, 9, 0, 2, 3, 5, 7, 8, 10,
             1, 2, 4, 5, 7, 8, 10, 1, 2, 4, 6, 7, 9, 10],
            [1, 13, 26, 39, 52, 64, 77, 3, 16, 29, 41, 54, 67, 80, 6, 19, 31,
             44, 57, 69, 82, 8, 21, 34, 47, 59, 72, 85, 11, 24, 36, 49, 62, 75,
             87],
            [2, 28, 53, 79, 104, 130, 155, 7, 33, 58, 84, 109, 135, 161, 12,
             38, 63, 89, 115, 140, 166, 17, 43, 69, 94, 120, 145, 171, 23, 48,
             74, 99, 125, 150, 176],
            [14, 156, 299, 442, 585, 727, 870, 42, 185, 328, 470, 613, 756,
             899, 71, 214, 356, 499, 642, 784, 927, 99, 242, 385, 528, 670,
             813, 956, 128, 271, 413, 556, 699, 842, 984],
        ),
    ),
}  # fmt: skip


def test_no_paper_is_left_out():
    assert set(GOLDEN) == set(PROTOCOLS)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("name", GOLDEN)
def test_which_frames_are_shown(name, length):
    trained, golden = GOLDEN[name]
    test = PROTOCOLS[name].test
    spec = test.shown(trained)
    counts = {m: length - (m == "flow") for m in spec.modalities}
    reading = test.completed(trained).reading()
    del reading["crops"]
    rows = reader.image_indices(counts, spec, **reading)
    found = rows["rgb"][:, 0]
    np.testing.assert_array_equal(found, golden[LENGTHS.index(length)])
    if "flow" in rows:  # of 5 images before to 4 after
        middle = np.clip(found, 0, length - 2)
        np.testing.assert_array_equal(rows["flow"][:, 5], middle)


@pytest.mark.parametrize(
    "name, crops, averaged",
    [
        ("25x10", "ten", "logits"),
        ("25x1", "center", "logits"),
        ("25xframe", "frame_and_mirror", "logits"),
        ("5_chunks", "frame_and_mirror", "logits"),
        ("10x5_chunks", "frame_and_mirror", "logits"),
        ("5_sequences", "center", "probabilities"),
    ],
)
def test_what_of_them_counts(name, crops, averaged):
    test = Protocol.named(name)
    assert (test.crops, test.averaged) == (crops, averaged)
    assert test.name == name


def test_the_network_decides():
    model = ordered_network(CLASSES, test=PROTOCOLS["5_sequences"].test)
    test, spec = protocols.of(model)
    assert test.num_segments == spec.num_segments == 5  # as trained
    assert (spec.sampling, spec.stride) == ("uniform", None)
    # One that was built for a length is shown that.
    fixed = ordered_network(CLASSES, num_segments=3)
    assert protocols.of(fixed)[0].num_segments == 3
    # In chunks as trained, unless it is told.
    assert protocols.of(model, Protocol())[0].stride == 7
    test, spec = protocols.of(model, "10x5_chunks")
    assert test.stride == 15 and spec.stride == (15, 15)


def test_builders_know_the_test_of_their_paper():
    assert protocols.own(without_values(STFN, classes=3)).name == "5_sequences"
    test, _ = protocols.of(
        without_values(TSLSTM, classes=3, num_segments=9, features=4)
    )
    assert test.num_segments == 9 and test.crops == "center"


def test_a_network_without_one_asks_for_it():
    model = mean_color_network(CLASSES, test=None)
    with pytest.raises(ValueError, match="`protocol`, such as 25x10, 25x1"):
        protocols.of(model)
    assert protocols.of(model, "8x10")[0].num_segments == 8
    predictions_layer(model).clip_spec = None
    with pytest.raises(ValueError, match="with a clip specification"):
        protocols.of(model, "8x10")


@pytest.mark.parametrize("name", ["25x3", "0x1", "x1", "8x1 ", None, 25])
def test_an_unknown_one_is_refused(name):
    with pytest.raises(ValueError, match="25x10.*'8x10'. Received: protocol="):
        protocols.get(name)


@pytest.mark.parametrize(
    "first, last, segments, expected",
    [
        (0, 10, 5, [0, 3, 5, 8, 10]),  # halves up
        (5, 6, 4, [5, 5, 6, 6]),
        (3, 9, 1, [6]),
        (5, 4, 3, [4, 4, 4]),  # no valid position
        (5, -3, 2, [1, 1]),
    ],
)
def test_spread_indices(first, last, segments, expected):
    found = sampling.spread_indices(first, last, segments)
    assert found.tolist() == expected and found.dtype == np.int64
