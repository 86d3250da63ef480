import numpy as np
import pytest

from keras_vidrec.evaluation import protocols
from keras_vidrec.evaluation.scorers import scorer
from keras_vidrec.evaluation.scorers.scorer import ClipScorer
from keras_vidrec.evaluation.scorers.scorer import SnippetScorer
from keras_vidrec.specs import TestProtocol as Protocol
from tests.evaluation.mean_color_network import mean_color_network
from tests.evaluation.mean_color_network import softmax
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


def test_means_of_probabilities():
    """Of a score the softmax is the mean of the views' own."""
    clip = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), "uint8")
    scorer = SnippetScorer(mean_color_network(("a", "b", "c")), "probabilities")
    logits = 9 * scorer.logits(clip)
    scorer.logits = lambda clip: logits
    expected = softmax(logits).mean(axis=0)
    np.testing.assert_allclose(softmax(scorer(clip)), expected, rtol=1e-5)
    assert np.abs(softmax(logits.mean(axis=0)) - expected).max() > 1e-3
    # Certain of the others: no infinity, no NaN.
    logits = np.array([[900.0, 0, -900]] * 2, "float32")
    assert np.isfinite(scorer(clip)).all() and scorer(clip).argmax() == 0
    ordered = ordered_network(("a", "b", "c"))
    views = [ClipScorer(ordered, 3)(clip[i : i + 3]) for i in (0, 3)]
    found = ClipScorer(ordered, 3, "probabilities")(clip)
    np.testing.assert_allclose(
        softmax(found), softmax(np.array(views)).mean(axis=0), rtol=1e-5
    )
