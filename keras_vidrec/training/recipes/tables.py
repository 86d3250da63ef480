"""The rows of the papers' tables, each as a recipe and its changes.

Accuracies are those that the papers report, in percent. None of them was
measured with this package.
"""

import collections.abc
import dataclasses
import types

from keras_vidrec.specs import documents
from keras_vidrec.training import recipes


def _nothing():
    """A field whose default is an empty mapping."""
    return dataclasses.field(default_factory=lambda: types.MappingProxyType({}))


@dataclasses.dataclass(frozen=True)
class Member:
    """Scores that a figure is fused from and that are not in its own row.

    Attributes:
        table: `None`, or int: table of another figure whose scores are used.
        row: `None`, or str: row of that figure.
        column: `None`, or str: column of that figure.
        recipe: `None`, or str: name of a recipe whose figure no table has.
        changes: mapping, as for `Row`.
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
    """One figure of a table, and the training or fusion it comes from.

    Attributes:
        paper: str. The folder of the paper's recipes, such as `"tsn"`.
        table: int, the number of the table; or str, the section of the text for
            an experiment that no table has, such as `"4.3"`.
        row: str. Label of the row.
        column: str. Label of the column: a dataset, or a stream.
        accuracy: `None` (the paper reports none), or float. The paper's
            accuracy in percent; 100 minus the error if the table has errors.
        drop: `None`, or float. If `accuracy` is `None`: how much lower the
            accuracy was than in the first row, in percentage points; `None` if
            the paper states only that it was lower. Defaults to `None`.
        recipe: `None`, or str: name of the recipe that was trained.
        changes: mapping of keys of the recipe, such as
            `"network.arguments.units"`, to the values for this row.
        fuses: tuple of str and `Member`. If `recipe` is None: the scores that
            are fused, as columns of the same row (str) or from elsewhere
            (`Member`). With a single item the figure is the same as that one.
        weights: `None` (of the recipes), or tuple of numbers: the weight of
            each of `fuses`.
        scores: `None` (of the recipes), or str: whether `"logits"` or
            `"probabilities"` are fused.
        splits: tuple of int. The figure is the mean over these splits.
        data: `None`, or str: name of a prepared dataset that is used instead of
            the recipe's, and that this package cannot make.
        figure: str. The measure of a test that the table has: `"top_1"`, or
            `"mean_class_accuracy"`.
        note: str. Differences from the paper's procedure, or details that the
            paper does not state. Defaults to `""`.
    """

    paper: str
    table: int | str
    row: str
    column: str
    accuracy: float | None
    drop: float | None = None
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
        """Returns the `Recipe` of the row, with its changes.

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
    """A figure of another method that a table quotes.

    Attributes:
        paper: str. As for `Row`.
        table: int. Number of the table.
        row: str. Label of the row.
        column: str. Label of the column.
        accuracy: float. Accuracy in percent.
    """

    paper: str
    table: int
    row: str
    column: str
    accuracy: float


def place(table: int | str) -> str:
    """Returns `"table 3"` for the number of a table, `"section 4.3"` for a
    section of the text."""
    kind = "section" if isinstance(table, str) else "table"
    return f"{kind} {table}"


def rows(paper: str) -> tuple:
    """The rows of the tables of a paper, and the experiments in its text that
    no table has.

    Args:
        paper: str. The folder of the paper's recipes, such as `"tsn"`.

    Returns:
        tuple of `Row`, row by row in the order of the tables; those of the text
        come last.

    Raises:
        ValueError: if the paper has no tables here.
    """
    return tuple(row for table in _tables(paper) for row in _rows(paper, table))


def quoted(paper: str) -> tuple:
    """The figures of other methods in the tables of a paper.

    Args:
        paper: str. As for `rows`.

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


def papers() -> tuple:
    """Returns the names of the folders of papers with tables, sorted."""
    found = recipes.FOLDER.glob("*/tables.yaml")
    return tuple(sorted(path.parent.name for path in found))


def _tables(paper: str) -> list[dict]:
    """The tables of a paper, and sections of its text, as a list of dicts."""
    if paper not in papers():
        raise ValueError(
            f"Invalid `paper`. Expected one of {list(papers())}. Received: "
            f"paper={paper!r}"
        )
    return documents.read_yaml(recipes.FOLDER / paper / "tables.yaml")


def _rows(paper: str, table: dict) -> collections.abc.Iterator[Row]:
    """Yields a `Row` for each figure of a table."""
    for row in table["rows"]:
        drops = row.get("drop", [None] * len(table["columns"]))
        for (column, what), accuracy, drop in zip(
            table["columns"].items(), _accuracies(row), drops, strict=True
        ):
            if accuracy is None and "drop" not in row:
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
                drop,
                splits=tuple(splits),
                figure=table.get("figure", "top_1"),
                note=" ".join(filter(None, notes)),
                **_made(what, _changes(table, row, column)),
            )


def _changes(table, row, column):
    """The changes of a recipe for all rows of a table, this row, and this
    column of the row."""
    return types.MappingProxyType(
        {
            **table.get("changes", {}),
            **row.get("changes", {}),
            **row.get("changes_of", {}).get(column, {}),
        }
    )


def _accuracies(row: dict) -> list:
    """The accuracies of a row, one per column, `None` for empty cells. Errors
    are converted to accuracies."""
    if "drop" in row:
        return [None] * len(row["drop"])
    return row.get("accuracy") or [
        error if error is None else round(100 - error, 2)
        for error in row["error"]
    ]


def _made(what, changes):
    """The arguments of `Row` that describe how a figure is made.

    Args:
        what: the entry of the file: the name of a recipe, a list of scores that
            are fused, or a mapping with further values.
        changes: mapping of changes to the recipe.
    """
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
    if "fuses" not in what:  # the same figure as in another place
        return {"fuses": (_member(what),)}
    weights = what.get("weights")
    return {
        "fuses": tuple(map(_member, what["fuses"])),
        "weights": weights and tuple(weights),
        "scores": what.get("scores"),
    }


def _member(what: str | dict) -> str | Member:
    if isinstance(what, str):
        return what
    changes = types.MappingProxyType(what.get("changes", {}))
    return Member(**{**what, "changes": changes})
