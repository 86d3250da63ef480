import collections
import inspect
import json

import pytest

from keras_vidrec.applications.parts import table
from keras_vidrec.applications.stfn import STFN
from keras_vidrec.applications.temporal_inception import TemporalInception
from keras_vidrec.applications.tslstm import TSLSTM
from keras_vidrec.training import recipes
from keras_vidrec.training.recipes import tables
from tests.applications import joined_streams

BUILDERS = {
    "TSLSTM": TSLSTM,
    "TemporalInception": TemporalInception,
    "STFN": STFN,
}
PAPERS = ("tsn", "two_stream_fusion", "st_multiplier", "ts_lstm", "stfn")
TABLE = tuple(row for paper in PAPERS for row in tables.rows(paper))


def test_every_printed_row():
    numbers = collections.Counter(
        (paper, table)
        for paper, table, _ in {(r.paper, r.table, r.row) for r in TABLE}
    )
    assert numbers == {
        ("tsn", 1): 4,
        ("tsn", 2): 1,
        ("tsn", 3): 3,
        ("tsn", 4): 4,
        ("tsn", 5): 1,
        ("tsn", 6): 2,
        ("two_stream_fusion", 1): 6,
        ("two_stream_fusion", 2): 6,
        ("two_stream_fusion", 3): 4,
        ("two_stream_fusion", 4): 3,
        ("two_stream_fusion", 5): 4,
        ("two_stream_fusion", 6): 2,
        ("two_stream_fusion", "4.2"): 4,
        ("st_multiplier", 2): 7,
        ("st_multiplier", 3): 9,
        ("st_multiplier", 4): 4,
        ("st_multiplier", 5): 2,
        ("ts_lstm", 1): 2,
        ("ts_lstm", 2): 6,
        ("ts_lstm", 3): 9,
        ("ts_lstm", 4): 11,
        ("ts_lstm", 5): 2,
        ("ts_lstm", 6): 1,
        ("ts_lstm", 7): 28,
        ("ts_lstm", 8): 20,
        ("ts_lstm", 9): 13,
        ("ts_lstm", 10): 8,
        ("ts_lstm", "4.2"): 2,
        ("stfn", 1): 3,
        ("stfn", 2): 3,
        ("stfn", 3): 3,
        ("stfn", 4): 4,
        ("stfn", 5): 4,
        ("stfn", 6): 4,
        ("stfn", "4.3"): 3,
        ("stfn", "3.2"): 4,
        ("stfn", "4.4"): 3,
    }
    rows = {(row.paper, row.table, row.row, row.column) for row in TABLE}
    assert len(rows) == len(TABLE)


def test_every_row_is_a_recipe_or_fuses_columns_of_its_table():
    for row in TABLE:
        columns = {
            other.column
            for other in TABLE
            if (other.paper, other.table) == (row.paper, row.table)
        }
        assert bool(row.recipe) != bool(row.fuses)
        printed = {one for one in row.fuses if isinstance(one, str)}
        assert printed <= columns - {row.column}
        check_members(row)
        if row.recipe:
            recipe = row.changed()
            table.check_arguments(
                recipe.network.application, recipe.network.arguments
            )
            changed = recipe.to_dict()
            for key, value in row.changes.items():
                found = changed
                for part in key.split("."):
                    found = found[part]
                assert found == value
    # Of an error of 30.98; of another recipe than the table's.
    best = [row for row in TABLE if row.paper == "st_multiplier"]
    found = {
        (row.table, row.row, row.column): (row.accuracy, row.recipe)
        for row in best
    }
    full = "a residual unit of every block, center, pooling"
    key = (3, full, "HMDB51 split 1")
    assert found[key] == (69.02, "st_multiplier_hmdb51")
    key = (4, "HMDB51, ResNet-50", "Motion")
    assert found[key] == (55.8, "two_stream_resnet50_flow_hmdb51")
    fused = next(row for row in TABLE if row.fuses)
    with pytest.raises(ValueError, match="Received one that fuses"):
        fused.changed()
    with pytest.raises(ValueError, match="Expected one of .*'tsn'.*paper='x'"):
        tables.rows("x")


def test_what_is_told_in_no_table():
    """More blocks cost accuracy; of what else was tried no figure is told."""
    text = [row for row in tables.rows("stfn") if isinstance(row.table, str)]
    told = [row for row in text if row.accuracy is None]
    assert {(one.table, one.row, one.column): one.drop for one in told} == {
        ("4.3", "3 Res-Inc blocks", "HMDB51 split 1"): 3.8,
        ("4.3", "3 Res-Inc blocks", "UCF101 split 1"): 4.1,
        ("4.3", "4 Res-Inc blocks", "HMDB51 split 1"): 6.5,
        ("4.3", "4 Res-Inc blocks", "UCF101 split 1"): 6.9,
        **{
            (section, row, f"{data} split 1"): None
            for section, row in (
                ("3.2", "kernels of 2 and 3 steps"),
                ("3.2", "kernels of 1, 3, 5 and 7 steps"),
                ("3.2", "convolutions of 1 step before the others"),
                ("4.4", "average weighted by the networks of one stream"),
                ("4.4", "automatic scaling"),
            )
            for data in ("HMDB51", "UCF101")
        },
    }
    assert [row for row in TABLE if row.accuracy is None] == told
    # Each section begins with the network that the others are compared with.
    first = {row.table: row for row in reversed(text)}
    same = next(row for row in TABLE if row.paper == "stfn")
    assert {row.accuracy for row in first.values()} == {same.accuracy}
    assert all(row.changed() == same.changed() for row in first.values())
    graphs = [
        graph(joined_streams.without_values(STFN, features=16, classes=3))
    ]
    for one in told:
        assert one.changed().network.arguments["num_segments"] == 5
        graphs.append(
            graph(
                joined_streams.without_values(
                    STFN, features=16, classes=3, **own_arguments(one)
                )
            )
        )
    # Both data sets want the same of some.
    assert len(set(graphs)) == 1 + 2 + 2 + 1 + 2 + 1


@pytest.mark.parametrize("application", BUILDERS)
def test_other_arguments_are_other_graphs(application):
    builder = BUILDERS[application]
    graphs = {}
    for row in rows_of(application):
        arguments = full(builder, own_arguments(row))
        if arguments not in graphs:
            graphs[arguments] = graph(
                joined_streams.without_values(
                    builder, features=16, classes=3, **own_arguments(row)
                )
            )
    assert len(set(graphs.values())) == len(graphs)
    # The other way round, so that equal graphs can be found out.
    again = joined_streams.without_values(
        builder,
        features=16,
        classes=3,
        name="again",
        **own_arguments(rows_of(application)[0]),
    )
    assert graph(again) in graphs.values()


def test_the_best_rows_are_the_defaults():
    """But for the segments of STFN, whose tables have 5."""
    for paper, number, text in (
        ("ts_lstm", 3, "3, BN, Max + 512, BN, 101"),
        ("ts_lstm", 9, "end: Conv fusion, Conv1, 4, Conv1, 2, Conv1, 1"),
        ("stfn", 4, "7"),
    ):
        row = next(
            row
            for row in TABLE
            if (row.paper, row.table, row.row) == (paper, number, text)
        )
        builder = BUILDERS[row.changed().network.application]
        assert full(builder, own_arguments(row)) == full(builder, {})


def check_members(row):
    """They are printed elsewhere, trained, or given."""
    printed = {(r.paper, r.table, r.row, r.column): r for r in TABLE}
    for one in row.fuses:
        if isinstance(one, str):
            continue
        forms = (one.table, one.recipe, one.given)
        assert sum(form is not None for form in forms) == 1
        if one.table:
            same = printed[row.paper, one.table, one.row, one.column]
            assert same.figure == row.figure
            if len(row.fuses) == 1:
                assert (same.accuracy, same.splits) == (
                    row.accuracy,
                    row.splits,
                )
        if one.recipe:
            assert recipes.get(one.recipe).with_values(one.changes)
    assert row.weights is None or len(row.weights) == len(row.fuses)


def test_what_is_quoted_stands_beside_the_rows():
    quoted = {
        (one.table, one.row, one.column): one.accuracy
        for paper in PAPERS
        for one in tables.quoted(paper)
    }
    assert len(quoted) > 100
    assert quoted[5, "LRCN [6]", "UCF101"] == 82.9
    assert (5, "LRCN [6]", "HMDB51") not in quoted


def test_rows_cannot_be_changed():
    with pytest.raises(TypeError):
        TABLE[0].changes["clip.num_segments"] = 2


def rows_of(application):
    """Rows of its tables."""
    return [
        row
        for row in TABLE
        if row.accuracy is not None
        and row.recipe
        and row.changed().network.application == application
    ]


def own_arguments(row):
    """What the row changes in its builder's arguments."""
    return {
        key.rpartition(".")[2].removeprefix("head_"): tuple(value)
        if isinstance(value, list)
        else value
        for key, value in row.changes.items()
    }


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
