import pytest

from keras_vidrec.evaluation import protocols
from keras_vidrec.training import recipes


@pytest.mark.parametrize(
    "name, segments, clips, crops, stride, sampling",
    [
        # TSN; TS-LSTM; single streams of the multiplier: on the grid that the
        # network was trained on.
        ("25x10", 25, 1, "ten", None, None),
        ("25x1", 25, 1, "center", None, None),
        ("25xframe", 25, 1, "frame_and_mirror", None, None),
        # Chunks lie 15 frames apart: the multiplier's one pass, the one clip
        # of two-stream fusion, and the ten of its authors' code.
        ("25_chunks", 25, 1, "frame_and_mirror", 15, "chunks"),
        ("5_chunks", 5, 1, "frame_and_mirror", 15, "chunks"),
        ("10x5_chunks", 5, 10, "frame_and_mirror", 15, "chunks"),
        # STFN: of as many segments as it was trained on.
        ("5_sequences", 7, 5, "center", None, "uniform"),
    ],
)
def test_what_the_network_sees(name, segments, clips, crops, stride, sampling):
    test = protocols.get(name).test(recipes.get("stfn_stage1_ucf101"))
    assert (test.num_segments, test.num_clips) == (segments, clips)
    assert (test.crops, test.stride, test.sampling) == (crops, stride, sampling)


def test_all_are_tested():
    (mark,) = test_what_the_network_sees.pytestmark
    assert [name for name, *_ in mark.args[1]] == [*protocols.PROTOCOLS]


def test_an_unknown_one_is_refused():
    with pytest.raises(ValueError, match="25x10.*Received: protocol='25x3'"):
        protocols.get("25x3")
