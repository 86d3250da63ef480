import pytest

from keras_vidrec.evaluation import protocols
from keras_vidrec.evaluation.scorers import scorer
from keras_vidrec.evaluation.scorers.scorer import ClipScorer
from keras_vidrec.evaluation.scorers.scorer import SnippetScorer
from keras_vidrec.specs import TestProtocol as Protocol
from tests.evaluation.mean_color_network import mean_color_network
from tests.evaluation.ordered_network import ordered_network

CLASSES = ("even", "odd")


def shown(num_segments, crops):
    return Protocol(num_segments=num_segments, crops=crops)


def test_the_clip_specification_picks():
    ordered = ordered_network(CLASSES)
    assert isinstance(scorer.make(ordered, shown(7, "frame")), ClipScorer)
    single = mean_color_network(CLASSES)
    assert isinstance(scorer.make(single, shown(7, "frame")), SnippetScorer)


def test_length_of_clips():
    assert protocols.length_of_clips(ordered_network(CLASSES)) is None
    fixed = ordered_network(CLASSES, num_segments=5)
    assert protocols.length_of_clips(fixed) == 5
    scorer.make(fixed, shown(5, "frame"))
    with pytest.raises(ValueError, match="Expected num_segments=5. Rec.*=25"):
        scorer.make(fixed, shown(25, "frame"))
    # Single snippets are dealt out, whatever the network was built for.
    single = mean_color_network(CLASSES, num_segments=5)
    assert protocols.length_of_clips(single) is None
    scorer.make(single, shown(25, "center"))


@pytest.mark.parametrize("network", [mean_color_network, ordered_network])
def test_whole_frames_need_a_network_of_any_size(network):
    fixed = network(CLASSES, size=16)
    scorer.make(fixed, shown(5, "ten"))
    for crops in ("frame", "frame_and_mirror"):
        with pytest.raises(ValueError, match=f"built for any.*{crops}.*'rgb'"):
            scorer.make(fixed, shown(5, crops))
