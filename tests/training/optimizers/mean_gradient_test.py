import contextlib
import functools

import keras
import numpy as np
import pytest

from keras_vidrec.training.optimizers.solvers import CaffeSGD
from keras_vidrec.training.optimizers.solvers import DecayedAdam
from keras_vidrec.training.optimizers.solvers import DecayedRMSprop
from keras_vidrec.training.optimizers.solvers import MatConvNetSGD
from keras_vidrec.training.optimizers.solvers import TorchSGD
from tests.training import linear_model

OPTIMIZERS = (CaffeSGD, TorchSGD, DecayedAdam, DecayedRMSprop)


def two_devices():
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )


@pytest.mark.tensorflow_only
@pytest.mark.parametrize(
    "kind, clip",
    [(DecayedAdam, "clipvalue"), (DecayedRMSprop, "global_clipnorm")],
)
def test_two_devices_clip_as_one_does(kind, clip):
    """Every one of 10 updates from 2 batches is clipped, and the shares of
    the devices differ a lot."""
    rows = linear_model.rows(20 * 4)
    means = rows.reshape(10, 8, -1).mean(axis=1)
    if clip == "clipvalue":
        threshold = 0.5 * abs(means).max(axis=1).min()
    else:
        threshold = 0.5 * np.linalg.norm(means, axis=1).min()
    found = []
    for strategy in (None, two_devices()):
        with strategy.scope() if strategy else contextlib.nullcontext():
            model = linear_model.linear_model(
                kind(
                    learning_rate=0.1,
                    l2=0.1,
                    gradient_accumulation_steps=2,
                    learning_rate_multipliers={"bias": 2},
                    **{clip: float(threshold)},
                )
            )
        linear_model.fit(model, rows, batch_size=4)
        assert int(model.optimizer.iterations) == 10
        found.append(linear_model.weights_of(model))
    for name, weight in found[0].items():
        assert abs(weight - linear_model.start()[name]).min() > 1e-3
        np.testing.assert_allclose(
            found[1][name], weight, rtol=0, atol=1e-5, err_msg=name
        )


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "kind",
    [*OPTIMIZERS, functools.partial(MatConvNetSGD, steps_per_epoch=4)],
    ids=lambda kind: getattr(kind, "func", kind).__name__,
)
def test_goes_on_between_two_updates(kind, tmp_path):
    """What was accumulated is saved with the optimizer, bit for bit."""
    rows = linear_model.rows(8)
    found = []
    for parts in ([rows], [rows[:4], rows[4:]]):  # 4 of 3 and of 6
        for number, part in enumerate(parts):
            model = linear_model.linear_model(
                kind(
                    learning_rate=0.1,
                    l2=0.1,
                    global_clipnorm=3.0,
                    gradient_accumulation_steps=3,
                )
            )
            if number:
                model.optimizer.build(model.trainable_variables)
                model.load_weights(tmp_path / "x.weights.h5")
            linear_model.fit(model, part)
            model.save_weights(tmp_path / "x.weights.h5")
        found.append(linear_model.weights_of(model))
    for name, weight in found[0].items():
        assert (weight != linear_model.start()[name]).all()
        np.testing.assert_array_equal(found[1][name], weight)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_nothing_moves_between_two_updates(kind):
    model = linear_model.linear_model(
        kind(learning_rate=0.1, l2=0.1, gradient_accumulation_steps=3)
    )
    before = linear_model.start()
    moved = []
    for row in linear_model.rows(7)[:, None]:
        linear_model.fit(model, row)
        after = linear_model.weights_of(model)
        moved.append({(after[n] != before[n]).all() for n in after})
        before = after
    assert moved == [{False}, {False}, {True}] * 2 + [{False}]


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_accumulated_batches_are_one_large_batch(kind):
    """Without clipping."""
    rows = linear_model.rows(12)
    found = []
    for batch_size, steps in ((3, None), (1, 3)):
        model = linear_model.linear_model(
            kind(
                learning_rate=0.1,
                l2=0.1,
                gradient_accumulation_steps=steps,
            )
        )
        linear_model.fit(model, rows, batch_size)
        found.append(linear_model.weights_of(model))
    for name, weight in found[0].items():
        np.testing.assert_allclose(found[1][name], weight, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_multiplier_of_zero_stands_still(kind):
    model = linear_model.linear_model(
        kind(
            learning_rate=0.1, l2=0.1, learning_rate_multipliers={"^logits": 0}
        )
    )
    linear_model.fit(model, linear_model.rows(3))
    for name, weight in linear_model.weights_of(model).items():
        stands = weight == linear_model.start()[name]
        assert stands.all() if name.startswith("logits") else not stands.any()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"l2": -1}, "Invalid `l2`.*l2=-1"),
        ({"l2": float("nan")}, "Invalid `l2`.*l2=nan"),
        (
            {"learning_rate_multipliers": ["bias"]},
            r"`learning_rate_multipliers`.*a dict.*\['bias'\]",
        ),
        (
            {"learning_rate_multipliers": {"(bias": 2}},
            r"`learning_rate_multipliers`.*regular.*\(bias",
        ),
        (
            {"decay_multipliers": {"bias": -2}},
            r"`decay_multipliers\['bias'\]`.*at least 0.*-2",
        ),
        (
            {"decay_multipliers": {"bias": True}},
            r"`decay_multipliers\['bias'\]`.*True",
        ),
        ({"weight_decay": 0.1}, "`l2`.*weight_decay=0.1"),
        ({"use_ema": True}, "use_ema=True"),
    ],
)
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_invalid_arguments(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(**arguments)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_optimizers_can_be_saved(kind):
    optimizer = kind(
        l2=0.5,
        learning_rate_multipliers={"^conv1/": 5},
        decay_multipliers={"bias": 0},
        global_clipnorm=5.0,
        gradient_accumulation_steps=2,
    )
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(optimizer)
    )
    assert type(copy) is kind
    assert copy.get_config() == optimizer.get_config()
    assert copy.learning_rate_multipliers == {"^conv1/": 5}


@pytest.mark.usefixtures("eager")
def test_a_weight_takes_the_product_of_its_multipliers():
    """As in the prototxt of TSN's flow: 10 for the bias of the first
    convolution, whose decay is 0."""
    optimizer = CaffeSGD(
        0.1,
        0.0,
        l2=0.5,
        learning_rate_multipliers={"^conv1/": 5, "/bias$": 2},
        decay_multipliers={"/bias$": 0, "^logits/": 3},
    )
    row = linear_model.rows(1)
    model = linear_model.linear_model(optimizer)
    linear_model.fit(model, row)
    rates_and_decays = {
        "conv1/kernel": (0.5, 0.5),
        "conv1/bias": (1.0, 0.0),
        "logits/kernel": (0.1, 1.5),
        "logits/bias": (0.2, 0.0),
    }
    before, gradients = linear_model.start(), linear_model.gradients(row[0])
    for name, weight in linear_model.weights_of(model).items():
        rate, decay = rates_and_decays[name]
        expected = before[name] - rate * (
            gradients[name] + decay * before[name]
        )
        np.testing.assert_allclose(weight, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("eager")
def test_vectors_do_not_decay_by_default():
    model = linear_model.linear_model(CaffeSGD(0.5, 0.0, l2=0.1))
    linear_model.fit(model, 0 * linear_model.rows(1))
    before = linear_model.start()
    for name, weight in linear_model.weights_of(model).items():
        factor = 0.95 if name.endswith("kernel") else 1
        np.testing.assert_allclose(weight, factor * before[name], rtol=1e-6)


@pytest.mark.parametrize("stateless", [False, True])
def test_weights_that_rest_keep_their_velocity(stateless):
    """Updates of two batches: all weights, then the first alone, from the
    middle of an update on, then all again."""
    gradients = np.random.default_rng(0).normal(size=(8, 2)).astype("float32")
    weights = [keras.Variable(1.0), keras.Variable(2.0)]
    optimizer = TorchSGD(
        0.1, l2=0.5, decay_multipliers={"": 1}, gradient_accumulation_steps=2
    )
    optimizer.build(weights)

    def apply(numbers, moved):
        chosen = [weights[index] for index in moved]
        optimizer.move_only(chosen)
        for number in numbers:
            grads = [keras.ops.array(gradients[number, i]) for i in moved]
            if not stateless:
                optimizer.apply(grads, chosen)
                continue
            values, states = optimizer.stateless_apply(
                [v.value for v in optimizer.variables],
                grads,
                [v.value for v in chosen],
            )
            for variable, value in (
                *zip(chosen, values, strict=True),
                *zip(optimizer.variables, states, strict=True),
            ):
                variable.assign(value)

    apply([0, 1, 2], [0, 1])
    apply([3, 4, 5], [0])
    apply([6, 7], [0, 1])
    # What the second had accumulated when it came to rest is gone.
    updates = {0: ((0, 1), (2, 3), (4, 5), (6, 7)), 1: ((0, 1), (6, 7))}
    for index, batches in updates.items():
        weight, velocity = 1.0 + index, 0.0
        for batch in batches:
            mean = gradients[list(batch), index].mean()
            velocity = 0.9 * velocity + mean + 0.5 * weight
            weight -= 0.1 * velocity
        found = keras.ops.convert_to_numpy(weights[index])
        assert float(found) == pytest.approx(weight, rel=1e-5)
    assert int(optimizer.iterations) == 4
