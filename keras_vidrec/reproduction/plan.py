"""What a reproduction of tables comes to, before anything is done."""

import dataclasses

from keras_vidrec.reproduction import parts
from keras_vidrec.reproduction.parts import Given
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
            `Training`, `Fusion` or `Given`.
    """

    row: tables.Row
    tests: dict

    def parts(self) -> tuple:
        """What it needs, each once, in an order to make it in."""
        found = {}
        for test in self.tests.values():
            for part in parts.needed(test):
                found.setdefault(part.name, part)
        return tuple(found.values())

    def missing(self, data, given) -> tuple:
        """Lines about what it needs and nobody has.

        Args:
            data: collection of str: the data sets there are.
            given: collection of str: names of what is given.
        """
        lines = []
        for part in self.parts():
            if isinstance(part, Given):
                if part.default is None and part.name not in given:
                    lines.append(f"--given {part.name}=PATH: {part.what}")
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
        counts, known = {}, {}
        for figure in self.figures:
            for part in figure.parts():
                if isinstance(part, Training):
                    counts[part.name] = counts.get(part.name, 0) + 1
                    known[part.name] = part
        return counts, known

    def features(self) -> tuple:
        """The `parts.Features` that must be made, each once."""
        found = {}
        for figure in self.figures:
            for part in figure.parts():
                if isinstance(part, parts.Features):
                    found[part.name] = part
        return tuple(found.values())

    def givable(self) -> tuple:
        """Names of what may be given for it, sorted."""
        found = {
            part.name
            for figure in self.figures
            for part in figure.parts()
            if isinstance(part, Given)
        }
        return tuple(sorted(found))

    def possible(self, data, given) -> tuple:
        """The plan of those figures alone that can be measured with what there
        is, see `Figure.missing`; and the others, each with the lines about
        what it lacks."""
        lacks = {f: f.missing(data, given) for f in self.figures}
        figures = tuple(f for f in self.figures if not lacks[f])
        rest = {f: lines for f, lines in lacks.items() if lines}
        return dataclasses.replace(self, figures=figures), rest


def make_plan(paper: str, numbers=(), rows=(), tiny: bool = False) -> Plan:
    """Plans figures of a paper's tables.

    Args:
        paper: str. The folder of its recipes, such as `"tsn"`.
        numbers: sequence of int: the tables. Defaults to all.
        rows: sequence of str: what the rows say, or begin with, in any of
            these tables. Defaults to all.
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
        names = list(dict.fromkeys(row.row for row in chosen))
        wanted = {name for row in rows for name in _named(row, names)}
        chosen = [row for row in chosen if row.row in wanted]
    figures = tuple(
        Figure(row, {split: planner.test(row, split) for split in row.splits})
        for row in chosen
    )
    return Plan(paper, figures, tiny)


def _named(row, names):
    """The rows that are called so, or else begin so."""
    if row in names:
        return [row]
    found = [name for name in names if name.startswith(row)]
    checks.check(bool(found), "row", f"one of {names}", row)
    return found
