import keras
import numpy as np
import pytest

from keras_vidrec.training.optimizers.solvers import CaffeSGD
from tests.training import linear_model

# As in the prototxt of TSN's flow: 10 for the bias of the first convolution.
RATES = {"^conv1/": 5, "/bias$": 2}
DECAYS = {"/bias$": 0, "^logits/": 3}


def lr_mult(name):
    return {
        "conv1/kernel": 5,
        "conv1/bias": 10,
        "logits/kernel": 1,
        "logits/bias": 2,
    }[name]


def decay_mult(name):
    return {"conv1/kernel": 1, "logits/kernel": 3}.get(name, 0)


def caffe(rows, iter_size, rate_of, momentum, l2, clip):
    """`SGDSolver`: sum, clip, divide, regularize, compute the update.

    Returns the weights, and how many updates were clipped."""
    weights = linear_model.start()
    velocity = dict.fromkeys(weights, 0.0)
    clipped = 0
    for step in range(len(rows) // iter_size):
        total = rows[step * iter_size : (step + 1) * iter_size].sum(axis=0)
        norm = np.sqrt((total.astype("float64") ** 2).sum())
        if "global_clipnorm" in clip and norm > clip["global_clipnorm"]:
            total = total * clip["global_clipnorm"] / norm
            clipped += 1
        if "clipvalue" in clip:
            bound = clip["clipvalue"]
            clipped += (abs(total) > bound).any()
            total = np.clip(total, -bound, bound)
        for name, grad in linear_model.gradients(total).items():
            grad = grad / iter_size
            grad = grad + l2 * decay_mult(name) * weights[name]
            velocity[name] = (
                momentum * velocity[name] + rate_of(step) * lr_mult(name) * grad
            )
            weights[name] = weights[name] - velocity[name]
    return weights, clipped


@pytest.mark.parametrize(
    "iter_size, momentum, clip",
    [
        (1, 0.9, {"global_clipnorm": 20.0}),
        (2, 0.9, {"global_clipnorm": 20.0}),
        (2, 0.9, {"clipvalue": 5.0}),
        (2, 0.0, {}),
    ],
)
def test_arithmetic_of_caffe(iter_size, momentum, clip):
    """20 updates; the rate falls in the middle."""
    rows = linear_model.rows(20 * iter_size)
    optimizer = CaffeSGD(
        # Keras counts batches, and keeps the rate at the boundary itself.
        keras.optimizers.schedules.PiecewiseConstantDecay(
            [10 * iter_size - 1], [0.02, 0.002]
        ),
        momentum,
        l2=0.3,
        learning_rate_multipliers=RATES,
        decay_multipliers=DECAYS,
        gradient_accumulation_steps=iter_size if iter_size > 1 else None,
        **clip,
    )
    expected, clipped = caffe(
        rows,
        iter_size,
        lambda step: 0.02 if step < 10 else 0.002,
        momentum,
        0.3,
        clip,
    )
    assert 0 < clipped < 20 or not clip
    model = linear_model.linear_model(optimizer)
    linear_model.fit(model, rows)
    for name, weight in linear_model.weights_of(model).items():
        np.testing.assert_allclose(
            weight, expected[name], rtol=1e-4, atol=1e-5, err_msg=name
        )


def test_vectors_do_not_decay_by_default():
    model = linear_model.linear_model(CaffeSGD(0.5, 0.0, l2=0.1))
    linear_model.fit(model, 0 * linear_model.rows(1))
    before = linear_model.start()
    for name, weight in linear_model.weights_of(model).items():
        factor = 0.95 if name.endswith("kernel") else 1
        np.testing.assert_allclose(weight, factor * before[name], rtol=1e-6)


def test_round_trip_of_the_configuration():
    optimizer = CaffeSGD(
        0.02,
        0.8,
        l2=0.1,
        learning_rate_multipliers=RATES,
        decay_multipliers=DECAYS,
        global_clipnorm=5.0,
        gradient_accumulation_steps=2,
    )
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(optimizer)
    )
    assert type(copy) is CaffeSGD
    assert copy.get_config() == optimizer.get_config()
    assert copy.get_config()["learning_rate_multipliers"] == RATES
    found = []
    for one in (optimizer, copy):
        model = linear_model.linear_model(one)
        linear_model.fit(model, linear_model.rows(4))
        found.append(linear_model.weights_of(model))
    for name, weight in found[0].items():
        np.testing.assert_array_equal(weight, found[1][name])
