"""What a reproduction of tables comes to, before anything is done."""

import collections.abc
import dataclasses

from keras_vidrec.reproduction import parts
from keras_vidrec.reproduction.parts import Features
from keras_vidrec.reproduction.parts import Given
from keras_vidrec.reproduction.parts import Tested
from keras_vidrec.reproduction.parts import Training
from keras_vidrec.reproduction.planner import Planner
from keras_vidrec.specs import checks
from keras_vidrec.training.recipes import tables


@dataclasses.dataclass(frozen=True, eq=False)
class Figure:
    """A printed figure, and how it is measured.

    Args:
        row: `tables.Row`.
        tests: dict from the number of a split to what its scores are of:
            `Tested`, `Fusion` or `Given`.
    """

    row: tables.Row
    tests: dict

    def parts(self) -> tuple:
        """What it needs, each once, in an order to make it in."""
        found: dict = {}
        for test in self.tests.values():
            for part in parts.needed(test):
                found.setdefault(part.name, part)
        return tuple(found.values())

    def missing(self, data, given, lost=None) -> tuple:
        """Lines about missing requirements.

        Args:
            data: collection of str: the data sets there are.
            given: collection of str: names of what is given.
            lost: `None`, or dict of what `Workshop.check` could not get.
        """
        lost = lost or {}
        lines = []
        for part in self.parts():
            if isinstance(part, Given):
                if part.default is None and part.name not in given:
                    lines.append(f"--given {part.name}=PATH: {part.what}")
                elif part.name in lost:
                    lines.append(
                        f"--given {part.name}=PATH: {part.what}. Keras "
                        f"cannot download them: {lost[part.name]}"
                    )
            elif isinstance(part, Training) and part.dataset not in data:
                if not isinstance(part.dataset, Given):
                    lines.append(
                        f"--data {part.dataset}=DIR: the videos of "
                        f"{part.dataset.upper()}"
                    )
        return tuple(dict.fromkeys(lines))


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """Figures of a paper's tables, and what must be made for them.

    Args:
        paper: str.
        figures: tuple of `Figure`.
        tiny: bool. Whether it is a rehearsal.
    """

    paper: str
    figures: tuple
    tiny: bool = False

    def trainings(self) -> tuple:
        """Dict from the name of each `Training` to how many figures need it,
        in an order to do them in, and dict from its name to itself."""
        counts: dict[str, int] = {}
        known: dict[str, Training] = {}
        for figure in self.figures:
            for part in figure.parts():
                if isinstance(part, Training):
                    counts[part.name] = counts.get(part.name, 0) + 1
                    known[part.name] = part
        return counts, known

    def features(self) -> tuple:
        """The `Features` that must be made, each once."""
        return self._all(Features)

    def tests(self) -> tuple:
        """The `Tested` that are measured, each once."""
        return self._all(Tested)

    def givable(self) -> tuple:
        """Names of what may be given for it, sorted."""
        return tuple(sorted(part.name for part in self._all(Given)))

    def _all(self, kind):
        found = {
            part.name: part
            for figure in self.figures
            for part in figure.parts()
            if isinstance(part, kind)
        }
        return tuple(found.values())

    def possible(self, data, given, lost=None) -> tuple:
        """The plan of those figures alone that can be measured with what there
        is, see `Figure.missing`; and the others, each with the lines about
        what it lacks."""
        lacks = {f: f.missing(data, given, lost) for f in self.figures}
        figures = tuple(f for f in self.figures if not lacks[f])
        rest = {f: lines for f, lines in lacks.items() if lines}
        return dataclasses.replace(self, figures=figures), rest


def make_plan(
    paper: str,
    numbers: collections.abc.Sequence[int] = (),
    rows: collections.abc.Sequence[str] = (),
    tiny: bool = False,
) -> Plan:
    """Plans figures of a paper's tables.

    Args:
        paper: str. The folder of its recipes, such as `"tsn"`.
        numbers: sequence of int: the tables. Defaults to all.
        rows: sequence of str: what the rows, or else the columns, of these
            tables say, or a part of it, in letters of either case. Defaults to
            all.
        tiny: bool. Whether everything is rehearsed on a small scale, see
            `recipes.tiny`. Defaults to `False`.

    Returns:
        `Plan`.

    Raises:
        ValueError: if there is no such paper, table or row, naming those that
            there are.
    """
    planner = Planner(paper, tiny)
    known = sorted({row.table for row in planner.rows})
    for number in numbers:
        checks.choice("table", number, known)
    chosen = [r for r in planner.rows if r.table in (numbers or known)]
    if rows:
        cells = {id(row) for text in rows for row in _said(text, chosen)}
        chosen = [row for row in chosen if id(row) in cells]
    figures = tuple(
        Figure(row, {split: planner.test(row, split) for split in row.splits})
        for row in chosen
    )
    return Plan(paper, figures, tiny)


def _said(text, rows):
    """The figures of rows that are called so, or else of columns: some tables
    are printed the other way round."""
    names = list(dict.fromkeys(row.row for row in rows))
    columns = list(dict.fromkeys(row.column for row in rows))
    found = _named(text, names)
    if found:
        return [row for row in rows if row.row in found]
    found = _named(text, columns)
    checks.check(
        bool(found), "row", f"one of {names}, of {columns}, or a part", text
    )
    return [row for row in rows if row.column in found]


def _named(text, names):
    """Those that are called so, or else begin so, or else say so anywhere."""
    wanted, lower = text.lower(), {name: name.lower() for name in names}
    for fits in (str.__eq__, str.startswith, str.__contains__):
        found = [name for name in names if fits(lower[name], wanted)]
        if found:
            return found
    return []
