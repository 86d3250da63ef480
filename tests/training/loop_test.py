"""A training in phases, of a tower with normalization and a head with
dropout."""

import dataclasses
import re
import shutil
import signal

import keras
import numpy as np
import pytest

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.layers import BatchNormalization
from keras_vidrec.layers import ClassScores
from keras_vidrec.specs import ClipSpec
from keras_vidrec.training import network
from keras_vidrec.training.phases import Phases
from keras_vidrec.training.recipes.phase import Phase
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.recipes.schedule import Schedule
from keras_vidrec.training.recipes.sections import Network
from keras_vidrec.training.recipes.sections import Optimizer
from keras_vidrec.training.run import Run
from keras_vidrec.training.trainer import train
from tests.training.runs import assert_equal
from tests.training.runs import log_of
from tests.training.runs import weights_of

SPEC = ClipSpec(modalities=("rgb",), num_segments=2, size=16)
# 24 clips are 3 steps: an update of 2 lies across the end of every odd epoch.
PHASES = (
    Phase(1, trained="head"),
    Phase(2, 0.005, trained=("conv1",)),
    Phase(1, 0.02),
)
TRAINED = ({"logits"}, {"conv1"}, {"conv1", "bn", "logits"})


def small_network(class_names, dropout):
    tower_input = keras.Input((3,))
    x = keras.layers.Dense(4, use_bias=False, name="conv1")(tower_input)
    x = BatchNormalization(momentum=0.5, name="bn")(x)
    tower = keras.Model(tower_input, x, name="rgb")
    clip = keras.Input((2, None, None, 3), name="clip")
    x = keras.layers.Rescaling(1 / 255)(clip)
    x = tower(keras.layers.GlobalAveragePooling3D()(x))
    x = keras.layers.Dropout(dropout, name="dropout")(x)
    x = keras.layers.Dense(len(class_names), name="logits")(x)
    predictions = ClassScores(
        "softmax", class_names, clip_spec=SPEC, name="predictions"
    )
    return keras.Model(clip, predictions(x), name="small")


@pytest.fixture
def built():
    """The networks that were built."""
    return []


@pytest.fixture
def recipe(small_videos, monkeypatch, built):
    def build(recipe, class_names):
        dropout = recipe.network.head_dropout
        built.append(small_network(class_names, dropout or 0.0))
        return built[-1]

    monkeypatch.setattr(network, "build", build)
    return Recipe(
        name="in_phases",
        network=Network("TSN", head_dropout=0.3),
        optimizer=Optimizer(
            "adam", learning_rate=0.01, batch_size=8, accumulate=2
        ),
        schedule=Schedule(phases=PHASES),
    ).with_data(directory=small_videos)


@pytest.mark.usefixtures("eager")
def test_terminated_in_any_phase_and_between_them(
    recipe, built, tmp_path, at_step, monkeypatch
):
    """It goes on to the weights and the log of an uninterrupted training, of
    which each phase moves what it names and nothing else; in the order of
    even classes too, of which one counts more."""
    recipe = recipe.with_settings(
        ["data.sampling=balanced", "loss.class_weights={Shrink: 3}"]
    )
    states = []
    freeze = Phases.freeze

    def note(chosen, number):
        states.append(built[0].get_weights())
        freeze(chosen, number)

    monkeypatch.setattr(Phases, "freeze", note)
    whole = train(recipe, tmp_path / "whole", verbose=0)
    states[3:] = [built[0].get_weights()]
    paths = [weight.path for weight in built[0].weights]
    for number, layers in enumerate(TRAINED):
        changed = {
            path.rpartition("/")[0]
            for path, one, two in zip(paths, *states[number : number + 2])
            if not np.array_equal(one, two)
        }
        assert changed == layers
    # Statistics that no phase has moved are those of a new layer.
    assert paths[2:4] == ["bn/beta", "bn/moving_mean"]
    assert not states[2][3].any()

    def terminate():
        signal.raise_signal(signal.SIGTERM)

    out = tmp_path / "run"
    for step, left in (
        (2, "epoch-00001-step-0000000"),  # between two phases
        (4, "epoch-00002-step-0000002"),
        (0, "epoch-00003-step-0000000"),
    ):
        with pytest.raises(SystemExit, match="143"):
            at_step(step, terminate, recipe, out)
        assert max(p.name for p in out.glob("backup/epoch*")) == left
    assert_equal(train(recipe, out, verbose=0), whole)


@pytest.mark.usefixtures("eager")
def test_a_backbone_that_is_frozen_at_first(recipe, tmp_path, at_step):
    """As with phases that say the same, and a schedule that knows of none;
    killed in the first and the second part it goes on to the same."""
    common = ["schedule.kind=cosine", "schedule.warmup=1 step"]
    phases = [
        "{epochs: 1, frozen: [backbone, bn]}",
        "{epochs: 2, frozen: [bn]}",
        "{epochs: 1}",
    ]
    whole = train(
        recipe.with_settings(
            [*common, f"schedule.phases=[{', '.join(phases)}]"]
        ),
        tmp_path / "whole",
        verbose=0,
    )
    recipe = recipe.with_settings(
        [
            *common,
            "schedule.phases=[]",
            "schedule.epochs=4",
            "schedule.freeze={backbone: 1 epoch, bn: 3}",
        ]
    )
    out = tmp_path / "run"
    for step, left in (
        (2, "epoch-00001-step-0000000"),
        (3, "epoch-00002-step-0000001"),
    ):
        with pytest.raises(SystemExit, match="143"):
            at_step(
                step, lambda: signal.raise_signal(signal.SIGTERM), recipe, out
            )
        assert max(p.name for p in out.glob("backup/epoch*")) == left
    assert_equal(train(recipe, out, verbose=0), whole)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "settings, rates",
    [
        (["kind=step", "boundaries=[2]", "factor=0.5"], [1, 1, 0.5, 0.5]),
        (["kind=plateau", "patience=1", "factor=0.5"], [1, 1, 0.5, 0.25]),
    ],
)
def test_what_is_frozen_at_first_leaves_the_rates(
    recipe, tmp_path, settings, rates
):
    """Also those of a schedule that phases cannot have."""
    recipe = recipe.with_settings(
        [
            "schedule.phases=[]",
            "schedule.epochs=4",
            "schedule.freeze={conv1: 3, bn: 4}",
            "validation.fraction=0.5",
            "optimizer.learning_rate=1e-9",  # nothing is learned
            *(f"schedule.{setting}" for setting in settings),
        ]
    )
    rows = log_of(train(recipe, tmp_path / "run", verbose=0))
    assert [float(row["learning_rate"]) for row in rows] == pytest.approx(
        [1e-9 * rate for rate in rates]
    )


@pytest.mark.large
@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_two_devices_train_in_phases_as_one_does(recipe, tmp_path, precision):
    """Compiled, with gradients that are clipped, and scaled in float16; what
    is saved are averages."""
    recipe = dataclasses.replace(
        recipe,
        precision=precision,
        network=Network("TSN"),
        optimizer=Optimizer(
            "sgd", learning_rate=0.1, batch_size=8, clip_norm=1.0, ema=0.5
        ),
    )
    phases = (Phase(1, trained="head"), Phase(2, 0.05))
    recipe = dataclasses.replace(recipe, schedule=Schedule(phases=phases))
    one, two = (
        weights_of(train(recipe, tmp_path / name, verbose=0, distribute=name))
        for name in ("none", "mirrored")
    )
    tolerance = 1e-5 if precision == "float32" else 1e-2
    for weight, expected in zip(two, one, strict=True):
        np.testing.assert_allclose(weight, expected, rtol=0, atol=tolerance)


@pytest.mark.usefixtures("eager")
def test_the_best_network_of_any_phase_is_saved_as_it_was_built(
    recipe, tmp_path, capsys
):
    """And each phase says that it begins."""
    recipe = recipe.with_settings(["validation.fraction=0.5"])
    run = train(recipe, tmp_path / "run", verbose=2)
    model = run.load_model()
    assert len(model.trainable_weights) == 5
    told = capsys.readouterr().out
    lines = [line for line in told.splitlines() if line.startswith("phase ")]
    assert lines == [
        "phase 1 of 3, epoch 1: trains head (60 weights), learning rate 0.01",
        "phase 2 of 3, epochs 2 to 3: trains conv1 (12 weights), learning "
        "rate 0.005",
        "phase 3 of 3, epoch 4: trains all (80 weights), learning rate 0.02",
    ]
    epochs = [line for line in told.splitlines() if line.startswith("epoch ")]
    assert [line[:12] for line in epochs] == [
        f"epoch {number} of 4" for number in (1, 2, 3, 4)
    ]
    assert told.index(lines[2]) < told.index(epochs[3])
    rows = log_of(run)
    assert [float(row["learning_rate"]) for row in rows] == pytest.approx(
        [0.01, 0.005, 0.005, 0.02]
    )
    accuracies = [float(row["val_accuracy"]) for row in rows]
    # Of the same accuracy, by the loss.
    worth = [(float(r["val_accuracy"]), -float(r["val_loss"])) for r in rows]
    best = worth.index(max(worth)) + 1
    *_, trained, validated = told.splitlines()
    assert re.fullmatch(
        r"Trained in_phases \(TSN\) on 12 videos of 12 classes: 4 epochs in "
        r"(\d+ seconds|less than 10 seconds|\d minutes)\.",
        trained,
    )
    assert validated == (
        f"Validation accuracy {100 * max(accuracies):.1f} % of 12 videos, by "
        f"the network of epoch {best}, which is saved."
    )


class Follower(keras.callbacks.Callback):
    """Averages the weights beside the optimizer, and looks what a test
    sees."""

    average = None
    tests = 0

    def on_train_begin(self, logs=None):
        # An update is 2 steps.
        self.steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if self.steps % 2:
            return
        weights = self._weights()
        if self.average is None:
            self.average = weights
        self.average = {
            path: 0.75 * self.average[path] + 0.25 * weight
            for path, weight in weights.items()
        }

    def on_test_begin(self, logs=None):
        self.tests += 1
        self.compare(self._weights())

    def _weights(self):
        return {
            weight.path: keras.ops.convert_to_numpy(weight)
            for weight in self.model.weights
            if weight.trainable or not weight.path.startswith("bn/moving")
        }

    def compare(self, found):
        for path, weight in self.average.items():
            np.testing.assert_allclose(found[path], weight, rtol=1e-5)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("fraction", [0, 0.5])
def test_averages_of_the_weights_are_validated_and_saved(
    recipe, tmp_path, fraction
):
    """In a phase of some layers too, at whose rest they stay."""
    recipe = recipe.with_settings(
        [
            "optimizer.ema=0.75",
            f"validation.fraction={fraction}",
            "optimizer.batch_size=6",
            "schedule.phases=[{epochs: 1, trained: head}, {epochs: 1}]",
            "schedule.kind=cosine",
            "schedule.warmup=1 step",
            "loss.label_smoothing=0.1",
            "optimizer.name=adamw",
        ]
    )
    follower = Follower()
    run = train(recipe, tmp_path / "run", callbacks=[follower], verbose=0)
    saved = {weight.path: weight.numpy() for weight in run.load_model().weights}
    if fraction:
        assert follower.tests == 2
    else:
        follower.compare(saved)
        weights = follower._weights()
        assert not np.allclose(saved["logits/kernel"], weights["logits/kernel"])
    # A recipe without averages does not go on from there.
    without = recipe.with_settings(["optimizer.ema=null"])
    with pytest.raises(ValueError, match="optimizer.ema=0.75 as there"):
        train(without, run.path, verbose=0)


@pytest.mark.usefixtures("eager")
def test_averages_do_not_begin_in_the_middle_of_a_training(recipe, tmp_path):
    """A backup from before has none: it is refused, and stays."""
    recipe = recipe.with_settings(["schedule.phases=[]", "schedule.epochs=1"])
    before = train(recipe, tmp_path / "before", verbose=0)
    averaged = recipe.with_settings(["optimizer.ema=0.75"])
    out = tmp_path / "run"
    shutil.copytree(before.backup, out / "backup")
    for name in ("videos.json", "origin.json"):
        shutil.copy(before.path / name, out / name)
    (out / "recipe.yaml").write_text(averaged.to_yaml())
    kept = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    with pytest.raises(ValueError, match="Expected a backup of this network"):
        train(averaged, out, verbose=0)
    for path, content in kept.items():
        assert path.read_bytes() == content


@pytest.mark.parametrize(
    "setting, message",
    [
        ("optimizer.layer_decay=2", "layer_decay"),
        ("optimizer.ema=1", "`optimizer.ema`. Expected null, or a number"),
        ("loss.label_smoothing=1", "`loss.label_smoothing`.*rate in"),
        ("schedule.phases[1].trained=[conv2]", "phases.1..trained.*'conv1'"),
        ("schedule.phases[0].trained=[rgb_tower]", "phases.0..trained.*'rgb'"),
    ],
)
def test_what_does_not_fit_is_told_before_training(
    recipe, tmp_path, setting, message
):
    with pytest.raises(ValueError, match=message):
        train(recipe.with_settings([setting]), tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("fraction", [0, 0.5])
def test_a_finished_run_goes_on_for_more_epochs(
    recipe, tmp_path, at_step, caplog, fraction
):
    """Its network is kept under a name that tells its epochs; what it becomes
    is what a training of as many epochs had, and its origin says so. Killed on
    the way it goes on as any other."""
    recipe = recipe.with_settings(
        [
            "schedule.phases=[]",
            "schedule.epochs=1",
            f"validation.fraction={fraction}",
        ]
    )
    out = tmp_path / "run"
    first = train(recipe, out, verbose=0)
    before, kept = first.origin, first.model_file.read_bytes()
    longer = recipe.with_settings(["schedule.epochs=3"])
    whole = train(longer, tmp_path / "whole", verbose=0)

    def terminate():
        signal.raise_signal(signal.SIGTERM)

    with pytest.raises(SystemExit, match="143"):
        at_step(1, terminate, longer, out)
    assert "continues from 1 to 3 epochs" in caplog.text
    assert not first.is_finished and first.recipe == longer
    run = train(longer, out, verbose=0)
    assert_equal(run, whole)
    assert (out / "model-1-epochs.keras").read_bytes() == kept
    if not fraction:  # else the best may be that of before
        parent = run.origin.parents["continued after 1 epochs"]
        assert parent.fingerprint == before.fingerprint
        assert run.origin.fingerprint not in (None, before.fingerprint)
    # Fewer epochs than there are, or other changes besides, are another run.
    for settings in (
        ["schedule.epochs=2"],
        ["schedule.epochs=5", "optimizer.learning_rate=0.1"],
    ):
        with pytest.raises(
            ValueError, match="contains a run of another recipe"
        ):
            train(recipe.with_settings(settings), out, verbose=0)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("fraction", [0, 0.5])
def test_a_run_is_not_finished_before_its_origin_is_noted(
    recipe, tmp_path, monkeypatch, fraction
):
    recipe = recipe.with_settings(
        ["schedule.phases=[]", "schedule.epochs=2"]
        + [f"validation.fraction={fraction}"]
    )
    run = Run(tmp_path / "run")
    note = Run.note_origin

    def killed(run, origin):
        if origin.fingerprint is not None:
            raise KeyboardInterrupt
        note(run, origin)

    with monkeypatch.context() as patched:
        patched.setattr(Run, "note_origin", killed)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, run.path, verbose=0)
    assert not run.is_finished
    train(recipe, run.path, verbose=0)
    assert run.origin == describe(run.load_model()).origin
    assert run.origin.fingerprint is not None


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("stopped_by", ["early stop", "callback", "no backup"])
def test_a_run_that_was_stopped_is_not_continued(recipe, tmp_path, stopped_by):
    """It is refused before anything of it is changed."""
    recipe = recipe.with_settings(
        ["schedule.phases=[]", "schedule.epochs=4", "validation.fraction=0.5"]
    )
    callbacks, message = [], "has ended after 2 epochs. A new run can start"
    if stopped_by == "early stop":
        # Without a learning rate nothing gets better.
        recipe = recipe.with_settings(
            ["schedule.early_stop=1", "optimizer.learning_rate=1e-12"]
        )
    else:
        callbacks = [Stop(1 if stopped_by == "callback" else 9)]
    out = tmp_path / "run"
    run = train(recipe, out, callbacks=callbacks, verbose=0)
    if stopped_by == "no backup":
        message = "Expected the backup of the finished run"
        shutil.rmtree(run.backup)
    before = {
        path: path.read_bytes()
        for path in (run.recipe_file, run.origin_file, run.model_file)
    }
    longer = recipe.with_settings(["schedule.epochs=6"])
    with pytest.raises(ValueError, match=message):
        train(longer, out, verbose=0)
    assert before == {path: path.read_bytes() for path in before}


class Stop(keras.callbacks.Callback):
    """Ends a training after an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self._epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch >= self._epoch:
            self.model.stop_training = True
