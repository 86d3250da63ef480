import keras
import numpy as np
import pytest

from keras_vidrec.training.optimizers import section as optimizers
from keras_vidrec.training.optimizers.schedules import WarmUp
from keras_vidrec.training.recipes.phase import Phase
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.recipes.schedule import Schedule
from keras_vidrec.training.recipes.sections import Optimizer


def rates(number, steps_per_epoch=4, accumulate=1, rate=2.0, **schedule):
    """The rate of each update."""
    optimizer = Optimizer(learning_rate=rate, accumulate=accumulate)
    found = optimizers.learning_rate(
        Schedule(**schedule), optimizer, steps_per_epoch
    )
    return np.array([float(found(update)) for update in range(number)])


def half_cosine(number):
    return 0.5 + 0.5 * np.cos(np.pi * np.arange(number) / number)


def test_a_warm_up_of_any_schedule():
    rising = [0.5, 1, 1.5, 2]
    found = rates(8, epochs=2, warmup="1 epoch")
    np.testing.assert_allclose(found, [*rising, 2, 2, 2, 2])
    # 8 batches an epoch are 4 updates.
    found = rates(8, 8, 2, epochs=2, warmup="1 epochs")
    np.testing.assert_allclose(found, [*rising, 2, 2, 2, 2])
    found = rates(
        8, steps=8, kind="step", boundaries=(3, 6), factor=0.5, warmup="4 steps"
    )
    np.testing.assert_allclose(found, [0.5, 1, 1.5, 1, 1, 1, 0.5, 0.5])
    found = rates(
        12, epochs=3, kind="cosine", warmup="4 steps", min_learning_rate=0.5
    )
    np.testing.assert_allclose(
        found, [*rising, *(0.5 + 1.5 * half_cosine(8))], rtol=1e-5
    )


def test_one_cycle():
    """Up in 30 % of the updates, or in the warm-up, and down to the floor."""
    down = 2 * half_cosine(14)
    up = 0.08 + 1.92 * (1 - half_cosine(6))
    found = rates(20, epochs=5, kind="one_cycle")
    np.testing.assert_allclose(found, [*up, *down], rtol=1e-4, atol=1e-6)
    assert found.max() == found[6] == 2
    found = rates(20, epochs=5, kind="one_cycle", warmup="10 steps")
    assert found.argmax() == 10 and found[0] == pytest.approx(0.08)


def test_a_schedule_of_all_phases():
    phases = (Phase(1, trained="head"), Phase(2))
    found = rates(12, phases=phases, kind="cosine")
    np.testing.assert_allclose(found, 2 * half_cosine(12), rtol=1e-5, atol=1e-6)
    found = rates(12, phases=(Phase(1), Phase(2, 0.4)), warmup="2 steps")
    np.testing.assert_allclose(found, [1, 2, 2, 2] + [0.4] * 8, rtol=1e-6)
    with pytest.raises(ValueError, match="constant. beside phases with rates"):
        Schedule(phases=(Phase(1), Phase(1, 0.1)), kind="cosine")


@keras.saving.register_keras_serializable(package="tests")
class Halves(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, initial_learning_rate):
        super().__init__()
        self.initial_learning_rate = initial_learning_rate

    def __call__(self, step):
        return self.initial_learning_rate / (
            keras.ops.cast(step, "float32") + 1
        )

    def get_config(self):
        return {"initial_learning_rate": self.initial_learning_rate}


def test_schedules_of_keras_and_your_own():
    decay = {"decay_steps": 2, "decay_rate": 0.25}
    found = rates(
        4,
        epochs=1,
        kind="keras",
        config={"class_name": "ExponentialDecay", "config": decay},
    )
    np.testing.assert_allclose(found, [2, 1, 0.5, 0.25])
    own = {"class_name": "tests>Halves"}
    found = rates(4, epochs=1, kind="keras", config=own, warmup="1 step")
    np.testing.assert_allclose(found, [2, 2, 1, 2 / 3], rtol=1e-6)


@pytest.mark.parametrize(
    "schedule, message",
    [
        ({"warmup": 5}, '`warmup`.*such as "5 epochs".*warmup=5'),
        ({"warmup": "5 days"}, "`warmup`"),
        ({"warmup": "1 epoch", "kind": "plateau"}, "null with kind=.plateau"),
        ({"warmup": "4 steps"}, "training, not 4. Rec.*warmup='4 steps'"),
        ({"kind": "keras"}, "`config`.*config=None"),
        ({"config": {"class_name": "CosineDecay"}}, "null, or beside kind="),
        (
            {"kind": "keras", "config": {"class_name": "os.system"}},
            "`schedule.config.class_name`. Expected one of .*'CosineDecay'",
        ),
        (
            {"kind": "keras", "config": {"class_name": "CosineDecay"}},
            "`schedule.config.config`.*decay_steps",
        ),
        (
            {
                "kind": "keras",
                "config": {
                    "class_name": "CosineDecay",
                    "config": {"initial_learning_rate": 1, "decay_steps": 9},
                },
            },
            "left out: optimizer.learning_rate sets it",
        ),
    ],
)
def test_what_is_no_schedule(schedule, message):
    with pytest.raises(ValueError, match=message):
        rates(1, **{"epochs": 1, **schedule})


def test_rates_that_do_not_go_together():
    recipe = Recipe("any", schedule=Schedule(epochs=1, kind="cosine"))
    with pytest.raises(ValueError, match="at most optimizer.learning_rate=0"):
        recipe.with_settings(["schedule.min_learning_rate=0.1"])
    with pytest.raises(ValueError, match="false beside schedule.kind=.keras"):
        recipe.with_settings(
            [
                "schedule.kind=keras",
                "schedule.config={class_name: CosineDecay}",
                "optimizer.reference_batch=8",
                "optimizer.scale_learning_rate=true",
            ]
        )


def test_saved_and_loaded():
    inner = keras.optimizers.schedules.CosineDecay(1.0, 8)
    for schedule in (inner, 0.5):
        made = WarmUp(schedule, 4, begins_after=True, start=0.1, cosine=True)
        again = keras.saving.deserialize_keras_object(
            keras.saving.serialize_keras_object(made)
        )
        for step in range(12):
            assert float(again(step)) == float(made(step))
