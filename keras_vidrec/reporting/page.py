"""What came out of a run as one HTML page, with its figures as CSV."""

import dataclasses
import json
import pathlib
import shlex
import statistics

import tqdm

from keras_vidrec.data import opening
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.reporting import curves as report_curves
from keras_vidrec.reporting import page as report_page
from keras_vidrec.reporting import strips
from keras_vidrec.reporting import tables as report_tables
from keras_vidrec.specs import files
from keras_vidrec.training.run import Run

# Pairs of classes on the page, and mistakes of each.
_PAIRS = 8
_MISTAKES = 2


@dataclasses.dataclass(frozen=True)
class Report:
    """What a page tells.

    Attributes:
        title: str.
        scores: dict from the name of a test to its `Scores`. Classes and
            mistakes are those of the first.
        recipe: `None`, or `Recipe`.
        environment: dict of str, what the run ran on.
        curves: list of `report_curves.Curves`.
        tests: `Table` of the accuracies.
        classes: `Table` of the classes of the first test.
        speed: `Table`.
        mistakes: list of pairs: `report_tables.Pair`, and a list of pairs of
            `strips.Mistake` and its `Strip`, `None` where no dataset
            was opened.
        frames_told: str. What the strips show, or why there are none.
    """

    title: str
    scores: dict
    recipe: object
    environment: dict
    curves: list
    tests: report_tables.Table
    classes: report_tables.Table
    speed: report_tables.Table
    mistakes: list
    frames_told: str

    @property
    def main(self):
        """The test that is looked at closely."""
        return next(iter(self.scores.values()))

    @property
    def labeled(self):
        """Whether any video of it has a label."""
        return bool((self.main.labels >= 0).any())


def report(path, out=None, *, data=None, verbose=True):
    """Writes the report of a tested run, or of a single score file.

    Args:
        path: path of a run, or of a score file. One that lies in the
            `scores/` of a run is reported with the training of that run.
        out: `None`, or path of the directory to write to. Defaults to `None`:
            `report/` in the run, or beside the score file a directory of its
            name with `-report`.
        data: `None` (where the recipe of the run says), or path of the
            dataset that the frames of mistakes are read from.
        verbose: bool. Whether to show a progress bar.

    Returns:
        `pathlib.Path` of the page.

    Raises:
        ValueError: if there is no run, it has not been tested, a score file
            is none, or `data` is no dataset of images.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise ValueError(
            "Expected the directory of a run, or a score file. Received: "
            f"{path}, which does not exist"
        )
    if path.is_dir():
        run = Run.open(path)
        scores = _tests_of(run)
        out = out or run.report
    else:
        scores = {path.stem: Scores.load(path)}
        run = _run_of(path)
        out = out or path.with_name(f"{path.stem}-report")
    for name, one in scores.items():
        if not one.videos:
            raise ValueError(
                "Expected scores of some videos to report. Received: "
                f"{name}, of none"
            )
    recipe = run and run.recipe
    source, told = _open_dataset(recipe, data)
    return write(
        scores,
        out,
        title=recipe.name if recipe else path.stem,
        recipe=recipe,
        log=run and run.log_file,
        environment=run and run.environment_file,
        source=source,
        no_source=told,
        verbose=verbose,
    )


def write(
    scores,
    directory,
    *,
    title=None,
    recipe=None,
    log=None,
    environment=None,
    source=None,
    no_source="No frames are shown: no dataset was named.",
    verbose=True,
):
    """Writes a report: `index.html`, which needs nothing beside it, and
    `figures/*.csv`. Other files of the directory are left alone.

    Args:
        scores: `Scores`, or dict from the name of a test to its `Scores`;
            classes and mistakes are those of the first.
        directory: path to write to, made if missing.
        title: `None` (the name of the first test), or str.
        recipe: `None`, or `Recipe` of the network.
        log: `None`, or path of the `log.csv` of its training.
        environment: `None`, or path of the `environment.json` of its run.
        source: `None`, or `Source` with the videos of the first test.
        no_source: str. What the page tells if there is no source.
        verbose: bool. Whether to show a progress bar.

    Returns:
        `pathlib.Path` of the page.

    Raises:
        ValueError: if there are no scores.
    """
    if isinstance(scores, Scores):
        scores = {"scores": scores}
    if not scores:
        raise ValueError("Expected scores to report. Received: none")
    directory = pathlib.Path(directory)
    main = next(iter(scores.values()))
    curves = report_curves.read(log) if log else {}
    pairs = report_tables.confused_pairs(main)
    contents = Report(
        title=title or next(iter(scores)),
        scores=scores,
        recipe=recipe,
        environment=_environment(environment),
        curves=report_curves.choose(curves),
        tests=report_tables.tests(scores),
        classes=report_tables.classes(main),
        speed=_speed(curves, scores),
        mistakes=_mistakes(main, pairs[:_PAIRS], source, verbose),
        frames_told=_told(source) if source else no_source,
    )
    tables = {
        "tests": contents.tests,
        "classes": contents.classes,
        "confusion_matrix": report_tables.confusion_matrix(main),
        "confused_pairs": report_tables.pairs(main, pairs),
        "mistakes": _table_of(contents.mistakes, main),
        "speed": contents.speed,
        **{one.name: one.table for one in contents.curves},
    }
    for name, table in tables.items():
        table.save(directory / "figures" / f"{name}.csv")
    # Last: where there is a page, its figures are there too.
    page = directory / "index.html"
    files.write_text(page, report_page.write(contents))
    return page


def _tests_of(run):
    """All tests of a run, the recipe's own before the others."""
    found = sorted(
        run.scores.glob("*.npz"),
        key=lambda file: (not file.stem.startswith("test-split"), file.stem),
    )
    if not found:
        raise ValueError(
            f"Expected a tested run: `vidrec evaluate {run.path}` tests it. "
            f"Received: {run.path}, without score files in {run.scores}"
        )
    return {file.stem: Scores.load(file) for file in found}


def _run_of(score_file):
    """The run that a score file lies in; `None` if it lies elsewhere."""
    directory = score_file.resolve().parent
    run = Run(directory.parent)
    inside = run.scores == directory and run.recipe_file.is_file()
    return run if inside else None


def _open_dataset(recipe, data):
    """The source of a recipe's dataset, or `None` and why there is none."""
    if data is None and (recipe is None or recipe.data.directory is None):
        return None, "No frames are shown: no dataset was named."
    arguments = {}
    if recipe is not None:
        arguments = {
            "layout": recipe.data.layout,
            "videos_list": recipe.data.list,
            "splits": recipe.data.split_files,
            "test_fraction": recipe.data.test_fraction,
        }
    try:
        opened = opening.open_images(data or recipe.data.directory, **arguments)
    except (OSError, ValueError) as error:
        if data is not None:
            raise
        return None, f"No frames are shown: {error}"
    return opened.source, ""


def _mistakes(scores, pairs, source, verbose):
    worst = [
        (pair, strips.worst_mistakes(scores, pair, _MISTAKES)) for pair in pairs
    ]
    progress = tqdm.tqdm(
        desc="frames",
        total=sum(len(mistakes) for _, mistakes in worst),
        unit="video",
        # None: shown on a terminal
        disable=None if verbose and source else True,
    )

    def strip(mistake):
        if source is None:
            return None
        frames = strips.read(source, scores.videos[mistake.video])
        progress.update()
        return frames

    with progress:
        return [
            (pair, [(mistake, strip(mistake)) for mistake in mistakes])
            for pair, mistakes in worst
        ]


def _table_of(mistakes, scores):
    return report_tables.Table(
        ("video", "class", "taken_for", "margin", "place_of_class"),
        tuple(
            (
                scores.videos[mistake.video],
                scores.classes[pair.label],
                scores.classes[pair.taken_for],
                mistake.margin,
                mistake.rank,
            )
            for pair, of_pair in mistakes
            for mistake, _ in of_pair
        ),
    )


def _told(source):
    if strips.modality_of(source).startswith("rgb"):
        return ""
    return (
        "The dataset holds no frames but flow: the hue is the direction, the "
        "longest of a video in full color."
    )


def _speed(log, scores):
    rows = []
    for column, what, unit in (
        ("clips_per_second", "training, median epoch", "clips a second"),
        ("input_wait", "training, median epoch", "share of time waiting"),
    ):
        values = [value for value in log.get(column, ()) if value == value]
        if values:
            rows.append((what, unit, statistics.median(values)))
    for name, one in scores.items():
        rate = one.meta.get("videos_per_second")
        if isinstance(rate, (int, float)):
            rows.append((name, "videos a second", float(rate)))
    return report_tables.Table(("what", "unit", "value"), tuple(rows))


def _environment(path):
    """What the last start of a run ran on, in words; nothing if that is not
    known."""
    try:
        noted = json.loads(pathlib.Path(path).read_text("utf-8"))
        start = noted["starts"][-1]
        versions = start["versions"].items()
        git = start["git"]
        changed = git and " with changes" if git and git["changes"] else ""
        return {
            "Seed": str(noted["seed"]),
            "Started": f"{start['time']}, start {len(noted['starts'])} of "
            "this run",
            "Command": shlex.join(map(str, start["command"])),
            "Versions": ", ".join(f"{k} {v}" for k, v in versions if v),
            "Backend": str(start["backend"]),
            "Devices": ", ".join(map(str, start["devices"])),
            "Platform": str(start["platform"]),
            "Code": f"commit {git['commit']}{changed}" if git else "installed",
        }
    except (
        AttributeError,
        IndexError,
        KeyError,
        OSError,
        TypeError,
        ValueError,
    ):
        return {}  # none, or damaged: no reason not to report
