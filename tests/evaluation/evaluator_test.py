import numpy as np
import pytest

from keras_vidrec.applications import model_file
from keras_vidrec.applications.head import predictions_layer
from keras_vidrec.data.pipeline import TooManyFailures
from keras_vidrec.data.synthetic import KINDS
from keras_vidrec.evaluation import evaluator
from keras_vidrec.evaluation.score_file import Scores
from keras_vidrec.training import recipes
from keras_vidrec.training.recipe_sections import Test as Protocol
from keras_vidrec.training.run import Run
from tests.data.memory_source import MemorySource
from tests.evaluation.mean_color_network import kernel_and_bias
from tests.evaluation.mean_color_network import mean_color_network

CENTRE = Protocol(num_segments=5, crops="centre")
CLASSES = ("even", "odd")


def score(source, split, test=CENTRE, model=None, **arguments):
    model = model or mean_color_network(CLASSES)
    return evaluator.score(
        model, source, split, test, verbose=False, **arguments
    )


@pytest.mark.parametrize(
    "test, frames",
    [
        # 20 frames, 5 segments: the authors' grid k (n - 1) // (K - 1)
        (CENTRE, [0, 4, 8, 12, 16]),
        (Protocol(5, "uniform", "centre"), [2, 6, 10, 14, 18]),
    ],
)
@pytest.mark.parametrize("num_segments", [None, 3])
def test_scores_equal_those_by_hand(test, frames, num_segments):
    """Video i, frame t is (i, t, column)."""
    model = mean_color_network(CLASSES, num_segments=num_segments)
    kernel, bias = kernel_and_bias(model)
    kernel[2] = 0  # blind to the columns, which the crop resizes
    model.get_layer("logits").set_weights([kernel, bias])
    result, failures = score(
        MemorySource(), [5], test, model, meta={"recipe": "r"}
    )
    color = np.array([5, np.mean(frames), 0]) / 255
    np.testing.assert_allclose(
        result.scores, [color @ kernel + bias], rtol=1e-5
    )
    assert result.meta == {"recipe": "r"} and not failures.errors


class LeftEdge(MemorySource):
    """Black, but for the four columns on the left."""

    def read(self, index, modality, indices):
        frames = super().read(index, modality, indices)
        frames[:] = 0
        frames[:, :, :4] = 255
        return frames


@pytest.mark.parametrize(
    "crops, share",
    # Frames of 32 x 40, of which the crops take 28 x 28: the centre does not
    # see the edge, two corners of five do.
    [("centre", 0), ("ten", 2 / 5 * 4 / 28)],
)
def test_crops(crops, share):
    model = mean_color_network(CLASSES)
    result, _ = score(LeftEdge(), [0], Protocol(2, crops=crops), model)
    kernel, bias = kernel_and_bias(model)
    expected = bias + share * kernel.sum(axis=0)
    np.testing.assert_allclose(result.scores, [expected], atol=5e-3)


def test_order_of_the_split_and_labels():
    result, _ = score(MemorySource(), [5, 0, 3])
    assert result.videos == ("video5", "video0", "video3")
    assert result.labels.tolist() == [1, 0, 1]
    assert result.classes == CLASSES
    alone, _ = score(MemorySource(), [0])
    np.testing.assert_allclose(result.scores[1], alone.scores[0], rtol=1e-5)


def test_a_broken_video_is_left_out_and_told(caplog):
    result, failures = score(MemorySource(broken=[2]), [1, 2, 3])
    assert result.videos == ("video1", "video3")
    whole, _ = score(MemorySource(), [1, 3])
    np.testing.assert_array_equal(result.scores, whole.scores)
    assert list(failures.errors) == ["video2"]
    assert "it is broken" in failures.errors["video2"]
    assert "video2" in caplog.text


def test_too_many_broken_videos_end_it():
    with pytest.raises(TooManyFailures, match="2 of 8 videos cannot be read"):
        score(MemorySource(broken=[2, 6]), range(8))


@pytest.mark.parametrize(
    "model, message",
    [
        (("odd", "even"), r"\('odd', 'even'\). Received: \('even', 'odd'\)"),
        (("even", "odd", "prime"), "prime.*Received"),
        (3, r"3 classes.*Received: \('even', 'odd'\)"),
    ],
)
def test_other_classes_are_refused(model, message):
    if isinstance(model, int):
        model = mean_color_network(classes=model)
    else:
        model = mean_color_network(model)
    with pytest.raises(ValueError, match=message):
        score(MemorySource(), [0], model=model)


def test_unnamed_classes_are_those_of_the_source():
    result, _ = score(MemorySource(), [0], model=mean_color_network(classes=2))
    assert result.classes == CLASSES


def test_a_network_must_know_what_it_wants_to_see():
    model = mean_color_network(CLASSES)
    predictions_layer(model).clip_spec = None
    with pytest.raises(ValueError, match="'mean_color' without a clip spec"):
        score(MemorySource(), [0], model=model)


def test_summary():
    scores = Scores(
        "abcd",
        [[2, 1, 0], [2, 1, 0], [2, 1, 0], [0, 1, 2]],
        [0, 0, 1, 2],
        "xyz",
    )
    assert evaluator.summary(scores) == pytest.approx(
        {"top_1": 3 / 4, "top_5": 1, "mean_class_accuracy": 2 / 3}
    )


def test_evaluation_of_a_run(small_videos, tmp_path):
    recipe = recipes.get("quickstart_rgb").with_data(directory=small_videos)
    run = Run(tmp_path)
    run.claim(recipe)
    with pytest.raises(ValueError, match="finished run"):
        evaluator.evaluate(tmp_path, verbose=False)
    model_file.save(mean_color_network(sorted(KINDS)), run.model_file)
    path, scores = evaluator.evaluate(
        tmp_path, settings=["test.num_segments=2"], verbose=False
    )
    assert path == tmp_path / "scores" / "test-split1.npz"
    np.testing.assert_array_equal(Scores.load(path).scores, scores.scores)
    assert len(scores.videos) == 12 and sorted(scores.labels) == list(range(12))
    assert scores.meta["num_segments"] == 2
    assert scores.meta["recipe"] == "quickstart_rgb"
