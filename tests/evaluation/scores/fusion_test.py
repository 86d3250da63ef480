import numpy as np
import pytest

from keras_vidrec.evaluation.scores import metrics
from keras_vidrec.evaluation.scores.fusion import fuse
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.specs import Origin

CLASSES = ("jump", "run")


def scores(values, videos="abc", labels=(0, 1, -1), **fields):
    return Scores(
        **{
            "videos": tuple(videos),
            "scores": np.array(values, "float32"),
            "labels": np.array(labels),
            "classes": CLASSES,
            **fields,
        }
    )


ONE = [[1, 2], [3, 4], [5, 6]]
TWO = [[10, 0], [20, 0], [30, 0]]


def test_weighted_mean_of_the_same_video(tmp_path):
    one = scores(ONE, meta={"modality": "rgb"})
    two = scores(TWO, "cab", (1, 0, -1), meta={"modality": "flow"})
    fused = fuse([one, two], (1, 3))
    assert fused.videos == ("a", "b", "c")
    np.testing.assert_allclose(
        fused.scores, [[15.25, 0.5], [23.25, 1], [8.75, 1.5]]
    )
    # What one does not know another one tells.
    assert fused.labels.tolist() == [0, 1, 1]
    assert fused.classes == CLASSES
    assert fused.meta == {
        "fusion_weights": [1, 3],
        "softmax": False,
        "normalize": None,
        "fused": [{"modality": "rgb"}, {"modality": "flow"}],
        "left_out": [[], []],
    }
    fused.save(tmp_path / "fused.npz")
    assert Scores.load(tmp_path / "fused.npz").meta == fused.meta
    equal = fuse([one, one, one])
    np.testing.assert_array_equal(equal.scores, one.scores)


def test_the_streams_are_parents_and_hand_on_their_marks(tmp_path):
    network = Origin("network", marks=("leaked",))
    rgb = Origin("scores", videos="v", split=1, parents={"network": network})
    flow = Origin("scores", videos="v", split=1, marks=("old",))
    one = scores(ONE, meta={"modality": "rgb"}, origin=rgb)
    two = scores(TWO, meta={"modality": "flow"}, origin=flow)
    fused = fuse([one, two, one, scores(ONE)])
    assert fused.origin.parents == {
        "rgb": rgb,
        "flow": flow,
        "rgb 3": rgb,
        "scores 4": Origin("scores"),
    }
    assert fused.marks == ("leaked", "old")
    assert fused.origin.kind == "scores" and fused.origin.split is None
    fused = fuse([one, two])
    assert (fused.origin.videos, fused.origin.split) == ("v", 1)
    assert fused.origin.fingerprint == fused.fingerprint()
    assert fuse([one, two], (1, 2)).fingerprint() != fused.fingerprint()
    fused.save(tmp_path / "fused.npz")
    again = fuse([Scores.load(tmp_path / "fused.npz"), one])
    assert again.marks == ("leaked", "old")


def test_what_is_fused():
    one, two = np.array(ONE, float), np.array(TWO, float)

    def fused(**options):
        return fuse([scores(ONE), scores(TWO)], (1, 3), **options).scores

    def softmax(x):
        powers = np.exp(x)
        return powers / powers.sum(axis=1, keepdims=True)

    def normed(x):
        return x / np.sqrt((x * x).sum(axis=1, keepdims=True))

    np.testing.assert_allclose(
        fused(softmax=True), (softmax(one) + 3 * softmax(two)) / 4, rtol=1e-12
    )
    np.testing.assert_allclose(
        fused(normalize="l2"), (normed(one) + 3 * normed(two)) / 4, rtol=1e-12
    )
    np.testing.assert_allclose(
        fused(softmax=True, normalize="l2"),
        (normed(softmax(one)) + 3 * normed(softmax(two))) / 4,
        rtol=1e-12,
    )
    nothing = scores(np.zeros((3, 2)))
    np.testing.assert_array_equal(
        fuse([nothing, nothing], normalize="l2").scores, nothing.scores
    )


def test_certain_networks_do_not_tie(tmp_path):
    """Both are certain of another class; which one is a little less so shows
    in float64 only, and in a file of it."""
    one = scores([[20, 0], [0, 0], [0, 0]])
    two = scores([[0, 21], [0, 0], [0, 0]])
    fused = fuse([one, two], softmax=True)
    fused.save(tmp_path / "fused.npz")
    found = Scores.load(tmp_path / "fused.npz").scores
    assert found[0, 1] > found[0, 0]
    assert np.float32(found[0, 1]) == np.float32(found[0, 0])


def test_videos_that_are_not_in_all_are_named():
    fused = fuse([scores(ONE), scores(TWO, "dcb", (0, -1, 1))])
    assert fused.videos == ("b", "c")
    np.testing.assert_array_equal(fused.scores, [[16.5, 2], [12.5, 3]])
    assert fused.meta["left_out"] == [["a"], ["d"]]


@pytest.mark.parametrize(
    "others, weights, message",
    [
        ([], None, "at least two scores"),
        ([scores(TWO)], (1,), r"Expected 2 positive numbers.*\(1,\)"),
        ([scores(TWO)], (1, 0), "positive numbers"),
        ([scores(TWO)], (1, float("inf")), "positive numbers"),
    ],
)
def test_what_does_not_fit(others, weights, message):
    with pytest.raises(ValueError, match=message):
        fuse([scores(ONE), *others], weights)


def test_softmax_is_taken_once():
    fused = fuse([scores(ONE), scores(TWO)], softmax=True)
    assert fuse([fused, scores(ONE)]).meta["softmax"] is False
    with pytest.raises(ValueError, match="Expected logits, not scores"):
        fuse([scores(ONE), fused], softmax=True)


def test_unknown_norms_are_refused():
    with pytest.raises(ValueError, match="Received: normalize='l1'"):
        fuse([scores(ONE), scores(TWO)], normalize="l1")


def test_real_streams(real_data):
    """Published scores of two networks on UCF101 split 1, and the accuracies
    that are known of them."""
    folder = real_data / "scores_ucf101_split1"
    spatial, motion = (
        Scores.load(folder / f"MinLiAmoy_{name}.npz")
        for name in ("spatial", "motion")
    )
    backwards = Scores(
        motion.videos[::-1],
        motion.scores[::-1],
        motion.labels[::-1],
        motion.classes,
    )

    def accuracy(one):
        return round(100 * metrics.top_k_accuracy(one.scores, one.labels), 2)

    assert (accuracy(spatial), accuracy(motion)) == (81.26, 79.67)
    fused = fuse([spatial, backwards])
    assert accuracy(fused) == 88.08
    mean_class = metrics.mean_class_accuracy(fused.scores, fused.labels)
    assert round(100 * mean_class, 2) == 88.17
    assert accuracy(fuse([spatial, motion], (1, 1.5))) == 86.10
    assert accuracy(fuse([spatial, motion], softmax=True)) == 85.83
    # One vector by another: the angle decides.
    values = [
        one.scores / np.linalg.norm(one.scores.astype(float), axis=1)[:, None]
        for one in (spatial, motion)
    ]
    expected = np.mean(sum(values).argmax(axis=1) == spatial.labels)
    normed = accuracy(fuse([spatial, motion], normalize="l2"))
    assert normed == round(100 * expected, 2) > 88.08


def test_the_protocol_that_their_tests_have_in_common(caplog):
    ten = {"protocol": "25x10", "num_segments": 25, "crops": "ten"}
    center = {**ten, "protocol": "25x1", "crops": "center"}
    fused = fuse([scores(ONE, meta=ten), scores(ONE, meta=ten)])
    assert ten.items() <= fused.meta.items() and not caplog.text
    # What does not know its test is passed over.
    fused = fuse([scores(ONE, meta=ten), scores(ONE)])
    assert "protocol" not in fused.meta and not caplog.text
    fused = fuse([scores(ONE, meta=ten), scores(ONE, meta=center)])
    assert "protocol" not in fused.meta
    assert "25x10 (crops=ten) of number 1; 25x1 (crops=center)" in caplog.text
