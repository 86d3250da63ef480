"""The rows of the papers' tables: a recipe each, and its changes.

Accuracies are the papers' own, in per cent. None of them was measured with
this package.
"""

import dataclasses
import types

from keras_vidrec.specs import documents
from keras_vidrec.training import recipes


def _nothing():
    return dataclasses.field(default_factory=lambda: types.MappingProxyType({}))


@dataclasses.dataclass(frozen=True)
class Member:
    """What a figure is made from, where that is not printed in its own row.

    Args:
        table, row, column: where it is printed: the figure of another row.
        recipe: `None`, or str: what is trained and printed nowhere.
        changes: mapping, as of `Row`.
        given: `None`, or str: name of a score file that this package cannot
            make.
        normalize: `None`, or `"l2"`: the scores of each video are divided by
            their norm before they are fused.
    """

    table: int | None = None
    row: str | None = None
    column: str | None = None
    recipe: str | None = None
    changes: types.MappingProxyType = _nothing()
    given: str | None = None
    normalize: str | None = None


@dataclasses.dataclass(frozen=True)
class Row:
    """One figure of a table, and what was trained for it.

    Attributes:
        paper: str. The folder of the paper's recipes, such as `"tsn"`.
        table: int. Number of the table.
        row: str. What the row says.
        column: str. What the column says: a data set, or a stream.
        accuracy: float. The paper's, in per cent; of errors, what is left of
            100.
        recipe: `None`, or str: name of the recipe that was trained.
        changes: mapping of keys of the recipe, such as
            `"network.arguments.units"`, to their values here.
        fuses: tuple of str and `Member`. The columns of the row whose scores
            the figure is of, where no recipe is trained for it, and what is in
            other rows or none. One alone is the same figure.
        weights: `None` (of the recipes), or tuple of numbers: what each of
            `fuses` counts.
        scores: `None` (of the recipes), or str: `"logits"` or
            `"probabilities"` are fused.
        splits: tuple of int. The figure is the mean over these.
        data: `None`, or str: name of the prepared data set that is used instead
            of the recipe's, and that this package cannot make.
        figure: str. Which figure of a test is printed: `"top_1"`, or
            `"mean_class_accuracy"`.
        note: str. Differences from the paper's procedure, or details that the
            paper does not state. Defaults to `""`.
    """

    paper: str
    table: int
    row: str
    column: str
    accuracy: float
    recipe: str | None = None
    changes: types.MappingProxyType = _nothing()
    fuses: tuple = ()
    weights: tuple | None = None
    scores: str | None = None
    splits: tuple = (1,)
    data: str | None = None
    figure: str = "top_1"
    note: str = ""

    def changed(self):
        """The `Recipe` of the row.

        Raises:
            ValueError: if the row fuses others.
        """
        if self.recipe is None:
            raise ValueError(
                "Expected a row with a recipe. Received one that fuses "
                f"{list(self.fuses)}"
            )
        return recipes.get(self.recipe).with_values(self.changes)


@dataclasses.dataclass(frozen=True)
class Quoted:
    """A figure of somebody else's method that a table has beside its own:
    what the row and the column say, and the accuracy in per cent."""

    paper: str
    table: int
    row: str
    column: str
    accuracy: float


@dataclasses.dataclass(frozen=True)
class Experiment:
    """An experiment from the text of a paper that is in no table.

    Attributes:
        paper: str. As of `Row`.
        section: str. Section of the paper, such as `"4.3"`.
        row: str. What was changed.
        column: str. A data set.
        recipe: str. Name of the recipe that was trained.
        changes: mapping, as of `Row`.
        drop: `None` (worse by an unknown amount), or float: how much accuracy
            it costs, in percent.
    """

    paper: str
    section: str
    row: str
    column: str
    recipe: str
    changes: types.MappingProxyType
    drop: float | None

    def changed(self):
        """The `Recipe` of the experiment."""
        return recipes.get(self.recipe).with_values(self.changes)


def rows(paper):
    """The rows of the tables of a paper.

    Args:
        paper: str. The folder of the paper's recipes, such as `"tsn"`.

    Returns:
        tuple of `Row`, as printed, row by row.

    Raises:
        ValueError: if the paper has no tables here.
    """
    return tuple(row for table in _tables(paper) for row in _rows(paper, table))


def quoted(paper: str) -> tuple:
    """What the tables of a paper quote of others.

    Args:
        paper: str. As of `rows`.

    Returns:
        tuple of `Quoted`.

    Raises:
        ValueError: if the paper has no tables here.
    """
    return tuple(
        Quoted(paper, table["table"], row["row"], column, accuracy)
        for table in _tables(paper)
        for row in table.get("quoted", ())
        for column, accuracy in zip(
            table["columns"], _accuracies(row), strict=True
        )
        if accuracy is not None
    )


def experiments(paper: str) -> tuple:
    """The experiments in a paper's text that are in no table.

    Args:
        paper: str. As of `rows`.

    Returns:
        tuple of `Experiment`.

    Raises:
        ValueError: if the paper has no tables here.
    """
    return tuple(
        Experiment(
            paper,
            str(told["section"]),
            row["row"],
            column,
            recipe,
            _changes(told, row, column),
            drop,
        )
        for told in _entries(paper)
        if "section" in told
        for row in told["rows"]
        for (column, recipe), drop in zip(
            told["columns"].items(), row["drop"], strict=True
        )
    )


def papers() -> tuple:
    """The papers that have tables: the names of their folders, sorted."""
    found = recipes.FOLDER.glob("*/tables.yaml")
    return tuple(sorted(path.parent.name for path in found))


def _tables(paper):
    return [entry for entry in _entries(paper) if "table" in entry]


def _entries(paper):
    if paper not in papers():
        raise ValueError(
            f"Invalid `paper`. Expected one of {list(papers())}. Received: "
            f"paper={paper!r}"
        )
    return documents.read_yaml(recipes.FOLDER / paper / "tables.yaml")


def _rows(paper, table):
    for row in table["rows"]:
        for (column, what), accuracy in zip(
            table["columns"].items(), _accuracies(row), strict=True
        ):
            if accuracy is None:
                continue
            what = row.get("recipes", {}).get(column, row.get("recipe", what))
            splits = row.get("splits") or table.get("splits", (1,))
            if isinstance(splits, dict):
                splits = splits[column]
            notes = (table.get("note"), row.get("note"))
            yield Row(
                paper,
                table["table"],
                row["row"],
                column,
                accuracy,
                splits=tuple(splits),
                figure=table.get("figure", "top_1"),
                note=" ".join(filter(None, notes)),
                **_made(what, _changes(table, row, column)),
            )


def _changes(table, row, column):
    """What is changed in all rows, in this one, and in this column of it."""
    return types.MappingProxyType(
        {
            **table.get("changes", {}),
            **row.get("changes", {}),
            **row.get("changes_of", {}).get(column, {}),
        }
    )


def _accuracies(row):
    """Those of a row by column, `None` where it has none."""
    return row.get("accuracy") or [
        error if error is None else round(100 - error, 2)
        for error in row["error"]
    ]


def _made(what, changes):
    """How a figure is made, as arguments of `Row`: a recipe with its changes,
    a list of what is fused, or a mapping that says more."""
    if isinstance(what, list):
        what = {"fuses": what}
    if isinstance(what, str):
        what = {"recipe": what}
    if "recipe" in what:
        changes = {**changes, **what.get("changes", {})}
        return {
            "recipe": what["recipe"],
            "changes": types.MappingProxyType(changes),
            "data": what.get("data"),
        }
    if "fuses" not in what:  # the same figure as elsewhere
        return {"fuses": (_member(what),)}
    weights = what.get("weights")
    return {
        "fuses": tuple(map(_member, what["fuses"])),
        "weights": weights and tuple(weights),
        "scores": what.get("scores"),
    }


def _member(what):
    if isinstance(what, str):
        return what
    changes = types.MappingProxyType(what.get("changes", {}))
    return Member(**{**what, "changes": changes})
