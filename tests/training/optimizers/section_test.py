import dataclasses

import keras
import numpy as np
import pytest

from keras_vidrec.training.optimizers import section as optimizers
from keras_vidrec.training.optimizers.solvers import LossScale
from keras_vidrec.training.recipes.phase import Phase
from keras_vidrec.training.recipes.schedule import Schedule
from keras_vidrec.training.recipes.sections import Optimizer


def network():
    inputs = keras.Input((1,))
    return keras.Model(inputs, keras.layers.Dense(1, name="logits")(inputs))


def updates(section, schedule, num_batches, steps_per_epoch=10, gradient=1.0):
    """How far a weight moves with each batch of a constant gradient."""
    optimizer = optimizers.build(section, schedule, steps_per_epoch, network())
    weight = keras.Variable(0.0)
    places = [0.0]
    for _ in range(num_batches):
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [weight])
        places.append(float(weight))
    return -np.diff(places)


def plain(**changes):
    return Optimizer(
        **{"learning_rate": 1, "momentum": 0, "weight_decay": 0, **changes}
    )


def test_step_b_is_the_first_with_the_smaller_rate():
    schedule = Schedule(steps=9, kind="step", boundaries=(3, 5), factor=0.5)
    expected = [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25]
    np.testing.assert_allclose(updates(plain(), schedule, 8), expected)


def test_boundaries_in_epochs():
    """Three batches an epoch: epoch 1 begins with batch 3."""
    schedule = Schedule(epochs=3, kind="step", boundaries=(1, 2))
    expected = [1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01]
    np.testing.assert_allclose(
        updates(plain(), schedule, 9, steps_per_epoch=3), expected, rtol=1e-5
    )


def test_rates_of_phases():
    """Each its own, or that of the one before, in proportion to the batch."""
    phases = (Phase(1), Phase(1, 0.5), Phase(1), Phase(1, 2.0))
    schedule = Schedule(phases=phases)
    section = plain(
        batch_size=2, accumulate=2, reference_batch=8, scale_learning_rate=True
    )
    assert optimizers.num_epochs(schedule, section, 3) == 4
    assert optimizers.published_rates(schedule, section) == (1, 0.5, 0.5, 2)
    # 3 batches an epoch: the update that ends with the fourth is of phase 1.
    found = updates(section, schedule, 12, steps_per_epoch=3)
    expected = np.zeros(12)
    expected[1::2] = 0.5, 0.25, 0.25, 0.25, 1, 1
    np.testing.assert_allclose(found, expected, atol=1e-6)
    one = Schedule(phases=(Phase(3, trained="head"),))
    np.testing.assert_allclose(updates(plain(), one, 3), [1, 1, 1])


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(steps=4, kind="step", boundaries=(2, 3)),
        # 6 batches an epoch are 2 steps, but the boundary lies in batches.
        Schedule(epochs=2, kind="step", boundaries=(1,)),
    ],
)
def test_accumulated_batches_are_one_step(schedule):
    expected = np.zeros(12)
    expected[[2, 5, 8, 11]] = (
        [1, 1, 0.1, 0.01] if schedule.steps else [1, 1, 0.1, 0.1]
    )
    found = updates(plain(accumulate=3), schedule, 12, steps_per_epoch=6)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("accumulate", [1, 4])
def test_the_mean_of_the_accumulated_gradients_is_bounded(accumulate):
    gradients = np.array([9.0, 1.0, -3.0, 5.0])[:accumulate]
    for bound, expected in ((2, 2), (50, gradients.mean())):
        section = plain(clip_norm=bound, accumulate=accumulate)
        optimizer = optimizers.build(section, Schedule(steps=1), 10, network())
        weight = keras.Variable(0.0)
        for gradient in gradients.tolist():
            optimizer.apply([keras.ops.convert_to_tensor(gradient)], [weight])
        assert float(weight) == pytest.approx(-expected)


@pytest.mark.parametrize("accumulate", [1, 4])
def test_each_element_of_the_mean_gradient_is_clipped(accumulate):
    section = plain(clip_value=2, accumulate=accumulate)
    optimizer = optimizers.build(section, Schedule(steps=1), 10, network())
    weight = keras.Variable([0.0, 0.0, 0.0])
    for _ in range(accumulate):
        optimizer.apply([keras.ops.array([3.0, 1.0, -9.0])], [weight])
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(weight), [-2, -1, 2], rtol=1e-6
    )


def test_a_gradient_is_clipped_in_one_way():
    with pytest.raises(ValueError, match="clip_norm=4.*clip_value=5"):
        plain(clip_norm=4, clip_value=5)


@pytest.mark.parametrize(
    "schedule, accumulate, updates_of_it",
    [
        (Schedule(steps=8, kind="cosine"), 1, 8),
        (Schedule(steps=4, kind="cosine"), 2, 4),
        (Schedule(epochs=2, kind="cosine"), 1, 6),
        (Schedule(epochs=2, kind="cosine"), 2, 3),
    ],
)
def test_cosine_ends_at_zero(schedule, accumulate, updates_of_it):
    section = plain(accumulate=accumulate, learning_rate=2)
    expected = 1 + np.cos(np.pi * np.arange(updates_of_it) / updates_of_it)
    found = updates(
        section, schedule, updates_of_it * accumulate, steps_per_epoch=3
    )
    np.testing.assert_allclose(
        found.reshape(-1, accumulate).sum(axis=1),
        expected,
        rtol=1e-4,
        atol=1e-6,
    )


def test_constant_rate():
    found = updates(plain(learning_rate=0.25), Schedule(epochs=1), 20)
    np.testing.assert_allclose(found, 0.25)


@pytest.mark.parametrize(
    "schedule, accumulate, epochs",
    [
        (Schedule(epochs=7), 4, 7),
        (Schedule(steps=20), 1, 2),
        (Schedule(steps=21), 1, 3),
        (Schedule(steps=10), 4, 4),
    ],
)
def test_number_of_epochs(schedule, accumulate, epochs):
    section = plain(accumulate=accumulate)
    assert optimizers.num_epochs(schedule, section, 10) == epochs


def first_adam(gradient, rate):
    return rate * gradient / (abs(gradient) + 1e-8)


def first_rmsprop(gradient, rate):
    return rate * gradient / np.sqrt(0.1 * gradient**2 + 1e-7)


@pytest.mark.parametrize(
    "name, first",
    [
        ("sgd", lambda gradient, rate: rate * gradient),
        ("sgd_torch", lambda gradient, rate: rate * gradient),
        ("sgd_matconvnet", lambda gradient, rate: rate * gradient),
        ("adam", first_adam),
        ("rmsprop", first_rmsprop),
    ],
)
def test_every_optimizer_decays_kernels_only(name, first):
    """The decay turns the sign of the gradient, and so of the first step."""
    section = Optimizer(
        name=name, learning_rate=0.1, weight_decay=0.5, clip_norm=1.0
    )
    optimizer = optimizers.build(section, Schedule(steps=1), 10, network())
    kernel = keras.Variable([[2.0]], name="kernel")
    bias = keras.Variable([2.0], name="bias")
    # Of norm 5, so clipped to -0.6 and -0.8 first.
    gradients = [keras.ops.convert_to_tensor(g) for g in ([[-3.0]], [-4.0])]
    optimizer.apply(gradients, [kernel, bias])
    np.testing.assert_allclose(
        [float(kernel[0, 0]), float(bias[0])],
        [2 - first(-0.6 + 0.5 * 2, 0.1), 2 - first(-0.8, 0.1)],
        rtol=1e-5,
    )


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("name", ["sgd", "adam", "rmsprop"])
def test_in_a_compiled_fit(name, accumulate):
    model = network()
    before = model.get_weights()
    section = Optimizer(
        name=name, learning_rate=0.1, clip_norm=5, accumulate=accumulate
    )
    schedule = Schedule(steps=2, kind="cosine")
    model.compile(optimizers.build(section, schedule, 4, model), "mse")
    model.fit(np.ones((4, 1)), np.full((4, 1), 9.0), batch_size=1, verbose=0)
    for old, new in zip(before, model.get_weights()):
        assert np.isfinite(new).all() and (new > old).all()


def test_momentum_is_that_of_the_recipe():
    section = plain(momentum=0.5)
    found = updates(section, Schedule(steps=3), 3)
    np.testing.assert_allclose(found, [1, 1.5, 1.75])


def test_momentum_of_nesterov():
    section = plain(name="sgd_torch", momentum=0.5, nesterov=True)
    found = updates(section, Schedule(steps=3), 3)
    np.testing.assert_allclose(found, [1.5, 1.75, 1.875])


@pytest.mark.parametrize(
    "settings",
    [{"name": "sgd"}, {"name": "sgd_torch", "momentum": 0}, {"nesterov": 1}],
)
def test_nesterov_belongs_to_one_solver(settings):
    settings = {"nesterov": True, "momentum": 0.9, **settings}
    with pytest.raises(ValueError, match="Invalid `nesterov`.*sgd_torch"):
        plain(**settings)


def test_multipliers_are_those_of_the_recipe():
    section = plain(
        weight_decay=0.5,
        learning_rate_multipliers={"head": 10, "bias": 2},
        decay_multipliers={"bias": 3},
    )
    model = network()
    model.set_weights([np.array([[2.0]]), np.array([2.0])])
    model.compile(optimizers.build(section, Schedule(steps=1), 1, model), "mse")
    # Nothing but the decay moves them: the error is 0.
    model.fit(np.zeros((1, 1)), np.full((1, 1), 2.0), verbose=0)
    kernel, bias = (weight.item() for weight in model.get_weights())
    assert kernel == pytest.approx(2 - 10 * 0.5 * 2)
    assert bias == pytest.approx(2 - 2 * 10 * 3 * 0.5 * 2)


def test_rate_in_proportion_to_the_batch_only_if_asked_for():
    section = plain(batch_size=32, accumulate=2, reference_batch=256)
    schedule = Schedule(steps=4, kind="step", boundaries=(1,))
    assert optimizers.learning_rates(schedule, section) == (1,)
    scaled = dataclasses.replace(section, scale_learning_rate=True)
    assert optimizers.learning_rates(schedule, scaled) == (0.25,)
    found = updates(scaled, schedule, 4)
    np.testing.assert_allclose(found, [0, 0.25, 0, 0.025], atol=1e-6)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_a_callback_can_lower_the_rate_of_a_plateau(policy):
    keras.config.set_dtype_policy(policy)
    section = plain(learning_rate=0.5)
    schedule = Schedule(epochs=2, kind="plateau")
    optimizer = optimizers.build(section, schedule, 10, network())
    assert float(optimizer.learning_rate) == 0.5
    optimizer.learning_rate = 0.05
    assert float(optimizer.learning_rate) == pytest.approx(0.05)


def test_losses_are_scaled_in_float16_only():
    for policy, kind in (
        ("mixed_bfloat16", optimizers.CaffeSGD),
        ("mixed_float16", LossScale),
    ):
        keras.config.set_dtype_policy(policy)
        built = optimizers.build(plain(), Schedule(steps=1), 10, network())
        assert type(built) is kind
