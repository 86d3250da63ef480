"""The optimizers that Keras ships, against Keras' own."""

import keras
import numpy as np
import pytest

from keras_vidrec.training.optimizers import section as optimizers
from keras_vidrec.training.optimizers.shipped import SHIPPED
from keras_vidrec.training.recipes.schedule import Schedule
from keras_vidrec.training.recipes.sections import OPTIMIZERS
from keras_vidrec.training.recipes.sections import Optimizer
from tests.training.linear_model import fit
from tests.training.linear_model import linear_model
from tests.training.linear_model import rows
from tests.training.linear_model import weights_of

RATE, DECAY = 0.02, 0.1
# Those whose decay Keras has in their constructors.
_OWN = {"muon": {"adam_weight_decay": DECAY}}


@pytest.fixture(autouse=True)
def uncompiled(eager):
    pass


def keras_own(name):
    kind = getattr(keras.optimizers, type_name(name))
    optimizer = kind(RATE, weight_decay=DECAY, **_OWN.get(name, {}))
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


def type_name(name):
    return SHIPPED[name].__name__.removeprefix("Mean")


def section_of(name, **changes):
    return Optimizer(
        name=name, learning_rate=RATE, weight_decay=DECAY, **changes
    )


def build(section):
    return optimizers.build(section, Schedule(epochs=1), 4, any_network())


def any_network():
    inputs = keras.Input((1,))
    return keras.Model(inputs, keras.layers.Dense(1, name="logits")(inputs))


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_the_numbers_are_those_of_keras(name):
    """Four updates, decoupled decay of kernels, and of a batch that is split
    into two steps those of the whole one."""
    batches = rows(4)
    expected = linear_model(keras_own(name))
    fit(expected, batches)
    whole = linear_model(build(section_of(name)))
    fit(whole, batches)
    split = linear_model(build(section_of(name, accumulate=2)))
    fit(split, np.repeat(batches, 2, axis=0))
    for model in (whole, split):
        for path, weight in weights_of(expected).items():
            np.testing.assert_allclose(
                weights_of(model)[path], weight, rtol=1e-5, atol=1e-6
            )


def test_every_name_has_its_optimizer():
    assert set(OPTIMIZERS) == set(optimizers._KINDS)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(build(section_of("adamw")))
    )
    assert type(again) is SHIPPED["adamw"] and again.l2 == DECAY


def test_clipping_and_multipliers_are_those_of_the_others():
    """A bias of twice the rate; the decay of a kernel follows its rate too."""
    section = section_of(
        "lion",
        learning_rate_multipliers={"bias": 2, "head": 3},
        clip_norm=1.0,
    )
    model = any_network()
    start = [np.array([[2.0]]), np.array([2.0])]
    model.set_weights(start)
    model.compile(optimizers.build(section, Schedule(epochs=1), 1, model))
    model.optimizer.apply(
        [keras.ops.array([[5.0]]), keras.ops.array([5.0])],
        model.trainable_variables,
    )
    kernel, bias = model.get_weights()
    # Lion moves by the sign.
    assert kernel.item() == pytest.approx(2 * (1 - 3 * RATE * DECAY) - 3 * RATE)
    assert bias.item() == pytest.approx(2 - 6 * RATE)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_average_is_that_of_keras(accumulate):
    batches = rows(5)
    expected = linear_model(
        keras.optimizers.SGD(RATE, use_ema=True, ema_momentum=0.75)
    )
    fit(expected, batches)  # Keras writes the averages over the weights
    section = Optimizer(
        "sgd_torch",
        learning_rate=RATE,
        momentum=0.0,
        weight_decay=0.0,
        ema=0.75,
        accumulate=accumulate,
    )
    model = linear_model(build(section))
    fit(model, np.repeat(batches, accumulate, axis=0))
    moved = weights_of(model)
    model.optimizer.swap_averages()
    for path, weight in weights_of(expected).items():
        np.testing.assert_allclose(weights_of(model)[path], weight, rtol=1e-5)
        assert not np.allclose(moved[path], weight)
    model.optimizer.swap_averages()
    for path, weight in weights_of(model).items():
        np.testing.assert_array_equal(weight, moved[path])
