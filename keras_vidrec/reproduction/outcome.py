"""Writes tables of measured figures next to the published ones."""

import collections.abc
import dataclasses
import pathlib
import statistics

from keras_vidrec.reporting.page import TEMPLATES
from keras_vidrec.reproduction.parts import Given
from keras_vidrec.reproduction.parts import Tested
from keras_vidrec.reproduction.parts import Training
from keras_vidrec.reproduction.plan import Plan
from keras_vidrec.reproduction.workshop import Workshop
from keras_vidrec.specs import files
from keras_vidrec.training import recipes
from keras_vidrec.training.recipes import tables
from keras_vidrec.version import __version__

_REHEARSAL = (
    "A test run of tiny networks on generated videos: it only checks that "
    "everything works, and its figures have no meaning."
)
_HOW = (
    "Paper: accuracy in percent as printed, or by how many percentage points "
    "it is lower than in the first row. Here: the same figure, "
    "measured with this package; for several splits, the mean over the "
    "tested splits."
)
_HEADER = (
    "table",
    "row",
    "column",
    "paper",
    "here",
    "difference",
    "figure",
    "splits",
    "by_split",
    "remark",
    "made",
    "runs",
)
_NOTHING = "\u2013"


@dataclasses.dataclass(frozen=True)
class Line:
    """A figure of a table, with its measured values.

    Attributes:
        row: `tables.Row`, or `tables.Quoted`.
        by_split: dict of measured figures in percent by split. Defaults to
            `{}`.
        remark: str. What is missing, why a part failed, and differences from
            the paper's procedure. Defaults to `""`.
        made: str. How it is measured. Defaults to `""`.
        runs: tuple of str. Names of the runs it is made from. Defaults to `()`.
    """

    row: tables.Row | tables.Quoted
    by_split: dict = dataclasses.field(default_factory=dict)
    remark: str = ""
    made: str = ""
    runs: tuple = ()

    @property
    def here(self):
        """The mean over the tested splits; `None` if there are none."""
        if not self.by_split:
            return None
        return statistics.fmean(self.by_split.values())

    @property
    def splits(self):
        """The splits of the printed figure; empty for quoted figures, for which
        they are unknown."""
        return getattr(self.row, "splits", ())

    @property
    def is_whole(self):
        """Whether all splits of the printed figure are tested."""
        return bool(self.splits) and len(self.by_split) == len(self.splits)

    def text(self):
        """Returns the measured figure as text, with the number of splits if
        some are missing."""
        if self.here is None:
            return _NOTHING
        if self.is_whole:
            return f"{self.here:.2f}"
        return f"{self.here:.2f} ({len(self.by_split)} of {len(self.splits)})"


def collect(
    plan: Plan,
    workshop: Workshop,
    data: collections.abc.Iterable[str],
    given: collections.abc.Iterable[str],
    lost: dict | None = None,
) -> list:
    """Returns the lines of all figures of a plan, and of the figures that its
    tables quote.

    Args:
        plan: `plan.Plan`.
        workshop: `Workshop`.
        data, given: as for `plan.Figure.missing`.
        lost: as for `plan.Figure.missing`. Defaults to `None`.

    Returns:
        list of `Line`, table by table, quoted figures first.
    """
    found = [Line(row) for row in tables.quoted(plan.paper)]
    for figure in plan.figures:
        needed = figure.parts()
        by_split = workshop.measured(figure)
        reasons = [
            *workshop.reasons(figure),
            *workshop.incomplete(figure, by_split),
        ]
        if len(by_split) < len(figure.row.splits):
            reasons = [*figure.missing(data, given, lost), *reasons]
        found.append(
            Line(
                figure.row,
                by_split,
                _remark(reasons, figure.row),
                _made(figure),
                tuple(p.name for p in needed if isinstance(p, Training)),
            )
        )
    numbers = {figure.row.table for figure in plan.figures}
    found = [line for line in found if line.row.table in numbers]
    return sorted(found, key=lambda line: _order(line.row.table))


def write(
    found: list, paper: str, directory: pathlib.Path, tiny: bool = False
) -> tuple:
    """Writes the tables as `<paper>.md`, `.csv` and `.html`.

    Args:
        found: list of `Line`, as `collect` returns it.
        paper: str. The folder of the paper's recipes, such as `"tsn"`.
        directory: `pathlib.Path` of the directory of the files.
        tiny: bool. Whether it is a test run, which the files state. Defaults to
            `False`.

    Returns:
        tuple of `pathlib.Path` of the three files.
    """
    title = f"{recipes.TITLES[paper]}: reproduced tables"
    remarks = [_REHEARSAL] if tiny else []
    remarks.append(_HOW)
    grids = [_grid(number, found) for number in _numbers(found)]
    paths = tuple(directory / f"{paper}.{end}" for end in ("md", "csv", "html"))
    files.write_text(paths[0], _markdown(title, remarks, grids))
    files.write_table(paths[1], _HEADER, map(_record, found))
    page = TEMPLATES.get_template("reproduction.html").render(
        title=title, remarks=remarks, grids=grids, version=__version__
    )
    files.write_text(paths[2], page)
    return paths


def _remark(reasons: collections.abc.Sequence[str], row: tables.Row) -> str:
    """The text of `Line.remark`, from reasons and the note of a row."""
    text = "; ".join(reasons)
    return f"{text}. {row.note}" if text and row.note else text or row.note


def _made(figure):
    """The text of `Line.made`, for the first split: a recipe with its changes
    and its test, or the parts of a fusion with their weights."""
    tested = next(iter(figure.tests.values()))
    if isinstance(tested, Tested):
        changes = [f"{k}={v}" for k, v in figure.row.changes.items()]
        changed = f" with {', '.join(changes)}" if changes else ""
        name = tested.training.recipe.name
        return f"{name}{changed}; test {tested.test.name}"
    return _fused(tested)


def _fused(test):
    """The parts of a fusion as text."""
    if isinstance(test, Tested):
        return f"{test.training.recipe.name}@{test.test.name}"
    if isinstance(test, Given):
        return test.name
    members = [
        f"{weight:g} x {_fused(member)}"
        for weight, member in zip(test.weights, test.members, strict=True)
    ]
    return f"({' + '.join(members)}, of {test.scores})"


def _numbers(found: list[Line]) -> list[int | str]:
    """The sorted tables of lines; sections of the text come last."""
    return sorted({line.row.table for line in found}, key=_order)


def _order(table: int | str) -> tuple[bool, str | int]:
    return isinstance(table, str), table


@dataclasses.dataclass(frozen=True)
class _Grid:
    """A table in the form in which it is written: texts of its cells."""

    name: str
    header: tuple
    rows: tuple
    remarks: tuple


def _grid(number, found):
    """Makes the `_Grid` of a table, with two columns for each printed one: the
    paper's figure and the measured one."""
    found = [line for line in found if line.row.table == number]
    columns = list(dict.fromkeys(line.row.column for line in found))
    cells, own = {}, {}
    for line in found:
        cells.setdefault(line.row.row, {})[line.row.column] = line
        own[line.row.row] = bool(line.splits)
    rows = []
    for name, of_row in cells.items():
        row = [name if own[name] else f"{name} (others)"]
        for column in columns:
            line = of_row.get(column)
            row.append(_NOTHING if line is None else _printed(line.row))
            row.append(_NOTHING if line is None else line.text())
        rows.append(tuple(row))
    header = ["Row"]
    for column in columns:
        header += [f"{column}, paper", "here"]
    remarks = {}
    for line in found:
        if line.remark:
            remarks.setdefault(line.remark, []).append(line.row.row)
    remarks = tuple(
        f"{', '.join(dict.fromkeys(names))}: {remark}"
        for remark, names in remarks.items()
    )
    name = tables.place(number).capitalize()
    return _Grid(name, tuple(header), tuple(rows), remarks)


def _markdown(title: str, remarks: list[str], grids: "list[_Grid]") -> str:
    text = [f"# {title}", "", *remarks, ""]
    for grid in grids:
        rules = ["---", *["---:"] * (len(grid.header) - 1)]
        text += [f"## {grid.name}", ""]
        for row in (grid.header, rules, *grid.rows):
            cells = (str(cell).replace("|", "\\|") for cell in row)
            text.append(f"| {' | '.join(cells)} |")
        text += ["", *(f"- {remark}" for remark in grid.remarks)]
        text += [""] * bool(grid.remarks)
    return "\n".join(text)


def _printed(row: tables.Row | tables.Quoted) -> str:
    """The paper's accuracy with one or two decimals, as it is printed; or how
    much lower it is than in the first row."""
    if row.accuracy is None:
        return "lower" if row.drop is None else f"{row.drop} lower"
    return f"{row.accuracy:.2f}".removesuffix("0")


def _record(line: Line) -> tuple:
    """The values of a line in the CSV file, see `_HEADER`."""
    row, here = line.row, line.here
    by_split = " ".join(f"{s}:{v:.4f}" for s, v in line.by_split.items())
    compared = line.is_whole and row.accuracy is not None
    return (
        row.table,
        row.row,
        row.column,
        _printed(row),
        "" if here is None else f"{here:.4f}",
        f"{here - row.accuracy:.4f}" if compared else "",
        getattr(row, "figure", ""),
        " ".join(map(str, line.splits)),
        by_split,
        line.remark if line.splits else "quoted by the paper",
        line.made,
        " ".join(line.runs),
    )
