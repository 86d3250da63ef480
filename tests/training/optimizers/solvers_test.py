"""Trainings by the section of a recipe against those of the programs."""

import contextlib

import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.training.optimizers import section as optimizers
from keras_vidrec.training.optimizers.solvers import MatConvNetSGD
from keras_vidrec.training.recipes.schedule import Schedule
from keras_vidrec.training.recipes.sections import Optimizer
from tests.training.optimizers import programs

UPDATES = 30
EPOCH = 10  # updates
SIZE = 64  # clips of an update
STEP = Schedule(steps=UPDATES, kind="step", boundaries=(15,), factor=0.5)
# Biases learn twice as fast and do not decay; where all weights are one vector
# they do neither.
BIASES = {"learning_rate_multipliers": {"bias": 2}}
ALIKE = {"decay_multipliers": {}}


def train(section, schedule, data):
    """On a network of two layers; returns its weights."""
    inputs = x = keras.Input((6,))
    x = keras.layers.Dense(5, "tanh", name="hidden")(x)
    x = keras.layers.Dense(3, name="logits")(x)
    model = keras.Model(inputs, x)
    model.set_weights(list(programs.start().values()))
    model.compile(
        optimizers.build(section, schedule, EPOCH * section.accumulate, model),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(*data, section.batch_size, shuffle=False, verbose=0)
    updates = len(data[0]) // section.effective_batch
    assert ops.convert_to_tensor(model.optimizer.iterations) == updates
    return {w.path: ops.convert_to_numpy(w) for w in model.weights}


def caffe(data, rates):
    """Bounds the sum over two batches, so twice the mean."""
    weights, clipped = programs.caffe(
        data, SIZE, rates, decay=0.01, bound=0.6, workers=4, iter_size=2
    )
    assert 5 < clipped < 25
    return weights


def matconvnet(data, rates):
    return programs.matconvnet(data, SIZE, rates, 0.01, 4, EPOCH)


def matconvnet_of_st_resnet(data, rates):
    return programs.matconvnet(data, SIZE, rates, 0.01, 4, None)


def tsn_pytorch(data, rates):
    return programs.tsn_pytorch(data, SIZE, rates, 0.01, bound=0.3)


def torch7_sgd(data, rates):
    return programs.torch7_sgd(data, SIZE, rates, 0.01)


def torch7_adam(data, rates):
    return programs.torch7_adam(data, SIZE, rates, 0.1, clamp=0.05)


def rmsprop(data, rates):
    return programs.rmsprop(data, SIZE, rates, 0.01)


PROGRAMS = {
    caffe: dict(name="sgd", clip_norm=0.3, **BIASES),
    matconvnet: dict(name="sgd_matconvnet", **BIASES),
    matconvnet_of_st_resnet: dict(name="sgd_torch", **BIASES),
    tsn_pytorch: dict(name="sgd_torch", clip_norm=0.3, **BIASES),
    torch7_sgd: dict(name="sgd_torch", nesterov=True, **ALIKE),
    torch7_adam: dict(
        name="adam",
        learning_rate=0.002,
        weight_decay=0.1,
        clip_value=0.05,
        **ALIKE,
    ),
    rmsprop: dict(name="rmsprop", learning_rate=0.01),
}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda run: run.__name__)
def test_thirty_updates_of_a_program(program):
    """The rate is halved in the middle of an epoch, where it counts whether
    momentum has it inside."""
    data = programs.clips(UPDATES * SIZE)
    settings = {"learning_rate": 0.03, "weight_decay": 0.01}
    section = Optimizer(
        **{**settings, **PROGRAMS[program]}, batch_size=32, accumulate=2
    )
    rate = section.learning_rate
    expected = program(data, [rate] * 15 + [rate / 2] * 15)
    for name, weight in train(section, STEP, data).items():
        assert abs(weight - programs.start()[name]).max() > 0.03
        np.testing.assert_allclose(
            weight, expected[name], rtol=0, atol=1e-6, err_msg=name
        )


def devices(number):
    if number == 1:
        return contextlib.nullcontext()
    if keras.backend.backend() == "jax":
        return keras.distribution.DataParallel(auto_shard_dataset=False).scope()
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    ).scope()


@pytest.mark.parametrize("name", ["sgd", "sgd_matconvnet", "sgd_torch"])
def test_however_a_batch_is_split(name):
    """128 clips an update, over steps and devices, with a rate that falls by
    a cosine; MatConvNet's epochs begin without momentum."""
    data = programs.clips(12 * 128)
    schedule = Schedule(epochs=2, kind="cosine")

    def trained(accumulate, number, clip_norm=0.05):
        section = Optimizer(
            name=name,
            learning_rate=0.05,
            batch_size=128 // accumulate,
            accumulate=accumulate,
            clip_norm=clip_norm,
        )
        with devices(number):
            return train(section, schedule, data)

    whole, unbound = trained(1, 1), trained(1, 1, None)
    splits = [(4, 1), (16, 1), (1, 2), (4, 2), (16, 2)]
    found = {split: trained(*split) for split in splits}
    for place, weight in whole.items():
        assert abs(weight - unbound[place]).max() > 0.01
        for split, weights in found.items():
            np.testing.assert_allclose(
                weights[place], weight, rtol=0, atol=1e-5, err_msg=f"{split}"
            )


@pytest.mark.usefixtures("eager")
def test_an_update_of_two_epochs_belongs_to_the_later_one():
    """3 batches an epoch, 2 an update: they end with batches 1, 3, 5, 7, 9,
    of epochs 0, 1, 1, 2, 3."""
    weight = keras.Variable(0.0)
    optimizer = MatConvNetSGD(
        1.0, 0.5, steps_per_epoch=3, gradient_accumulation_steps=2
    )
    places = [0.0]
    for _ in range(10):
        optimizer.apply([ops.convert_to_tensor(1.0)], [weight])
        places.append(float(weight))
    np.testing.assert_allclose(
        -np.diff(places)[1::2], [1, 1, 1.5, 1, 1], rtol=1e-6
    )
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(optimizer)
    )
    assert type(copy) is MatConvNetSGD
    assert copy.get_config() == optimizer.get_config()


def test_an_epoch_has_batches():
    with pytest.raises(ValueError, match="Invalid `steps_per_epoch`.*=0"):
        MatConvNetSGD(steps_per_epoch=0)
