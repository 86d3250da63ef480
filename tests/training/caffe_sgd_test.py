import keras
import numpy as np
import pytest

from keras_vidrec.training.caffe_sgd import CaffeSGD

SHAPES = {"kernel": (3, 3, 2, 4), "dense": (4, 5), "bias": (4,), "gamma": (2,)}


def variables():
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape) for name, shape in SHAPES.items()}


def gradients(step):
    rng = np.random.default_rng((1, step))
    scale = 10.0 if step % 3 else 0.1  # clipped and not
    return {
        name: scale * rng.normal(size=shape) for name, shape in SHAPES.items()
    }


def caffe(num_steps, rate_of, momentum, l2, clip_norm):
    """`SGDSolver`: clip, regularise, compute the update."""
    weights = variables()
    velocity = {name: 0.0 for name in SHAPES}
    for step in range(num_steps):
        grads = gradients(step)
        norm = np.sqrt(sum((grad**2).sum() for grad in grads.values()))
        scale = min(1.0, clip_norm / norm) if clip_norm else 1.0
        for name, grad in grads.items():
            grad = scale * grad
            if name in ("kernel", "dense"):
                grad = grad + l2 * weights[name]
            velocity[name] = momentum * velocity[name] + rate_of(step) * grad
            weights[name] = weights[name] - velocity[name]
    return weights


def keras_steps(optimizer, num_steps):
    weights = {
        name: keras.Variable(value, name=name)
        for name, value in variables().items()
    }
    for step in range(num_steps):
        grads = gradients(step)
        optimizer.apply(
            [keras.ops.convert_to_tensor(grads[n], "float32") for n in weights],
            list(weights.values()),
        )
    return weights


@pytest.mark.parametrize("clip_norm", [None, 20.0])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_arithmetic_of_caffe(momentum, clip_norm):
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
        [7, 13], [0.1, 0.01, 0.001]
    )
    optimizer = CaffeSGD(schedule, momentum, l2=0.3, global_clipnorm=clip_norm)
    expected = caffe(
        20,
        lambda step: 0.1 ** (1 + (step > 7) + (step > 13)),
        momentum,
        0.3,
        clip_norm,
    )
    for name, weight in keras_steps(optimizer, 20).items():
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(weight),
            expected[name],
            rtol=1e-4,
            atol=1e-5,
            err_msg=name,
        )


def test_round_trip_of_the_configuration():
    optimizer = CaffeSGD(0.02, 0.8, l2=0.1, global_clipnorm=5.0)
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(optimizer)
    )
    assert type(copy) is CaffeSGD and copy.get_config() == (
        optimizer.get_config()
    )
    one, two = keras_steps(optimizer, 2), keras_steps(copy, 2)
    for name in SHAPES:
        np.testing.assert_array_equal(one[name], two[name])
