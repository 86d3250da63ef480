import contextlib

import keras
import numpy as np
import pytest

from keras_vidrec.training.optimizers.solvers import CaffeSGD
from keras_vidrec.training.optimizers.solvers import LossScale
from tests.training import linear_model


def optimizer():
    inner = CaffeSGD(
        0.1, l2=0.1, global_clipnorm=3.0, gradient_accumulation_steps=2
    )
    # In float32 a power of two as the scale changes no bit.
    return LossScale(inner, initial_scale=64.0, dynamic_growth_steps=5)


def state(model):
    values = model.optimizer.dynamic_scale, model.optimizer.iterations
    return tuple(keras.ops.convert_to_numpy(value) for value in values)


def check(strategy, overflow):
    """The batch with the overflow is skipped: the next one takes its place
    among those that are accumulated."""
    rows = linear_model.rows(4 * 7)
    bad = rows.copy()
    bad[overflow] = np.inf
    found = []
    for inputs, scope in (
        (np.delete(rows, np.s_[8:12], 0), None),
        (bad, strategy),
    ):
        with scope.scope() if scope else contextlib.nullcontext():
            model = linear_model.linear_model(optimizer())
        linear_model.fit(model, inputs, batch_size=4)
        found.append((linear_model.weights_of(model), state(model)))
    (expected, (scale, updates)), (weights, skipped) = found
    assert (scale, updates) == (128, 3)  # grown after 5 of the 6 batches
    assert skipped == (32, 3)  # halved at the third one, 4 since
    for name, weight in weights.items():
        assert (weight != linear_model.start()[name]).all()
        np.testing.assert_allclose(weight, expected[name], rtol=0, atol=1e-6)


def test_a_step_that_overflows_is_skipped():
    check(None, overflow=9)


def two_devices():
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )


@pytest.mark.tensorflow_only
def test_an_overflow_on_the_second_device_skips_the_step_on_both():
    check(two_devices(), overflow=11)


@pytest.mark.tensorflow_only
def test_the_scale_grows_on_two_devices():
    with two_devices().scope():
        model = linear_model.linear_model(optimizer())
    linear_model.fit(model, linear_model.rows(12), batch_size=2)
    assert state(model) == (128, 3)


def test_a_compiled_model_keeps_it():
    """Keras would put its own around any other optimizer."""
    keras.config.set_dtype_policy("mixed_float16")
    model = linear_model.linear_model(optimizer())
    assert type(model.optimizer) is LossScale


def test_round_trip_of_the_configuration():
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(optimizer())
    )
    assert type(copy) is LossScale and type(copy.inner_optimizer) is CaffeSGD
    assert copy.get_config().keys() == optimizer().get_config().keys()
    assert copy.initial_scale == 64
    assert copy.inner_optimizer.gradients_are_summed
