"""Trains a recognizer from a folder of videos, step by step."""

import dataclasses
import os
import pathlib
import typing

import numpy as np

from keras_vidrec import reporting
from keras_vidrec.applications.late_fusion import LateFusion
from keras_vidrec.applications.parts.arguments import IMAGENET
from keras_vidrec.applications.parts.arguments import check_imagenet
from keras_vidrec.backbones.tower import check_channels_last
from keras_vidrec.data.catalogs import list_writer
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.evaluation.scores import fusion
from keras_vidrec.learning import choices as records
from keras_vidrec.learning import material as materials
from keras_vidrec.learning import plan as plans
from keras_vidrec.learning import recognizer
from keras_vidrec.learning import remarks
from keras_vidrec.learning import steps
from keras_vidrec.learning import verdict
from keras_vidrec.learning.choices import Choice
from keras_vidrec.learning.choices import Figure
from keras_vidrec.learning.task import Task
from keras_vidrec.specs import files
from keras_vidrec.specs import locks
from keras_vidrec.training import classifiers
from keras_vidrec.training.recipes.sections import Fusion
from keras_vidrec.training.run import Run

# The backbone that starts from ImageNet's weights, in all recipes.
_BACKBONE = "efficientnet_lite0"

_FROZEN = "frozen frames"
_FINE_TUNED = "fine-tuned frames"
_FROZEN_FLOW = "frozen flow"
_FLOW = "fine-tuned flow"
_BOTH = "TS-LSTM over both"
# The weight of flow, where that of frames is 1.
_WEIGHTS = {"frames + flow": 1.0, "frames + 1.5 flow": 1.5}


@dataclasses.dataclass(frozen=True)
class Learned:
    """The result of `learn`.

    Attributes:
        run: `Run` of the recognizer.
        choices: tuple of `Choice`.
        sentences: tuple of three str, as `verdict.sentences` returns them.
        scores: `Scores` of the held-out part; `None` if there is none.
        report, export: paths of the report and of the export, or `None`.
    """

    run: Run
    choices: tuple
    sentences: tuple
    scores: object
    report: pathlib.Path | None
    export: pathlib.Path | None


def learn(
    task: Task,
    out: str | os.PathLike[str],
    *,
    plan_only: bool = False,
    verbose: int | str = "auto",
    tell: typing.Callable[[str], None] = lambda line: None,
) -> Learned | plans.Plan:
    """Trains a recognizer of the classes of a directory of videos.

    The directory `out` becomes a run, whose `model.keras` is the chosen
    network: `predict`, `evaluate`, `report` and `export` take it. The directory
    also has `videos.csv` (the part of each video), `choices.json` (the
    candidates and their figures), `remarks.log` (messages of the steps),
    `report/`, `export/`, and `steps/` (the runs and datasets from which it was
    made, each with its recipe). Make the same call again to resume after an
    interruption.

    Clips that are held out for the test are not used for choices.

    Args:
        task: `Task`.
        out: path of the result: new, empty, or started with the same task.
        plan_only: bool. Whether to only make and print the plan, without
            writing anything. Defaults to `False`.
        verbose: as in `fit`. Defaults to `"auto"`.
        tell: callable that is called with each line of output. Defaults to no
            output.

    Returns:
        `Learned`; with `plan_only` the `Plan`.

    Raises:
        ValueError: if the videos are not sufficient for learning, or `out` is
            that of another task.
        ImportError: naming the extra to install, if the package with ImageNet's
            weights is missing.
        OSError: if the disk is full; finished steps are kept.
    """
    check_channels_last()  # before all videos are read
    check_imagenet({"rgb": _BACKBONE}, IMAGENET)
    out = pathlib.Path(out)
    if plan_only:
        material = materials.look(task, bool(verbose))
        return _tell_plan(task, material, tell)
    out.mkdir(parents=True, exist_ok=True)
    with locks.held(out / ".learn.lock", "learn", out):
        task.claim(out)
        for directory in (out, out / "steps"):
            files.remove_unfinished(directory)
        listed = out / "videos.csv"
        # A resumed task keeps the parts with which it was started.
        begun = listed if listed.is_file() else None
        material = materials.look(task, bool(verbose), begun)
        place = steps.Workplace(task, material, out, verbose, tell)
        if begun is None:
            _write_lists(place)
        plan = _tell_plan(task, material, tell)
        with remarks.kept(out / "remarks.log"):
            return _Course(place, plan, tell).run()


def _tell_plan(task, material, tell):
    plan = plans.make(task, material)
    for line in plan.lines(material):
        tell(line)
    return plan


def _write_lists(place: steps.Workplace) -> None:
    """Writes two lists of all videos: one in which the validation part belongs
    to the training part, and one with the validation part. The latter is
    written last, because it marks that learning has started."""
    material = place.material
    catalog = dataclasses.replace(
        material.catalog,
        splits={1: Split(material.learned_from, material.test)},
        validation={},
    )
    list_writer.write(catalog, place.learned_list)
    catalog = dataclasses.replace(
        catalog,
        splits={1: Split(material.train, material.test)},
        validation={1: material.validation},
    )
    list_writer.write(catalog, place.videos_list)


class _Course:
    """Runs the steps of a plan one after the other, and makes the choices.

    Args:
        place: `steps.Workplace`.
        plan: `Plan`.
        tell: callable that is called with each line of output.
    """

    def __init__(self, place, plan, tell):
        self._place = place
        self._plan = plan
        self._tell = tell
        self._choices = []

    def run(self):
        kind = self._choose_classifier()
        if "rgb" in self._plan.names:
            made = self._trained(kind)
        else:
            made = self._frozen(kind)
        model, recipe, summary, all_learned = made
        self._say("recognizer")
        run = recognizer.make(
            self._place,
            model,
            recipe,
            summary=summary,
            all_learned=all_learned,
        )
        return self._finish(run, summary)

    def _say(self, name):
        """Prints the number and the description of a step."""
        number = self._plan.names.index(name) + 1
        step = self._plan.steps[number - 1]
        self._tell(f"\n{number} of {len(self._plan.steps)}. {step.what}")

    def _chose(self, choice):
        """Records and prints a choice."""
        self._choices.append(choice)
        records.save(self._choices, self._place.out / "choices.json")
        for line in choice.lines():
            self._tell(f"   {line}")

    def _choose_classifier(self):
        """Returns the kind of classifier that recognizes clips of other
        recordings best.
        """
        self._say("features")
        seen = steps.features(self._place)
        num_classes = len(self._place.material.catalog.classes)
        candidates = {}
        for kind in classifiers.KINDS:
            scores = classifiers.left_out_scores(kind, *seen, num_classes)
            scores = classifiers.sharpened(scores, seen.labels, seen.groups)
            told = ~np.isnan(scores).any(axis=1)
            if told.any():
                candidates[kind] = Figure.of_scores(
                    scores[told], seen.labels[told]
                )
        what = "Classifier on EfficientNet-Lite0 features"
        by = "clips of other recordings than the training clips"
        if not candidates:
            reason = "no class has clips of two recordings"
            others = dict.fromkeys(classifiers.KINDS[1:], reason)
            self._chose(Choice(what, by, {}, "", others))
            return classifiers.KINDS[0]
        # The numbers of recognized clips hardly differ; the loss says more.
        choice = Choice.best(what, by, candidates, by_loss=True)
        self._chose(choice)
        return choice.chosen

    def _frozen(self, kind):
        """Returns the frozen network with a classifier that is fitted to all
        clips, as `_trained` does."""
        if "rgb" not in self._plan.names:
            self._say("frozen")
        recipe = self._place.frozen(kind)
        run = steps.trained(self._place, "frozen_all", recipe)
        summary = f"EfficientNet-Lite0 of ImageNet, classifier {kind}"
        return run.load_model(), recipe, summary, True

    def _trained(self, kind):
        """Trains networks and returns the best one, or the best fusion.

        Returns:
            `(model, recipe, summary, all_learned)`, as for `recognizer.make`.
        """
        place, plan = self._place, self._plan
        self._say("prepared")
        data = steps.prepared(place, plan.flow)
        self._say("frozen")
        recipe = place.frozen(kind, data)
        runs = {_FROZEN: steps.trained(place, "frozen", recipe)}
        self._say("rgb")
        start = {"weights": str(runs[_FROZEN].path.absolute())}
        recipe = place.recipe("finetune_rgb", data, initialization=start)
        runs[_FINE_TUNED] = steps.trained(place, "rgb", recipe)
        scores = {name: steps.tested(place, run) for name, run in runs.items()}
        frames = self._choose("Rgb network", scores, not plan.flow)
        if not plan.flow:
            return self._alone(frames, kind, runs)
        flow = self._of_flow(data, runs, scores)
        alone = {name: scores[name] for name in (frames, flow)}
        together = {
            name: fusion.fuse(alone.values(), (1.0, weight))
            for name, weight in _WEIGHTS.items()
        }
        if "both" in plan.names:
            self._say("both")
            both = {"rgb": runs[frames], "flow": runs[flow]}
            runs[_BOTH] = steps.over_both(place, both, data)
            together[_BOTH] = steps.tested(place, runs[_BOTH])
        chosen = self._choose("Recognizer", {**together, **alone}, True)
        if chosen in _WEIGHTS:
            streams = {"rgb": runs[frames], "flow": runs[flow]}
            name = f"{frames} + {_WEIGHTS[chosen]:g} x {flow}"
            return self._fused(name, _WEIGHTS[chosen], streams)
        return self._alone(chosen, kind, runs)

    def _of_flow(self, data, runs, scores):
        """Trains networks of flow, adds them to `runs` and `scores`, and
        returns the name of the best one."""
        place = self._place
        bound = {"flow.bound": place.bound}
        self._say("frozen_flow")
        recipe = place.recipe("frozen_flow", data, clip=bound)
        runs[_FROZEN_FLOW] = steps.trained(place, "frozen_flow", recipe)
        names = [_FROZEN_FLOW]
        if "flow" in self._plan.names:
            self._say("flow")
            start = {"weights": str(runs[_FROZEN_FLOW].path.absolute())}
            recipe = place.recipe(
                "finetune_flow",
                data,
                clip=bound,
                initialization=start,
                # Fewer than the recipe has: the classifier is already fitted.
                schedule={"epochs": plans.EPOCHS["flow"]},
            )
            runs[_FLOW] = steps.trained(place, "flow", recipe)
            names.append(_FLOW)
        for name in names:
            scores[name] = steps.tested(place, runs[name])
        return self._choose("Flow network", {n: scores[n] for n in names})

    def _choose(self, what, scores, is_last=False):
        """Returns the name of the best network, given a dict from names to
        `Scores` of the validation clips."""
        by = "the validation clips"
        figures = {
            name: Figure.of_scores(one.scores, one.labels)
            for name, one in scores.items()
        }
        not_tried = self._plan.not_tried if is_last else {}
        choice = Choice.best(what, by, figures, not_tried)
        self._chose(choice)
        return choice.chosen

    def _alone(self, name, kind, runs):
        """Returns one network, as `_trained` does."""
        if name == _FROZEN:
            return self._frozen(kind)
        run = runs[name]
        return run.load_model(), run.recipe, name, False

    def _fused(self, name, weight, runs):
        """Returns the fusion of two networks, as `_trained` does."""
        networks = {stream: run.load_model() for stream, run in runs.items()}
        weights = {"rgb": 1.0, "flow": weight}
        model = LateFusion(networks, weights)
        recipe = runs["flow"].recipe
        recipe = dataclasses.replace(recipe, fusion=Fusion(weights))
        return model, recipe, name, False

    def _finish(self, run, summary):
        """Tests, reports and exports the recognizer; returns `Learned`."""
        place = self._place
        scores = report = None
        if place.material.test:
            scores = steps.tested(place, run)
            report = run.report / "index.html"
            if not report.is_file():
                reporting.report(run.path, verbose=bool(place.verbose))
        export = recognizer.export(place, run)
        sentences = verdict.sentences(place.material, scores, self._choices)
        self._tell("")
        self._tell(f"{place.out}: {summary}")
        for sentence in sentences:
            self._tell(sentence)
        return Learned(
            run, tuple(self._choices), sentences, scores, report, export
        )
