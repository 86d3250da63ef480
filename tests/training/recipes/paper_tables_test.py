import collections
import inspect
import json

import pytest

from keras_vidrec.applications.stfn import STFN
from keras_vidrec.applications.temporal_inception import TemporalInception
from keras_vidrec.applications.tslstm import TSLSTM
from keras_vidrec.training.recipes import paper_tables
from keras_vidrec.training.recipes.paper_tables import STFN_PAPER
from keras_vidrec.training.recipes.paper_tables import TABLE
from keras_vidrec.training.recipes.paper_tables import TS_LSTM_PAPER
from tests.applications import joined_streams

BUILDERS = {
    "TSLSTM": TSLSTM,
    "TemporalInception": TemporalInception,
    "STFN": STFN,
}


def test_every_printed_row():
    numbers = collections.Counter((row.paper, row.table) for row in TABLE)
    assert numbers == {
        (TS_LSTM_PAPER, 3): 9,
        (TS_LSTM_PAPER, 4): 11,
        (TS_LSTM_PAPER, 7): 28,
        (TS_LSTM_PAPER, 8): 20,
        (TS_LSTM_PAPER, 9): 13,
        (TS_LSTM_PAPER, 10): 8,
        (STFN_PAPER, 1): 3,
        (STFN_PAPER, 2): 3,
        (STFN_PAPER, 3): 3,
        (STFN_PAPER, 4): 4,
    }
    rows = {(row.paper, row.table, row.row) for row in TABLE}
    assert len(rows) == len(TABLE)


@pytest.mark.parametrize("application", BUILDERS)
def test_other_arguments_are_other_graphs(application):
    builder = BUILDERS[application]
    graphs = {}
    for row in TABLE:
        if row.application == application:
            arguments = full(builder, row.arguments)
            if arguments not in graphs:
                graphs[arguments] = graph(
                    joined_streams.without_values(
                        builder, features=16, classes=3, **row.arguments
                    )
                )
    assert len(set(graphs.values())) == len(graphs)
    # The other way round, so that equal graphs can be found out.
    again = joined_streams.without_values(
        builder, features=16, classes=3, name="again", **row_of(application)
    )
    assert graph(again) in graphs.values()


def test_the_best_rows_are_the_defaults():
    """But for the segments of STFN, whose tables have 5."""
    for paper, table, text in (
        (TS_LSTM_PAPER, 3, "3, BN, Max + 512, BN, 101"),
        (TS_LSTM_PAPER, 9, "end: Conv fusion, Conv1, 4, Conv1, 2, Conv1, 1"),
        (STFN_PAPER, 4, "7"),
    ):
        [row] = [
            row
            for row in TABLE
            if (row.paper, row.table, row.row) == (paper, table, text)
        ]
        builder = BUILDERS[row.application]
        assert full(builder, row.arguments) == full(builder, {})


def test_rows_cannot_be_changed():
    with pytest.raises(TypeError):
        paper_tables.TABLE[0].arguments["temporal_segments"] = 2


def row_of(application):
    return next(
        row.arguments for row in TABLE if row.application == application
    )


def full(builder, arguments):
    """All arguments of a builder, as one can compare them."""
    call = inspect.signature(builder).bind(**arguments)
    call.apply_defaults()
    return repr(call)


def graph(model):
    """A network as text, without the names."""
    config = model.get_config()
    numbers = {
        layer["name"]: f"layer {number}"
        for number, layer in enumerate(config["layers"])
    }

    def nameless(value):
        if isinstance(value, dict):
            return {k: nameless(v) for k, v in value.items() if k != "name"}
        if isinstance(value, (list, tuple)):
            return [nameless(item) for item in value]
        return numbers.get(value, value) if isinstance(value, str) else value

    return json.dumps(nameless(config), default=repr, sort_keys=True)
