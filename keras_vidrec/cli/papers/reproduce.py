import enum
import pathlib

import typer

from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend
from keras_vidrec.cli.terminal import progress
from keras_vidrec.specs import FLOW_METHODS
from keras_vidrec.specs.checks import counted

_DATASETS = ("ucf101", "hmdb51")
_NONE = "None of these figures can be made"

Flow = enum.StrEnum("Flow", FLOW_METHODS)  # type: ignore[misc] # of a table


def reproduce(
    paper: str = typer.Argument(
        ...,
        help="tsn, two_stream_fusion, st_multiplier, ts_lstm or stfn.",
    ),
    out: pathlib.Path = typer.Option(
        None,
        help=(
            "Output directory: new, or from an earlier call; not needed "
            "with --plan."
        ),
    ),
    numbers: list[str] = typer.Option(
        [],
        "--table",
        help=(
            "Number of a table, or section of experiments that are in no "
            "table, such as 4.2. Repeatable. Default: all."
        ),
    ),
    rows: list[str] = typer.Option(
        [],
        "--row",
        help=(
            "Text of a row or of a column, or a part of it. Repeatable. "
            "Default: all."
        ),
    ),
    data: list[str] = typer.Option(
        [],
        metavar="[NAME=]DIR",
        help=(
            "Videos of UCF101, or ucf101=DIR, hmdb51=DIR; also prepared by "
            "`vidrec prepare`. Repeatable."
        ),
    ),
    splits: list[str] = typer.Option(
        [],
        metavar="[NAME=]DIR",
        help="Official split files of UCF101, or ucf101=DIR, hmdb51=DIR. "
        "Repeatable.",
    ),
    given: list[str] = typer.Option(
        [],
        metavar="NAME=PATH",
        help=(
            "A file that cannot be made here (weights, scores, data), under "
            "the name shown in the plan. Repeatable."
        ),
    ),
    flow: Flow = typer.Option(Flow("tvl1"), help="Flow method for videos."),
    only_plan: bool = typer.Option(
        False, "--plan", help="Print the plan and exit."
    ),
    tiny: bool = typer.Option(
        False,
        "--tiny",
        help="A test run: generated videos, tiny networks; minutes per paper.",
    ),
):
    """Reproduce tables of a paper, and show their figures beside the printed
    ones. Run the same command again to resume.
    """
    if tiny and (data or splits or given):
        raise typer.BadParameter(
            "--tiny uses generated videos and files: leave out --data, "
            "--splits and --given"
        )
    if out is None and not only_plan:
        raise typer.BadParameter("Missing --out, the output directory")
    videos = _named(data, "--data", "ucf101")
    lists = _named(splits, "--splits", "ucf101")
    for option, named in (("--data", videos), ("--splits", lists)):
        for name in named:
            if name not in _DATASETS:
                raise typer.BadParameter(
                    f"Expected one of {', '.join(_DATASETS)}. Received: "
                    f"{name!r}",
                    param_hint=option,
                )
    files = _named(given, "--given")
    for name, path in (*videos.items(), *lists.items()):
        if not pathlib.Path(path).exists():
            raise typer.BadParameter(f"There is no {path} ({name})")
    load_backend()
    from keras_vidrec import reproduction
    from keras_vidrec.training.recipes import tables

    names = _DATASETS if tiny else tuple(videos)
    plan = reproduction.make_plan(paper, numbers, rows, tiny)
    givable = sorted(part.name for part in plan.given())
    unknown = [name for name in files if name not in givable]
    if unknown:
        known = ", ".join(givable) or "nothing"
        raise typer.BadParameter(
            f"Expected files for these rows: {known}. Received: {unknown[0]!r}",
            param_hint="--given",
        )
    whole = reproduction.make_plan(paper, tiny=tiny)
    if tiny:
        files = reproduction.given_paths(out or pathlib.Path(), whole)
    possible, lacks = plan.possible(names, files)
    _show(plan, possible, lacks)
    if not possible.figures and not only_plan:
        raise RuntimeError(_NONE)
    begins = only_plan or not out.exists()
    if begins and possible.figures and not tiny:
        found = reproduction.estimate(
            possible, videos, lists, files, flow.value, out=out, tell=echo
        )
        echo(found)
    if only_plan:
        return
    if tiny:
        videos = dict.fromkeys(_DATASETS, str(out / "videos"))
    workshop = reproduction.Workshop(
        out,
        videos,
        lists,
        files,
        tiny=tiny,
        flow="dis" if tiny else flow.value,
        verbose=progress(),
    )
    lost = workshop.check(possible.figures)
    possible, lacks = possible.possible(names, files, lost)
    _tell_missing(lacks)
    if not possible.figures:
        raise RuntimeError(_NONE)
    _name_leftovers(workshop, paper, tiny)
    if tiny:
        made = reproduction.generate(out / "videos", progress=True)
        reproduction.give(out, whole, made)

    def keep():
        found = reproduction.collect(whole, workshop, names, files, lost)
        return reproduction.write(found, paper, out, tiny)

    written = keep()
    for figure in possible.figures:
        workshop.make(figure, echo)
        for split, value in workshop.measured(figure).items():
            row = figure.row
            echo(
                f"{tables.place(row.table).capitalize()}, {row.row}, "
                f"{row.column}, split {split}: {value:.2f} %"
            )
        written = keep()
    echo(f"Tables: {', '.join(map(str, written))}")
    reasons = [r for f in possible.figures for r in workshop.reasons(f)]
    if reasons:
        failed = "; ".join(dict.fromkeys(reasons))
        raise RuntimeError(f"Some parts cannot be made: {failed}")


def _name_leftovers(workshop, paper, tiny):
    """Prints runs that no table of any paper uses any more, because they take
    disk space."""
    from keras_vidrec import reproduction
    from keras_vidrec.training.recipes import tables

    left = workshop.leftovers(())
    for one in dict.fromkeys([paper, *tables.papers()]):
        if not left:
            return
        counts, _ = reproduction.make_plan(one, tiny=tiny).trainings()
        left = [name for name in left if name not in counts]
    for name in left:
        echo(
            "No longer used in any table, because its recipe has changed: "
            f"{workshop.path / 'runs' / name}"
        )


def _named(values, option, alone=None):
    """Returns a dict of the values of an option, `NAME=PATH`. `alone` is the
    name of a path without a name; `None`: a name is required."""
    found = {}
    for value in values:
        name, equals, path = value.partition("=")
        if not equals:
            name, path = alone, value
        if name is None or not path:
            raise typer.BadParameter(
                f"Expected NAME=PATH. Received: {value!r}", param_hint=option
            )
        if name in found:
            raise typer.BadParameter(
                f"{name} is given twice", param_hint=option
            )
        found[name] = path
    return found


def _show(plan, possible, lacks):
    """Prints what a plan trains, what is missing, and how its figures differ
    from those of the paper."""
    counts, known = possible.trainings()
    made = [counted(len(counts), "training")]
    if possible.features():
        made.append(counted(len(possible.features()), "set") + " of features")
    echo(
        f"{counted(len(plan.figures), 'figure')}; {len(possible.figures)} of "
        f"them can be made, by {' and '.join(made)}:"
    )
    for name, count in counts.items():
        echo(f"  {name}  ({counted(count, 'figure')})")
    _tell_missing(lacks)
    notes = {}
    for figure in possible.figures:
        if figure.row.note:
            note = f"Differs from the paper: {figure.row.note}"
            notes.setdefault(note, []).append(figure.row)
    _tell(notes)


def _tell_missing(lacks):
    remarks = {}
    for figure, lines in lacks.items():
        for line in lines:
            remarks.setdefault(f"Missing: {line}", []).append(figure.row)
    _tell(remarks)


def _tell(remarks):
    """Prints each remark once, with the figures that it belongs to. `remarks`
    is a dict of lists of rows by remark."""
    from keras_vidrec.training.recipes import tables

    for remark, rows in remarks.items():
        cells = [
            f"{tables.place(row.table)}, {row.row}, {row.column}"
            for row in rows[:3]
        ]
        more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
        echo(remark)
        echo(f"  for {'; '.join(cells)}{more}")
