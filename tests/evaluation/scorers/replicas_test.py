import keras
import numpy as np
import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.evaluation import feature_extraction
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.evaluation.scorers import replicas
from keras_vidrec.evaluation.scorers.scorer import ClipScorer
from keras_vidrec.evaluation.scorers.scorer import SnippetScorer
from keras_vidrec.specs import ClipSpec
from tests.data import numbered_video
from tests.evaluation.mean_color_network import mean_color_network
from tests.evaluation.ordered_network import ordered_network

CLASSES = ("jump", "run", "sit")


def processors():
    """Two logical devices; see `conftest`."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.devices("cpu")
    import tensorflow as tf

    return tf.config.list_logical_devices("CPU")


@pytest.fixture
def two(monkeypatch):
    """Predictions share the two; returns the rows that each has seen."""
    assert len(processors()) == 2
    monkeypatch.setattr(replicas, "accelerators", processors)
    seen = {}
    name = f"_on_{keras.backend.backend()}"
    make = getattr(replicas, name)

    def counted(model, device):
        call = make(model, device)

        def count(inputs):
            rows = keras.tree.flatten(inputs)[0].shape[:2]
            seen.setdefault(str(device), []).append(rows)
            return call(inputs)

        return count

    monkeypatch.setattr(replicas, name, counted)
    return seen


def clips(number, *modalities, size=32):
    rng = np.random.default_rng(0)
    found = {
        modality: rng.integers(
            0, 256, (number, size, size, 3 if modality == "rgb" else 4), "uint8"
        )
        for modality in modalities
    }
    return found if len(found) > 1 else next(iter(found.values()))


MODELS = {
    "snippets": (
        lambda: mean_color_network(CLASSES),
        SnippetScorer,
        clips(25, "rgb"),
        {(1, 13)},
    ),
    "three at a time": (
        lambda: mean_color_network(CLASSES, num_segments=3),
        SnippetScorer,
        clips(25, "rgb"),
        {(5, 3)},
    ),
    "two streams": (
        lambda: mean_color_network(
            CLASSES, clip_spec=ClipSpec(("rgb", "flow"), snippet_length=2)
        ),
        SnippetScorer,
        clips(150, "rgb", "flow"),
        {(1, 50)},
    ),
    "in order": (
        lambda: ordered_network(CLASSES),
        lambda model: ClipScorer(model, 5),
        clips(15, "rgb"),
        {(2, 5)},
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_two_devices_give_the_scores_of_one(name, request):
    make, scorer, clip, rows = MODELS[name]
    model = make()
    expected = scorer(model)(clip)
    seen = request.getfixturevalue("two")
    shared = scorer(model)
    found = shared(clip)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    # Each has computed, in one shape.
    assert shared.num_devices == len(seen) == 2
    assert {shape for shapes in seen.values() for shape in shapes} == rows


def test_predictions_of_many_videos(two, tmp_path):
    paths = [
        numbered_video.write(tmp_path / f"{length}.mp4", length)
        for length in (5, 30, 60)
    ]
    predictor = Predictor(mean_color_network(CLASSES), "25x1")
    answers = list(predictor.many(paths))
    assert len(two) == 2
    for answer, path in zip(answers, paths, strict=True):
        alone = predictor(path)
        assert answer.classes == alone.classes
        np.testing.assert_allclose(
            answer.probabilities, alone.probabilities, rtol=1e-6, atol=1e-6
        )


def test_features(request):
    model = TSN(classes=3, backbone="tiny")
    clip = clips(9, "rgb", size=64)
    expected = feature_extraction._Tower("rgb", model, 9)(clip)
    seen = request.getfixturevalue("two")
    found = feature_extraction._Tower("rgb", model, 9)(clip)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert [*seen.values()] == [[(1, 5)], [(1, 5)]]


def test_one_device_is_the_model_itself():
    model = mean_color_network(CLASSES)
    assert replicas.accelerators() == []
    (call,) = replicas.Replicas(model)._calls
    assert call == model.predict_on_batch
