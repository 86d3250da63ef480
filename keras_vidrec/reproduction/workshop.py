"""Makes the parts of a plan, one after the other, in one directory."""

import collections.abc
import contextlib
import dataclasses
import logging
import os
import pathlib

import keras

from keras_vidrec.data import opening
from keras_vidrec.data.prepared import dataset as prepared_dataset
from keras_vidrec.data.preparing.prepare import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.evaluation import evaluator
from keras_vidrec.evaluation import feature_extraction
from keras_vidrec.reproduction import generated
from keras_vidrec.reproduction import rehearsal
from keras_vidrec.reproduction.claim import Claim
from keras_vidrec.reproduction.lineage import Lineage
from keras_vidrec.reproduction.parts import Given
from keras_vidrec.reproduction.parts import Tested
from keras_vidrec.reproduction.parts import Training
from keras_vidrec.reproduction.parts import check_splits
from keras_vidrec.reproduction.parts import dataset_name
from keras_vidrec.reproduction.parts import dataset_option
from keras_vidrec.reproduction.parts import needed
from keras_vidrec.reproduction.plan import Figure
from keras_vidrec.reproduction.results import SPLIT
from keras_vidrec.reproduction.results import Missing
from keras_vidrec.reproduction.results import Results
from keras_vidrec.specs import checks
from keras_vidrec.specs.checks import counted
from keras_vidrec.training import network
from keras_vidrec.training import trainer
from keras_vidrec.training.callbacks.stop_on_nan import LossIsNaN

logger = logging.getLogger("keras_vidrec")

# Numbers of classes of the datasets.
_CLASSES = {"ucf101": 101, "hmdb51": 51}


class Workshop(Results):
    """The directory of a reproduction, with `data/`, `features/` and `runs/`,
    whose runs are like those of `train`. After an interruption finished parts
    are kept, and the rest is resumed.

    Args:
        directory: path of the directory: new, empty, or with a reproduction of
            the same data.
        data: dict from the names of datasets to directories of their videos, or
            of prepared data.
        splits: `None`, or dict from the names of datasets to directories of
            their split files, if these are not next to the videos. Defaults to
            `None`.
        given: `None`, or dict from the names of provided files to their paths.
            A path of scores has `{split}` in place of the number of the split.
            Defaults to `None`.
        tiny: bool. Whether it is a test run with tiny networks. Defaults to
            `False`.
        flow: str. Method of optical flow, for datasets of videos. Defaults to
            `"tvl1"`.
        verbose: as in `fit`. Defaults to `0`.

    Attributes:
        failed: dict from the names of trainings that diverged to the errors.

    Raises:
        ValueError: if the directory contains something else, or a reproduction
            with other data or files.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        data: dict,
        splits: dict | None = None,
        given: dict | None = None,
        *,
        tiny: bool = False,
        flow: str = "tvl1",
        verbose: int | str = 0,
    ) -> None:
        super().__init__(directory, given)
        self.failed: dict = {}
        self._data = {n: pathlib.Path(p).resolve() for n, p in data.items()}
        self._splits = dict(splits or {})
        # Of datasets; provided scores and weights are not opened here.
        self._places = {
            **{n: pathlib.Path(path) for n, path in self.given.items()},
            **self._data,
        }
        self._tiny = tiny
        self._flow = flow
        self._verbose = verbose
        self._kinds: dict = {}
        self._claim = Claim(
            self.path,
            {
                "tiny": tiny,
                "flow": flow,
                "data": {name: str(path) for name, path in self._data.items()},
                "splits": {
                    name: path and str(pathlib.Path(path).resolve())
                    for name in self._data
                    for path in (self._splits.get(name),)
                },
                "given": self.given,
                "made_from": {},
            },
        )
        self._lineage = Lineage(self.path, self._claim.values["made_from"])

    def check(self, figures: collections.abc.Iterable[Figure]) -> dict:
        """Checks the provided files, the data, and the initial weights of all
        trainings before anything is made. Then records in the directory that it
        belongs to this reproduction.

        Args:
            figures: iterable of `plan.Figure` without missing requirements.

        Returns:
            dict from the names of weights that cannot be downloaded, such as
            without a network connection, to the reasons.

        Raises:
            ValueError: if a provided file does not exist or cannot be used, or
                a dataset lacks splits or streams.
        """
        trainings = {}
        for figure in figures:
            for split, test in figure.tests.items():
                for part in needed(test):
                    if not self._tiny:  # files of test runs are generated
                        self._check_given(part, split, figure.row.splits)
                    if isinstance(part, Training):
                        trainings[part.name] = part
        if not self._tiny:
            self._check_data(trainings.values())
        lost: dict = {}
        checked: set = set()
        for training in trainings.values():
            starts = [*training.weights.values()]
            names = {one.name for one in starts if isinstance(one, Given)}
            if len(names) != len(starts) or names <= checked:
                continue
            if self._is_trained(training):
                continue
            try:
                self._check_start(training)
            except (ImportError, OSError) as error:
                reason = " ".join(str(error).split())
                lost |= dict.fromkeys(names - {*self.given}, reason)
            checked |= names
        for training in trainings.values():
            for part in training.weights.values():
                if isinstance(part, Given) and part.name not in lost:
                    used = self.given.get(part.name, part.default)
                    self._claim.weights(part.name, used)
        self._claim.write()
        return lost

    def _check_given(self, part, split, splits):
        """Checks that a provided file exists, that scores can be read, and that
        each of several splits has its own."""
        if not isinstance(part, Given) or part.name not in self.given:
            return
        path = self.given_path(part, split)
        if part.kind == "scores" and len(splits) > 1:
            checks.check(
                SPLIT in self.given[part.name],
                f"--given {part.name}",
                f"{SPLIT} in place of the number of the split, because the "
                f"figure is of splits {', '.join(map(str, splits))}",
                self.given[part.name],
            )
        if not path.exists():
            raise ValueError(
                f"Expected {part.what}, at --given {part.name}. Received: "
                f"{path}, which does not exist"
            )
        if part.kind != "scores":
            return
        try:
            self.scores(part, split)
        except ValueError as error:
            raise ValueError(f"--given {part.name}: {error}") from error

    def _check_data(self, trainings):
        """Checks that datasets have the splits and the streams of trainings."""
        needs = {}
        for training in trainings:
            name = dataset_name(training)
            if not training.features and name in self._places:
                splits, streams = needs.setdefault(name, (set(), set()))
                splits.add(training.split)
                streams.update(training.streams)
        for name, (splits, streams) in needs.items():
            opened, where = self._opened(name), self._places[name]
            option = dataset_option(name, self._data)
            if name not in self._data and opened.kind != "prepared":
                raise ValueError(
                    "Expected a dataset by `vidrec prepare`, at "
                    f"{option}. Received: {where}, {opened.kind}"
                )
            check_splits(name, splits, opened.catalog, option)
            lacks = streams - {*opened.source.modalities}
            if opened.kind != "videos" and lacks:
                raise ValueError(
                    f"Expected {name.upper()} with {sorted(streams)}, at "
                    f"{option}. Received: {where}, without {sorted(lacks)}"
                )
            known = _CLASSES[name.rpartition("_")[2]]
            have = len(opened.source.classes)
            if have != known:
                logger.warning(
                    "%s has %d classes, but %s has %d: the figures cannot be "
                    "compared with the paper's",
                    *(where, have, name.upper(), known),
                )

    def _check_start(self, training):
        """Builds the network of a training with its initial weights."""
        names = ", ".join(part.name for part in training.weights.values())
        keras.utils.clear_session()
        started = self._started(training.recipe, training)
        try:
            network.build(started, ("any", "other"))
        except ValueError as error:
            raise ValueError(f"--given {names}: {error}") from error

    def make(
        self,
        figure: Figure,
        say: collections.abc.Callable[[str], object] = print,
    ) -> bool:
        """Makes all parts of a figure that do not exist yet.

        A training that diverges is recorded in `failed` by its name, and is not
        tried again. What was made from an earlier version of a network is not
        made again either, see `reasons`. Other errors are raised.

        Args:
            figure: `plan.Figure`.
            say: callable that gets a line of text when a part is started.
                Defaults to `print`.

        Returns:
            bool, whether the figure can be measured now.
        """
        if not self._claim.exists():
            self._claim.write()
        for part in figure.parts():
            if part.name in self.failed or self._lineage.outdated(part):
                return False
            try:
                with self._steps():
                    self._make(part, say)
            except LossIsNaN as error:
                self.failed[part.name] = " ".join(str(error).split())
                return False
        return True

    def _steps(self):
        """The context in which parts are made."""
        if self._tiny:
            return rehearsal.uncompiled()
        return contextlib.nullcontext()

    def _make(self, part, say):
        if isinstance(part, Training):
            self._train(part, say)
        elif isinstance(part, Tested):
            self._test(part, say)
        elif not isinstance(part, Given):
            self._extract(part, say)

    def _train(self, training, say):
        if self._is_trained(training):
            return
        recipe = self._recipe(training, say)
        say(f"Train {training.name}")
        self._note_parents(training)
        keras.utils.clear_session()
        trainer.train(recipe, self.run(training).path, verbose=self._verbose)
        self.forget(training)

    def _is_trained(self, training):
        return self.run(training).model_file.is_file()

    def measured(self, figure: Figure) -> dict:
        """As `Results.measured`; empty if a part is outdated."""
        if any(map(self._lineage.outdated, figure.parts())):
            return {}
        return super().measured(figure)

    def reasons(self, figure: Figure) -> tuple:
        """Returns lines about the parts of a figure that cannot be made:
        trainings that diverged, and what was made from an earlier version of a
        network."""
        found = {
            part.name: self.failed.get(part.name)
            or self._lineage.outdated(part)
            for part in figure.parts()
        }
        return tuple(f"{name}: {why}" for name, why in found.items() if why)

    def incomplete(
        self, figure: Figure, splits: collections.abc.Iterable[int]
    ) -> tuple:
        """Returns lines about videos that a figure lacks.

        Args:
            figure: `plan.Figure`.
            splits: iterable of int. Its measured splits.
        """
        lines, names = [], {}
        for split in splits:
            tested = len(self.scores(figure.tests[split], split).videos)
            for part in needed(figure.tests[split]):
                if not isinstance(part, Tested):
                    continue
                name = dataset_name(part.training)
                if name not in self._places:
                    continue
                names[name] = True
                listed = self._opened(name).catalog.splits.get(split)
                if listed and tested < len(listed.test):
                    lines.append(
                        f"split {split}: on {tested} of the "
                        f"{len(listed.test)} test videos"
                    )
        for name in names:
            lost = self._lost(name)
            if lost:
                lines.append(
                    f"{counted(lost, 'listed video')} of {self._places[name]} "
                    "missing or not prepared"
                )
        return tuple(dict.fromkeys(lines))

    def _lost(self, name):
        """The number of listed videos that a dataset does not have."""
        opened = self._opened(name)
        if opened.kind == "prepared":
            return len(prepared_dataset.read_failed(opened.catalog.root))
        return len(opened.catalog.missing)

    def _note_parents(self, part):
        if self._lineage.note(part):
            self._claim.write()

    def _test(self, tested, say):
        try:
            self.scores(tested, tested.training.split)
        except Missing:
            say(f"Test {tested.name}")
            keras.utils.clear_session()
            evaluator.evaluate(
                self.run(tested.training).path,
                protocol=tested.test,
                verbose=self._verbose != 0,
            )

    def _recipe(self, training, say):
        """The recipe of a training, with the paths of its data and initial
        weights."""
        if training.features:
            directory = self.path / "features" / training.features.name
            splits = None
        else:
            directory, splits = self._prepared(training, say)
        recipe = training.recipe.with_data(
            directory=directory, split_files=splits, split=training.split
        )
        recipe = self._started(recipe, training).with_absolute_paths()
        run = self.run(training)
        if run.recipe_file.is_file():
            # Values that do not change the training are taken from the run, so
            # that it can be resumed after they changed in the recipe file.
            begun = run.recipe
            recipe = dataclasses.replace(
                recipe,
                test=begun.test,
                reported=begun.reported,
            )
        return recipe

    def _started(self, recipe, training):
        """A recipe with the paths of the initial weights of a training."""
        weights = {
            stream: str(self.run(part).path)
            if isinstance(part, Training)
            else self.given.get(part.name, part.default)
            for stream, part in training.weights.items()
        }
        if not weights:
            return recipe
        start = weights.get(None, weights)
        return recipe.with_values({"initialization.weights": start})

    def _prepared(self, training, say):
        """The directory of the dataset of a training, and that of its split
        files or None. Prepares the dataset if necessary."""
        name = training.dataset
        if isinstance(name, Given):
            return pathlib.Path(self.given[name.name]), None
        videos, splits = self._data[name], self._splits.get(name)
        splits = splits and pathlib.Path(splits)
        kind = self._opened(name).kind
        if kind != "videos":
            return videos, None if kind == "prepared" else splits
        size = generated.SIZE if self._tiny else training.size
        label = "generated" if self._tiny else name
        out = self.path / "data" / f"{label}-{size}"
        if not _is_finished(out):
            say(f"Prepare {name}: {out}")
            prepare(
                self._opened(name).catalog,
                out,
                Preparation(
                    flow=self._flow,
                    # Only TSN has warped flow; its frames have this size.
                    warped=size == "340x256" or self._tiny,
                    bound=generated.BOUND if self._tiny else Preparation.bound,
                    size=size,
                ),
                progress=self._verbose != 0,
            )
        return out, None

    def _opened(self, name):
        """The opened dataset of a name."""
        if name not in self._kinds:
            self._kinds[name] = opening.open_dataset(
                self._places[name],
                splits=self._splits.get(name),
                images_only=True,
            )
        return self._kinds[name]

    def _extract(self, features, say):
        out = self.path / "features" / features.name
        if _is_finished(out):
            return
        say(f"Features {features.name}")
        self._note_parents(features)
        keras.utils.clear_session()
        runs = {s: self.run(part) for s, part in features.networks.items()}
        directory, splits = self._prepared(
            next(iter(features.networks.values())), say
        )
        feature_extraction.extract(
            {stream: run.load_model() for stream, run in runs.items()},
            opening.open_dataset(directory, splits=splits, images_only=True),
            out,
            grid=features.grid,
            num_frames=features.num_frames,
            made_from={
                "networks": {s: str(r.path.resolve()) for s, r in runs.items()},
                "data": {"directory": str(directory)},
            },
            verbose=self._verbose != 0,
        )


def _is_finished(directory: pathlib.Path) -> bool:
    """Returns whether a dataset of images or features is complete:
    `dataset.json` is written last."""
    return (directory / "dataset.json").is_file()
