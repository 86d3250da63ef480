"""What the rows of the papers' tables are, as arguments of the builders.

Accuracies are the papers' own, in per cent. None of them was measured with
this package.
"""

import dataclasses
import pathlib
import types

from keras_vidrec.specs import documents

TS_LSTM_PAPER = "Ma et al., 2017"
STFN_PAPER = "Cho and Foroosh, 2018"


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        paper: str. `TS_LSTM_PAPER` or `STFN_PAPER`.
        table: int. Number of the table.
        row: str. What the row says.
        application: str. Name of the builder in `applications`.
        arguments: mapping of the builder's keyword arguments; all others are
            left as they are.
        paper_accuracy: mapping of the paper's accuracy in per cent by data
            set.
    """

    paper: str
    table: int
    row: str
    application: str
    arguments: types.MappingProxyType
    paper_accuracy: types.MappingProxyType


def _rows(table):
    for row, accuracies, own in table["rows"]:
        arguments = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in {**table["arguments"], **own}.items()
        }
        yield Row(
            table["paper"],
            table["table"],
            row,
            table["application"],
            types.MappingProxyType(arguments),
            types.MappingProxyType(dict(zip(table["data_sets"], accuracies))),
        )


_TABLES = documents.read_yaml(pathlib.Path(__file__).with_suffix(".yaml"))
TABLE = tuple(row for table in _TABLES for row in _rows(table))
