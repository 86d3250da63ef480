import dataclasses

import keras
import numpy as np
import pytest

from keras_vidrec.training import recipes
from keras_vidrec.training.dataset import Dataset
from keras_vidrec.training.objectives import class_weights
from keras_vidrec.training.objectives import losses
from keras_vidrec.training.recipes.sections import Loss
from tests.data.memory_source import MemorySource

CLASSES = ("walk", "run", "fall", "never")
# To train on: 6, 3 and 1 of a class; the others are for validation.
LABELS = (0,) * 6 + (1,) * 3 + (2, 3, 0)
TRAIN = range(10)


def data(*settings):
    recipe = recipes.get("scratch").with_settings(settings)
    source = MemorySource(len(LABELS))
    source.classes, source.labels = CLASSES, LABELS
    return Dataset(source, TRAIN, (10, 11), (), (), recipe)


@pytest.mark.parametrize(
    "settings, proportions",
    [
        (["loss.class_weights=auto"], [1 / 6, 1 / 3, 1, None]),
        (["loss.class_weights={fall: 5, run: 0.5}"], [1, 0.5, 5, 1]),
        (
            ["loss.class_weights={fall: 5}", "data.sampling=balanced"],
            [1, 1, 5, 1],
        ),
        (["loss.class_weights={run: 2}", "data.sampling=sqrt"], [1, 2, 1, 1]),
    ],
)
def test_their_mean_over_an_epoch_is_1(settings, proportions):
    found = class_weights.of(data(*settings))
    drawn = np.array([6, 3, 1])
    if "data.sampling=balanced" in settings:
        drawn = np.ones(3)
    if "data.sampling=sqrt" in settings:
        drawn = np.sqrt(drawn)
    assert drawn @ found[:3] == pytest.approx(drawn.sum())
    if proportions[3] is None:  # nothing to be in proportion to
        assert found[3] == 1
        found, proportions = found[:3], proportions[:3]
    np.testing.assert_allclose(
        found / found[0], np.array(proportions) / proportions[0], rtol=1e-6
    )


def test_none_by_default():
    assert class_weights.of(data()) is None


def softmax(logits):
    e = np.exp(logits)
    return e / e.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("smoothing", [0.0, 0.25])
def test_the_loss_of_a_video_is_multiplied(smoothing):
    """By NumPy, and the accuracy counts all alike."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (6, 3)).astype("float32")
    labels = np.array([0, 1, 2, 2, 0, 1])
    weights = np.array([0.5, 1.0, 3.0])
    targets = (1 - smoothing) * np.eye(3)[labels] + smoothing / 3
    each = -(targets * np.log(softmax(logits))).sum(axis=1)
    expected = np.mean(weights[labels] * each)
    clip = keras.Input((3,))
    model = keras.Model(clip, keras.layers.Identity()(clip))
    losses.compile_logits(
        model,
        keras.optimizers.SGD(0.0),
        Loss(label_smoothing=smoothing),
        class_weights=weights,
    )
    found = model.evaluate(logits, labels, batch_size=4, verbose=0)
    assert found[0] == pytest.approx(expected, rel=1e-5)
    hits = logits.argmax(axis=1) == labels
    assert found[1] == pytest.approx(hits.mean())


def test_a_label_that_is_shared_out():
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (4, 3)).astype("float32")
    shares = rng.dirichlet([1, 1, 1], 4).astype("float32")
    weights = np.array([0.5, 1.0, 3.0])
    loss = class_weights.ClassWeighted(
        keras.losses.CategoricalCrossentropy(from_logits=True), weights
    )
    each = -(shares * np.log(softmax(logits))).sum(axis=1)
    np.testing.assert_allclose(
        float(loss(shares, logits)),
        np.mean(shares @ weights * each),
        rtol=1e-5,
    )


@pytest.mark.parametrize(
    "setting, message",
    [
        ("loss.class_weights={fal: 2}", "unlike 'fal', such as 'fall'"),
        ("loss.class_weights={fall: 0}", 'Expected null, "auto", or a map'),
        ("loss.class_weights={}", 'Expected null, "auto", or a map'),
        ("loss.class_weights=balanced", 'Expected null, "auto", or a map'),
    ],
)
def test_what_does_not_fit(setting, message):
    with pytest.raises(ValueError, match=f"`loss.class_weights`.*{message}"):
        class_weights.of(data(setting))


def test_one_way_to_even_classes_out_is_enough():
    with pytest.raises(ValueError, match="beside data.sampling=sqrt, which"):
        data("data.sampling=sqrt", "loss.class_weights=auto")
    several = data("loss.class_weights=auto")
    source = several.source
    source.labels = tuple((label,) for label in LABELS)
    with pytest.raises(ValueError, match="null where a video may have several"):
        class_weights.of(dataclasses.replace(several, source=source))


def test_classes_are_called_by_numbers_too():
    recipe = recipes.get("scratch").with_settings(
        ["loss.class_weights={1: 2, 2: 1.5}"]
    )
    assert recipe.loss.class_weights == {"1": 2, "2": 1.5}
    assert recipes.Recipe.from_yaml(recipe.to_yaml()) == recipe
