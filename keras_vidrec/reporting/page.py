"""Writes the report of a run: an HTML page, and its figures as CSV."""

import base64
import collections.abc
import logging
import math
import os
import pathlib

import jinja2
import markupsafe

from keras_vidrec.data.sources.source import Source
from keras_vidrec.evaluation.scores import calibration
from keras_vidrec.evaluation.scores import freshness
from keras_vidrec.evaluation.scores import score_naming
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.reporting import background
from keras_vidrec.reporting import chain
from keras_vidrec.reporting import class_sizes
from keras_vidrec.reporting import curves
from keras_vidrec.reporting import labels_view
from keras_vidrec.reporting import matrix
from keras_vidrec.reporting import mistakes
from keras_vidrec.reporting import reliability
from keras_vidrec.reporting import tables
from keras_vidrec.reporting.measuring import kept
from keras_vidrec.reporting.measuring.measurement import Measurement
from keras_vidrec.reporting.measuring.size import Size
from keras_vidrec.specs import Origin
from keras_vidrec.specs import files
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.run import Run
from keras_vidrec.version import __version__

logger = logging.getLogger("keras_vidrec")

# Number of hardest classes that are listed; all are in a list to open.
_HARDEST = 12
_CLASS_COLUMNS = (
    ("Class", "text"),
    ("Accuracy", "bar"),
    ("Most often classified as", "text"),
    ("Precision", "share"),
    ("Videos", "number"),
)
# Usual settings of tests, which are not mentioned.
_USUAL = (("num_clips", 1), ("averaged", "logits"))
_TEST_COLUMNS = (
    ("Test", "text"),
    ("Top-1", "share"),
    ("95 % interval", "number"),
    ("Top-5", "share"),
    ("Mean class", "share"),
    ("Videos", "number"),
    ("How", "text"),
)
# Shown for missing values.
_NOTHING = "\u2013"


def percent(share: float) -> str:
    """Returns a share in [0, 1] as a percentage, or a dash for NaN."""
    return _NOTHING if math.isnan(share) else f"{100 * share:.2f} %"


def interval(low: float, high: float) -> str:
    """Returns an interval of shares as percentages, or a dash for NaN."""
    if math.isnan(low):
        return _NOTHING
    return f"{100 * low:.2f} to {100 * high:.2f} %"


# Everything is escaped, because names from datasets may contain markup.
TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("keras_vidrec.reporting"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
TEMPLATES.filters.update(
    base64=lambda content: base64.b64encode(content).decode(),
    drawing=lambda one: markupsafe.Markup(curves.draw(one)),
    percent=percent,
)


def report(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    data: str | os.PathLike[str] | None = None,
    verbose: bool = True,
) -> pathlib.Path:
    """Writes the report of a tested run, or of a single score file.

    Args:
        path: path of a run with one test; or a run and the name of one of its
            tests, such as `RUN@25x10`, which is shown first; or path of a
            score file. If the score file is in the directory `scores` of a
            run, the report includes the training of that run.
        out: `None` (`report` in the run; for a score file `FILE-report` beside
            it), or path of the directory to write. Defaults to `None`.
        data: `None` (the dataset of the run's recipe), or path of the dataset
            that the frames of mistakes are read from. Defaults to `None`.
        verbose: bool. Whether to show a progress bar. Defaults to `True`.

    Returns:
        `pathlib.Path` of the page.

    Raises:
        ValueError: if there is no such run, it has not been tested, it has
            several tests and none is named, its scores were computed with an
            earlier network, a score file is invalid or has no videos, or
            `data` is not a dataset of images.
    """
    main, file, run = score_naming.load(path)
    if run is not None:
        scores = _with_others(main, file, run)
        out = out or run.report
    else:
        scores = {file.stem: main}
        directory = freshness.run_of(file)
        run = Run(directory) if directory else None
        out = out or file.with_name(f"{file.stem}-report")
    for name, one in scores.items():
        if not one.videos:
            raise ValueError(
                "Expected scores of at least one video to report. Received: "
                f"{name}, with scores of 0 videos"
            )
    recipe = run.recipe if run else None
    source, reason = background.open_dataset(recipe, data)
    measured = kept.of(run) if run else ()
    return write(
        scores,
        out,
        training=background.training_videos(run),
        title=recipe.name if recipe else file.stem,
        recipe=recipe,
        log=run.log_file if run else None,
        environment=run.environment_file if run else None,
        size=kept.size_of(run, measured) if run else None,
        measured=measured,
        source=source,
        no_source=reason,
        verbose=verbose,
    )


def write(
    scores: Scores | dict[str, Scores],
    directory: str | os.PathLike[str],
    *,
    title: str | None = None,
    recipe: Recipe | None = None,
    training: dict[str, int] | None = None,
    log: str | os.PathLike[str] | None = None,
    environment: str | os.PathLike[str] | None = None,
    size: Size | None = None,
    measured: collections.abc.Sequence[Measurement] = (),
    source: Source | None = None,
    no_source: str = "No frames are shown: no dataset was named.",
    verbose: bool = True,
) -> pathlib.Path:
    """Writes a report: `index.html`, a self-contained page, `figures/*.csv`,
    and `origin.json` with the origin of the figures. Marks of the scores are
    shown above all figures. Other files in the directory are not changed.

    Args:
        scores: `Scores`, or dict from the name of a test to its `Scores`.
            Classes and mistakes are those of the first test. If videos have
            several labels, average precisions are shown instead of mistakes.
        directory: path of the directory to write, made if missing.
        title: `None` (the name of the first test), or str. Defaults to `None`.
        recipe: `None`, or `Recipe` of the network. Defaults to `None`.
        training: `None`, or dict from the name of a class to the number of its
            training videos. Defaults to `None`.
        log: `None`, or path of the `log.csv` of the training. Defaults to
            `None`.
        environment: `None`, or path of the `environment.json` of the run.
            Defaults to `None`.
        size: `None`, or `measuring.size.Size` of the network. Defaults to
            `None`.
        measured: sequence of `Measurement` of the network. Defaults to none.
        source: `None`, or `Source` with the videos of the first test. Defaults
            to `None`.
        no_source: str. What the page says if there is no source.
        verbose: bool. Whether to show a progress bar. Defaults to `True`.

    Returns:
        `pathlib.Path` of the page.

    Raises:
        ValueError: if there are no scores, or some tests have one label per
            video and some have several.
    """
    if isinstance(scores, Scores):
        scores = {"scores": scores}
    if not scores:
        raise ValueError("Expected scores to report. Received: none")
    directory = pathlib.Path(directory)
    main = next(iter(scores.values()))
    origin = Origin(
        "report",
        parents={
            name: one.origin or Origin("scores") for name, one in scores.items()
        },
        versions={"keras_vidrec": __version__},
    )
    curve = curves.read(log) if log else {}
    drawn = curves.choose(curve)
    if any(one.several != main.several for one in scores.values()):
        raise ValueError(
            "Expected tests with one label per video, or with several. "
            "Received: both"
        )
    if main.several:
        worst = ()
        figures = {
            "tests": labels_view.tests(scores),
            "classes": labels_view.classes(main),
        }
    else:
        pairs = tables.confused_pairs(main)
        worst = mistakes.show(main, pairs, source, verbose)
        figures = {
            "tests": tables.tests(scores),
            "classes": tables.classes(main),
            reliability.NAME: reliability.table(main),
            "confusion_matrix": tables.confusion_matrix(main),
            "confused_pairs": tables.pairs(main, pairs),
            "mistakes": mistakes.table(worst, main),
        }
    figures["class_sizes"] = class_sizes.table(main, training or {})
    figures["speed"] = tables.speed(curve, scores, size, measured)
    figures.update({one.name: one.table for one in drawn})
    for name, table in figures.items():
        table.save(directory / "figures" / f"{name}.csv")
    html = _render(
        title=title or next(iter(scores)),
        scores=scores,
        figures=figures,
        curves=drawn,
        mistakes=worst,
        frames_note=mistakes.note(source) if source else no_source,
        recipe=recipe,
        origin=origin,
        environment=background.environment(environment),
    )
    chain.write(origin, directory)
    # The page is written last: if it exists, its figures exist too.
    page = directory / "index.html"
    files.write_text(page, html)
    return page


def _render(
    *,
    title,
    scores,
    figures,
    curves,
    mistakes,
    frames_note,
    recipe,
    origin,
    environment,
):
    """Returns the page as HTML without references to other files."""
    main = next(iter(scores.values()))
    labeled = bool(main.known.any())
    view = _view(scores, figures)
    has_matrix = labeled and not main.several
    speed = figures["speed"].rows
    sizes, bins = figures["class_sizes"], figures.get(reliability.NAME)
    size_columns, size_note = class_sizes.shown(main)
    bins = bins and bins.rows and bins
    sections = (
        ("accuracy", "Accuracy", True),
        ("classes", "Hardest classes" if labeled else "Classes", True),
        ("class_sizes", "Rare classes", len(sizes.rows) > 1),
        (reliability.NAME, "Certainty", bins),
        ("confusion", "Confusion matrix", has_matrix),
        ("mistakes", "Most confused pairs", mistakes),
        ("training", "Training", curves),
        ("speed", "Size and speed", speed),
        ("recipe", "Recipe", recipe is not None),
        ("origin", "Origin", any(one.origin for one in scores.values())),
        ("environment", "Environment", environment),
    )
    html = TEMPLATES.get_template("report.html").render(
        title=title,
        version=__version__,
        recipe=recipe,
        environment=environment,
        origin="\n".join(chain.lines(origin)),
        marks=[
            (name, mark) for name, one in scores.items() for mark in one.marks
        ],
        sections={name: heading for name, heading, there in sections if there},
        class_sizes=sizes.rows,
        size_columns=size_columns,
        size_note=size_note,
        reliability=bins and [_bin(*row) for row in bins.rows],
        reliability_drawing=bins and markupsafe.Markup(reliability.draw(bins)),
        reliability_note=reliability.note(main),
        view=view,
        reported=[
            (one.source, f"{one.accuracy:g} %", one.dataset, one.note)
            for one in (recipe.reported if recipe else ())
        ],
        labeled=labeled,
        matrix=matrix.layout(main) if has_matrix else None,
        class_names=main.classes,
        videos=main.videos,
        mistakes=mistakes,
        frames_note=frames_note,
        curves=curves,
        speed=[(what, unit, _amount(value)) for what, unit, value in speed],
    )
    # Names of files may contain characters that UTF-8 cannot encode.
    return html.encode("utf-8", "replace").decode("utf-8")


def _view(scores, figures):
    """Returns the `labels_view.View` of the tests."""
    if next(iter(scores.values())).several:
        return labels_view.view(scores, figures, _how, _HARDEST)
    tests = figures["tests"].records()
    classes = [row for row in figures["classes"].records() if row["videos"]]
    hardest = [row for row in classes if row["accuracy"] < 1][:_HARDEST]
    # With few classes there is no top-5 accuracy.
    few = all(math.isnan(one["top_5"]) for one in tests)
    left_out, fifth = ([3], "") if few else ([], ", or among the first five")
    return labels_view.View(
        _tiles(tests[0]),
        _without(_TEST_COLUMNS, left_out),
        [
            _without(_test(row, one.meta), left_out)
            for row, one in zip(tests, scores.values())
        ],
        f"Share of the videos whose class is the first{fifth}; mean of the "
        "accuracies of the classes. The interval is Wilson's, which assumes "
        "independent videos. Clips cut from one video are not independent, "
        "and the true interval is wider.",
        _CLASS_COLUMNS,
        [_class(row) for row in classes],
        [_class(row) for row in hardest],
    )


def _tiles(test):
    """Returns the figures at the top: tuple of `(name, value, note)`."""
    ends = interval(test["top_1_low_95"], test["top_1_high_95"])
    bins = f"{calibration.BINS} bins"
    tiles = (
        ("Top-1 accuracy", test["top_1"], f"95 %: {ends}"),
        ("Top-5 accuracy", test["top_5"], ""),
        ("Mean class accuracy", test["mean_class_accuracy"], ""),
        ("Calibration error", test["calibration_error"], bins),
    )
    optional = ("Top-5 accuracy", "Calibration error")
    return (
        *(
            (name, percent(share), more)
            for name, share, more in tiles
            if not (name in optional and math.isnan(share))
        ),
        ("Videos", test["videos"], f"{test['labeled']} with a label"),
    )


def _amount(value):
    """Formats a number of the table of size and speed."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _without(row, places):
    """Returns a row without the cells at some positions."""
    return [value for place, value in enumerate(row) if place not in places]


def _bin(low, high, videos, probability, accuracy):
    """Returns a row of the table of calibration, see `reliability.table`."""
    between = f"{100 * low:.0f} to {100 * high:.0f} %"
    return between, videos, probability, accuracy


def _test(row, meta):
    """Returns a row of the table of tests."""
    videos, labeled = row["videos"], row["labeled"]
    return (
        row["test"],
        row["top_1"],
        interval(row["top_1_low_95"], row["top_1_high_95"]),
        row["top_5"],
        row["mean_class_accuracy"],
        videos if videos == labeled else f"{labeled}/{videos}",
        _how(meta),
    )


def _how(meta):
    """Describes the settings of a test briefly, from the `meta` of scores."""
    if "fusion_weights" in meta:
        weights = " : ".join(f"{w:g}" for w in meta["fusion_weights"])
        kind = "probabilities" if meta.get("softmax") else "scores"
        normalize = meta.get("normalize")
        normed = f", {normalize} norm" if normalize else ""
        return f"fused {weights} of {kind}{normed}"
    words = [
        f"{meta[name]} {unit}".strip()
        for name, unit in (
            ("protocol", "protocol"),
            ("modality", ""),
            ("num_segments", "segments"),
            ("num_clips", "clips"),
            ("crops", "crops"),
            ("sampling", "grid"),
            ("stride", "frames apart"),
            ("averaged", "averaged"),
        )
        if meta.get(name) is not None and (name, meta[name]) not in _USUAL
    ]
    return ", ".join(words) or _NOTHING


def _class(row):
    """Returns a row of the tables of classes."""
    others = _NOTHING
    if row["times"]:
        others = f"{row['taken_for']} ({row['times']} of {row['videos']})"
    return (
        row["class"],
        row["accuracy"],
        others,
        row["precision"],
        row["videos"],
    )


def _with_others(main, file, run):
    """Returns a dict of `Scores` by the name of the test: first `main`, which
    was read from `file`, then the other tests of the run's current network.
    Tests of an earlier network are left out with a warning."""
    scores = {}
    for name, other in score_naming.of_run(run).items():
        if other == file:
            scores = {name: main, **scores}
            continue
        found = Scores.load(other)
        if freshness.is_stale(found, other):
            logger.warning(
                "Left out of the report: %s, made by an earlier network of %s.",
                other,
                run.path,
            )
            continue
        scores[name] = freshness.marked(found, other)
    return scores
