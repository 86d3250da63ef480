"""Plans which trainings and tests the reproduction of tables needs."""

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

    Attributes:
        row: `tables.Row`.
        tests: dict from the number of a split to the source of its scores:
            `Tested`, `Fusion` or `Given`.
    """

    row: tables.Row
    tests: dict

    def parts(self) -> tuple:
        """Returns the parts that it needs, without duplicates, in an order in
        which they can be made."""
        found: dict = {}
        for test in self.tests.values():
            for part in parts.needed(test):
                found.setdefault(part.name, part)
        return tuple(found.values())

    def missing(self, data, given, lost=None) -> tuple:
        """Returns lines about missing requirements.

        Args:
            data: collection of str: names of the available datasets.
            given: collection of str: names of the provided files.
            lost: `None`, or dict of weights that are not available, as
                `Workshop.check` returns it. Defaults to `None`.
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
    """Figures of a paper's tables, and the parts that they need.

    Attributes:
        paper: str. The folder of the paper's recipes, such as `"tsn"`.
        figures: tuple of `Figure`.
        tiny: bool. Whether it is a test run with tiny networks. Defaults to
            `False`.
    """

    paper: str
    figures: tuple
    tiny: bool = False

    def trainings(self) -> tuple:
        """Returns `(counts, trainings)`: a dict from the names of trainings to
        the number of figures that need them, in an order in which they can be
        run, and a dict from the names to `Training`."""
        counts: dict[str, int] = {}
        known: dict[str, Training] = {}
        for figure in self.figures:
            for part in figure.parts():
                if isinstance(part, Training):
                    counts[part.name] = counts.get(part.name, 0) + 1
                    known[part.name] = part
        return counts, known

    def features(self) -> tuple:
        """Returns the `Features` that the figures need, without duplicates."""
        return self._all(Features)

    def tests(self) -> tuple:
        """Returns the `Tested` that the figures need, without duplicates."""
        return self._all(Tested)

    def given(self) -> tuple:
        """Returns the `Given` that the figures need, without duplicates."""
        return self._all(Given)

    def _all(self, kind):
        """All parts of a class, without duplicates."""
        found = {
            part.name: part
            for figure in self.figures
            for part in figure.parts()
            if isinstance(part, kind)
        }
        return tuple(found.values())

    def possible(self, data, given, lost=None) -> tuple:
        """Returns the plan of the figures that can be measured, and a dict of
        the other figures, each with the lines about its missing requirements.

        Args:
            data, given: as for `Figure.missing`.
            lost: as for `Figure.missing`. Defaults to `None`.
        """
        lacks = {f: f.missing(data, given, lost) for f in self.figures}
        figures = tuple(f for f in self.figures if not lacks[f])
        rest = {f: lines for f, lines in lacks.items() if lines}
        return dataclasses.replace(self, figures=figures), rest


def make_plan(
    paper: str,
    numbers: collections.abc.Sequence[int | str] = (),
    rows: collections.abc.Sequence[str] = (),
    tiny: bool = False,
) -> Plan:
    """Plans figures of a paper's tables.

    Args:
        paper: str. The folder of the paper's recipes, such as `"tsn"`.
        numbers: sequence of int or str: numbers of the tables, and sections of
            the text with experiments that no table has, such as `"4.3"`.
            Defaults to `()`: all.
        rows: sequence of str: labels of rows, or else of columns, of these
            tables, or parts of labels, in upper or lower case. Defaults to
            `()`: all.
        tiny: bool. Whether to make a test run with tiny networks, see
            `recipes.tiny`. Defaults to `False`.

    Returns:
        `Plan`.

    Raises:
        ValueError: if there is no such paper, table or row; the message lists
            those that exist.
    """
    planner = Planner(paper, tiny)
    known = tuple(dict.fromkeys(str(row.table) for row in planner.rows))
    wanted = tuple(map(str, numbers)) or known
    for number in wanted:
        checks.choice("table", number, known)
    chosen = [row for row in planner.rows if str(row.table) in wanted]
    if rows:
        cells = {id(row) for text in rows for row in _said(text, chosen)}
        chosen = [row for row in chosen if id(row) in cells]
    figures = tuple(
        Figure(row, {split: planner.test(row, split) for split in row.splits})
        for row in chosen
    )
    return Plan(paper, figures, tiny)


def _said(text: str, rows: list[tables.Row]) -> list[tables.Row]:
    """The rows whose label matches a text, or else those whose column does:
    some tables have the networks in columns."""
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


def _named(text: str, names: list[str]) -> list[str]:
    """The names that are equal to a text, or else start with it, or else
    contain it, ignoring case."""
    wanted, lower = text.lower(), {name: name.lower() for name in names}
    for fits in (str.__eq__, str.startswith, str.__contains__):
        found = [name for name in names if fits(lower[name], wanted)]
        if found:
            return found
    return []
