import numpy as np
import pytest

from keras_vidrec.evaluation import metrics
from keras_vidrec.evaluation.fusion import fuse
from keras_vidrec.evaluation.score_file import Scores

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
        "fused": [{"modality": "rgb"}, {"modality": "flow"}],
    }
    fused.save(tmp_path / "fused.npz")
    assert Scores.load(tmp_path / "fused.npz").meta == fused.meta
    equal = fuse([one, one, one])
    np.testing.assert_array_equal(equal.scores, one.scores)


@pytest.mark.parametrize(
    "others, weights, message",
    [
        ([], None, "at least two scores"),
        ([scores(TWO)], (1,), r"Expected 2 positive numbers.*\(1,\)"),
        ([scores(TWO)], (1, 0), "positive numbers"),
        ([scores(TWO)], (1, float("inf")), "positive numbers"),
        ([scores(TWO, "abd")], None, r"number 2 lacks 1 \(\['c'\]\) and has 1"),
        ([scores(TWO[:2], "ab", (0, 1))], None, "lacks 1 .* and has 0"),
        (
            [scores(TWO, classes=("run", "jump"))],
            None,
            "'run' for 'jump' in number 2",
        ),
        (
            [scores([[1], [1], [1]], labels=(0, 0, 0), classes=("run",))],
            None,
            "1 classes for 2",
        ),
        (
            [scores(ONE), scores(TWO, labels=(0, 0, 0))],
            None,
            "0 for 'b' in number 3, 1 before",
        ),
    ],
)
def test_what_does_not_fit(others, weights, message):
    with pytest.raises(ValueError, match=message):
        fuse([scores(ONE), *others], weights)


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
