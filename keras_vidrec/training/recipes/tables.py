"""The rows of the papers' tables: a recipe each, and its changes.

Accuracies are the papers' own, in per cent. None of them was measured with
this package.
"""

import dataclasses
import types

from keras_vidrec.specs import documents
from keras_vidrec.training import recipes


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
        fuses: tuple of str. The columns of the row whose scores the figure is
            of, where no recipe is trained for it.
    """

    paper: str
    table: int
    row: str
    column: str
    accuracy: float
    recipe: str | None = None
    changes: types.MappingProxyType = dataclasses.field(
        default_factory=lambda: types.MappingProxyType({})
    )
    fuses: tuple = ()

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


def rows(paper):
    """The rows of the tables of a paper.

    Args:
        paper: str. The folder of the paper's recipes, such as `"tsn"`.

    Returns:
        tuple of `Row`, as printed, row by row.

    Raises:
        ValueError: if the paper has no tables here.
    """
    path = recipes.FOLDER / paper / "tables.yaml"
    if not path.is_file():
        known = sorted(
            path.parent.name for path in recipes.FOLDER.glob("*/tables.yaml")
        )
        raise ValueError(
            f"Invalid `paper`. Expected one of {known}. Received: "
            f"paper={paper!r}"
        )
    tables = documents.read_yaml(path)
    return tuple(row for table in tables for row in _rows(paper, table))


def _rows(paper, table):
    for row in table["rows"]:
        accuracies = row.get("accuracy") or [
            round(100 - error, 2) for error in row["error"]
        ]
        for (column, what), accuracy in zip(
            table["columns"].items(), accuracies, strict=True
        ):
            trained, what = {}, row.get("recipes", {}).get(column, what)
            if isinstance(what, list):
                trained["fuses"] = tuple(what)
            else:
                changes = {
                    **table.get("changes", {}),
                    **row.get("changes", {}),
                    **row.get("changes_of", {}).get(column, {}),
                }
                trained["recipe"] = what
                trained["changes"] = types.MappingProxyType(changes)
            yield Row(
                paper, table["table"], row["row"], column, accuracy, **trained
            )
