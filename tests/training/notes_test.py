import dataclasses

import pytest

from keras_vidrec.training import notes
from keras_vidrec.training import recipes
from keras_vidrec.training.dataset import Dataset
from keras_vidrec.training.recipes.phase import Phase
from keras_vidrec.training.recipes.schedule import Schedule
from keras_vidrec.training.recipes.sections import Optimizer
from tests.data.memory_source import MemorySource


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"reference_batch": None}, None),
        ({"reference_batch": 32}, None),
        (
            {"reference_batch": 128},
            "learning rate 0.001 was published for batches of 128; this run's "
            "are of 32: in proportion it would be 0.00025 "
            "(optimizer.scale_learning_rate)",
        ),
        (
            {"reference_batch": 128, "scale_learning_rate": True},
            "learning rate 0.001 was published for batches of 128; this run's "
            "are of 32: scaled in proportion to 0.00025",
        ),
    ],
)
def test_a_rate_for_another_batch_is_never_silent(caplog, settings, message):
    section = Optimizer(batch_size=16, accumulate=2, **settings)
    notes.note_learning_rate(section, Schedule(epochs=1))
    assert caplog.messages == ([message] if message else [])


def test_the_rates_of_all_phases_are_for_another_batch(caplog):
    phases = (Phase(1, trained="head"), Phase(1, 4e-3))
    section = Optimizer(batch_size=32, reference_batch=64)
    notes.note_learning_rate(section, Schedule(phases=phases))
    assert caplog.messages == [
        "learning rates 0.001, 0.004 were published for batches of 64; this "
        "run's are of 32: in proportion they would be 0.0005, 0.002 "
        "(optimizer.scale_learning_rate)"
    ]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({}, None),
        (
            {"optimizer": Optimizer(batch_size=7)},
            "a batch of 7 contains some of the 5 videos several times",
        ),
        (
            {
                "optimizer": Optimizer(batch_size=2, ema=0.999),
                "schedule": Schedule(epochs=10),
            },
            "the average of the weights spans "
            "about 1000 updates, and the training has only 30 (optimizer.ema)",
        ),
        # 3 steps an epoch.
        ({"schedule": Schedule(steps=6)}, None),
        (
            {"schedule": Schedule(steps=4)},
            "4 updates are rounded up to whole epochs: 6 (schedule.steps)",
        ),
    ],
)
def test_what_there_is_and_what_one_may_not_expect(
    caplog, capsys, changes, message
):
    recipe = dataclasses.replace(
        recipes.get("scratch"), optimizer=Optimizer(batch_size=2)
    )
    recipe = dataclasses.replace(recipe, **changes)
    data = Dataset(MemorySource(), range(5), (5, 6), (7,), (), recipe)
    notes.note_data(data)
    assert capsys.readouterr().out == (
        "2 classes; 5 videos to train on, 2 for validation, 1 to test\n"
        "The validation part selects the epoch whose network is saved "
        "(validation.fraction=0 disables it).\n"
    )
    assert caplog.messages == ([message] if message else [])


def test_a_class_without_a_video_for_validation_is_told(caplog):
    data = Dataset(
        MemorySource(), range(5), (5,), (6, 7), (), recipes.get("scratch")
    )
    notes.note_data(data)
    assert (
        "the validation part has no video of 'even': its "
        "figures do not include them (validation.fraction)"
    ) in caplog.messages


@pytest.mark.parametrize(
    "setting, is_told",
    [
        ("seed=0", True),
        ("data.sampling=sqrt", False),
        ("loss.class_weights=auto", False),
    ],
)
def test_rare_classes_are_told_unless_they_count_more(caplog, setting, is_told):
    recipe = recipes.get("scratch").with_settings(
        ["optimizer.batch_size=2", setting]
    )
    source = MemorySource(30)
    train = (*range(0, 24, 2), 1)
    notes.note_data(Dataset(source, train, (), (), (), recipe))
    told = [line for line in caplog.messages if "Class 'even'" in line]
    assert len(told) == is_told
    if is_told:
        assert "has 12 videos to train on, class 'odd' 1: " in told[0]
        assert "data.sampling=balanced" in told[0]


def test_rare_classes_of_several_labels_are_told(caplog):
    recipe = recipes.get("scratch")
    source = MemorySource(30)
    source.labels = ((0,),) * 28 + ((0, 1), (1,))
    notes.note_data(Dataset(source, (*range(29),), (0,), (), (), recipe))
    (told,) = [line for line in caplog.messages if "Class 'even'" in line]
    assert "has 29 videos to train on, class 'odd' 1: " in told
    assert "Training with loss.kind=focal gives" in told
    assert any("part has no video of 'odd'" in x for x in caplog.messages)
    caplog.clear()
    focal = recipe.with_settings(["loss.kind=focal"])
    notes.note_data(Dataset(source, (*range(29),), (0,), (), (), focal))
    assert not any("Class 'even'" in line for line in caplog.messages)


@pytest.mark.parametrize(
    "classes, pairs",
    [
        (("Swiping Left", "Swiping Right", "Stop"), [(0, 1)]),
        (("turn_left", "right", "TurnRight", "left"), [(0, 2), (1, 3)]),
        (
            ("Turning Hand Clockwise", "Turning Hand Counter-clockwise"),
            [(0, 1)],
        ),
        # A mirror does not open what is closed; nobody is called bright.
        (("open", "close", "push up", "push down", "bright", "bleft"), []),
        (("from left to right", "from right to left"), [(0, 1)]),
        (("left", "walk"), []),
    ],
)
def test_classes_that_a_mirror_turns_into_each_other(caplog, classes, pairs):
    found = notes.mirrored_classes(classes)
    assert found == [(classes[i], classes[j]) for i, j in pairs]
    recipe = recipes.get("scratch")
    source = MemorySource(99)
    source.classes = classes
    data = Dataset(source, range(99), (), (), (), recipe)
    notes.note_data(data)
    said = [m for m in caplog.messages if "augmentation.flip=false" in m]
    assert len(said) == bool(pairs)
    caplog.clear()
    recipe = recipe.with_settings(["augmentation.flip=false"])
    notes.note_data(dataclasses.replace(data, recipe=recipe))
    assert not [m for m in caplog.messages if "augmentation.flip" in m]


def test_features_are_in_no_mirror(caplog):
    source = MemorySource(99)
    source.classes = ("move left", "move right")
    source.num_features = {"rgb": 4}
    data = Dataset(source, range(99), (), (), (), recipes.get("ts_lstm_ucf101"))
    notes.note_data(data)
    assert not [m for m in caplog.messages if "augmentation.flip" in m]
