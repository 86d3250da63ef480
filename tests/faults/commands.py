"""Commands that write, what they leave when nothing comes between, and
whether what they have left is that."""

import csv
import dataclasses
import hashlib
import pathlib
import shutil

import numpy as np
import tensorflow as tf

from keras_vidrec.applications.parts import model_file
from keras_vidrec.data import synthetic
from keras_vidrec.data.sources.features import Features
from keras_vidrec.data.sources.records import Records
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.training import recipes
from keras_vidrec.training.recipes.data import Validation
from keras_vidrec.training.recipes.schedule import Schedule
from keras_vidrec.training.recipes.sections import Optimizer
from tests.data.prepared_records import records_of
from tests.evaluation.mean_color_network import mean_color_network
from tests.faults import children

# Columns of the log that tell of the machine, not of the network.
SPEED = {"clips_per_second", "input_wait"}


class Command:
    """A command, with what it needs below `root`.

    Attributes:
        disk: path of a directory that may become a disk of its own.
        out: path on it that it writes to.
        arguments: of `vidrec`.
        whole: path of what it leaves when nothing comes between.
        changes: int, how many that takes.
    """

    name = ""
    # What it finds where it writes, if anything.
    start = None

    def __init__(self, root, materials):
        self.materials = materials
        self.root = root / self.name
        self.root.mkdir()
        self.disk = self.root / "disk"
        self.disk.mkdir()
        self.out = self.disk / "out"
        self.arguments = self.prepared()
        self.begin()
        ended = children.vidrec(self.arguments, self.out)
        assert ended.status == 0, ended.errors
        self.changes = ended.changes
        self.whole = self.root / "whole"
        self.out.rename(self.whole)

    def prepared(self):
        """Makes what is needed; returns the arguments."""
        raise NotImplementedError

    def begin(self):
        """The same place as before the first attempt."""
        if self.out.exists():
            shutil.rmtree(self.out)
        if self.start is not None:
            shutil.copytree(self.start, self.out)

    def run(self, fault=children.NONE):
        return children.vidrec(self.arguments, self.out, fault)

    def check_between(self):
        """What may be seen after a fault, before the next attempt."""

    def check(self):
        """What is left equals what an uninterrupted command leaves."""
        left = [*self.root.rglob(".partial.*"), *self.root.rglob(".before.*")]
        left += self.root.rglob("*.lock")
        assert not left, left
        self.check_equal()

    def check_equal(self):
        raise NotImplementedError


class Prepare(Command):
    name = "prepare"

    def prepared(self):
        return [
            *("prepare", "ucf101", "--videos", self.materials.videos),
            *("--out", self.out, "--flow", "none", "--size", "96x80"),
        ]

    def check_equal(self):
        assert records_of(self.out) == records_of(self.whole)
        one, two = Records(self.out).catalog, Records(self.whole).catalog
        assert one.videos == two.videos and one.splits == two.splits


class FeaturesOf(Command):
    name = "features"

    def prepared(self):
        return [
            *("features", "--rgb", self.materials.model),
            *("--data", self.materials.videos, "--out", self.out),
            *("--frames", 3, "--grid", "uniform"),
        ]

    def check_equal(self):
        assert records_of(self.out).keys() == records_of(self.whole).keys()
        one, two = Features(self.out), Features(self.whole)
        for index in range(len(two.videos)):
            np.testing.assert_array_equal(
                one.read(index, "rgb", range(3)),
                two.read(index, "rgb", range(3)),
            )


class Train(Command):
    """Dropout, flips, gradients accumulated across the ends of epochs, best
    network, plateau schedule; a backup after each step."""

    name = "train"

    def prepared(self):
        recipe = self.materials.recipe
        recipe = recipe.with_settings(["augmentation.flip=true"])
        recipe = dataclasses.replace(
            recipe,
            optimizer=Optimizer(
                "sgd",
                learning_rate=0.1,
                clip_norm=1.0,
                batch_size=4,
                accumulate=2,
            ),
            schedule=Schedule(epochs=2, kind="plateau", patience=1, factor=0.5),
            validation=Validation(fraction=0.5),
        )
        file = self.root / "recipe.yaml"
        file.write_text(recipe.to_yaml())
        return ["train", file, "--out", self.out, "--backup-steps", 1]

    def check_equal(self):
        one, two = (
            model_file.load(path / "model.keras").get_weights()
            for path in (self.out, self.whole)
        )
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a, b)
        assert log_of(self.out) == log_of(self.whole)


class Evaluate(Command):
    name = "evaluate"

    def prepared(self):
        self.start = self.materials.run
        return ["evaluate", self.out, "--protocol", "3x1"]

    def check_equal(self):
        (one,), (two,) = (
            [*(path / "scores").iterdir()] for path in (self.out, self.whole)
        )
        one, two = Scores.load(one), Scores.load(two)
        assert one.videos == two.videos
        np.testing.assert_array_equal(one.scores, two.scores)
        np.testing.assert_array_equal(one.labels, two.labels)


class Export(Command):
    """Over an export of another network."""

    name = "export"

    def prepared(self):
        self.start = self.root / "start"
        ended = children.vidrec(
            ["export", self.materials.other, "--out", self.start], self.start
        )
        assert ended.status == 0, ended.errors
        self._old = contents(self.start)
        return ["export", self.materials.model, "--out", self.out]

    def check_between(self):
        """The old one, to the last byte, or all of the new one."""
        found = contents(self.out)
        if found != self._old:
            assert found.keys() == contents(self.whole).keys()

    def check_equal(self):
        found, whole = contents(self.out), contents(self.whole)
        assert found.keys() == whole.keys() == self._old.keys()
        assert values_of(self.out) == values_of(self.whole)
        assert values_of(self.out) != values_of(self.start)


class Learn(Command):
    """Features, a classifier, the recognizer, its test and its report."""

    name = "learn"

    def prepared(self):
        return [
            *("learn", self.materials.videos, "--out", self.out),
            *("--size", 32, "--export", "none"),
        ]

    def check_equal(self):
        assert contents(self.out).keys() == contents(self.whole).keys()
        for name in ("videos.csv", "choices.json", "origin.json"):
            one, two = (
                (path / name).read_text() for path in (self.out, self.whole)
            )
            assert one == two, name
        one, two = (
            model_file.load(path / "model.keras").get_weights()
            for path in (self.out, self.whole)
        )
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a, b)
        Evaluate.check_equal(self)


class Reproduce(Command):
    """Generates, prepares, trains, tests and writes a table."""

    name = "reproduce"

    def prepared(self):
        row = ("--table", 2, "--row", "RGB Image")
        return ["reproduce", "tsn", *row, "--tiny", "--out", self.out]

    def check_equal(self):
        one, two = ((path / "tsn.csv") for path in (self.out, self.whole))
        assert one.read_text() == two.read_text()
        (one,), (two,) = (
            [*(path / "runs").iterdir()] for path in (self.out, self.whole)
        )
        assert [*(one / "scores").iterdir()] and log_of(one) == log_of(two)


COMMANDS = {
    command.name: command
    for command in (Prepare, FeaturesOf, Train, Evaluate, Export, Learn)
}


class Materials:
    """What commands are given: videos, networks, a finished run."""

    def __init__(self, root):
        self.videos = synthetic.generate(
            root / "videos",
            train_groups=2,
            test_groups=1,
            clips_per_group=1,
            size=(32, 40),
            num_frames=8,
        )
        names = tuple(sorted(synthetic.KINDS))
        network = mean_color_network(names, num_segments=3, size=32)
        self.model = root / "model.keras"
        model_file.save(network, self.model)
        for layer in network.layers:
            layer.set_weights([weight + 1 for weight in layer.get_weights()])
        self.other = root / "other.keras"
        model_file.save(network, self.other)
        recipe = recipes.get("quickstart_rgb").with_data(directory=self.videos)
        self.recipe = recipe.with_settings(["clip.size=32"])
        self.run = root / "run"
        self.run.mkdir()
        (self.run / "recipe.yaml").write_text(self.recipe.to_yaml())
        shutil.copy(self.model, self.run)


def contents(directory):
    """dict from the names of all files to the hashes of what they hold."""
    return {
        str(path.relative_to(directory)): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in pathlib.Path(directory).rglob("*")
        if path.is_file()
    }


def values_of(export):
    """The values of the variables of a SavedModel, as text."""
    reader = tf.train.load_checkpoint(str(export / "variables" / "variables"))
    return sorted(
        str(reader.get_tensor(name).tolist())
        for name, dtype in reader.get_variable_to_dtype_map().items()
        if dtype == tf.float32
    )


def log_of(run):
    with open(run / "log.csv", newline="") as file:
        return [
            {name: row[name] for name in row.keys() - SPEED}
            for row in csv.DictReader(file)
        ]
