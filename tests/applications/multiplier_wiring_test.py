"""Who reads whom in the spatiotemporal multiplier."""

import itertools

import keras
import pytest

from keras_vidrec.layers import MultiplicativeGate
from keras_vidrec.layers import TemporalIdentityConv
from keras_vidrec.layers import TemporalWidenedConv
from tests.applications.joined_streams import without_values
from tests.applications.multiplier_graphs import CHANGED
from tests.applications.multiplier_graphs import OTHER
from tests.applications.multiplier_graphs import STREAMS
from tests.applications.multiplier_graphs import VARIANTS
from tests.applications.multiplier_graphs import graph
from tests.applications.multiplier_graphs import producers
from tests.applications.multiplier_graphs import small


@pytest.mark.large
def test_variants_of_tables_2_and_3_are_different_networks():
    graphs = [
        graph(without_values(small, **arguments)) for arguments in VARIANTS
    ]
    assert len(graphs) == 29
    for one, two in itertools.combinations(graphs, 2):
        assert one != two


def check_wiring(model, units, connection, direction, filters):
    """Who reads whom, from the graph alone."""
    for stage, stream in itertools.product((2, 3, 4, 5), STREAMS):
        unit = units[stream][stage][1]
        first = f"{stream}_res{stage}a"
        changed = stream in CHANGED[direction]
        gate = f"{stream}_res{unit}_gate"
        reads = f"{first}_relu"
        if connection == "residual" and changed:
            (read,) = producers(model.get_layer(f"{stream}_res{unit}_branch2a"))
            assert read.name == gate
            # The sum before the ReLU, times the other stream after it.
            assert [layer.name for layer in producers(read)] == [
                first,
                f"{OTHER[stream]}_res{stage}a_relu",
            ]
            relu = model.get_layer(f"{first}_relu")
            assert [layer.name for layer in producers(relu)] == [first]
        elif connection == "direct" and changed:
            relu = model.get_layer(f"{first}_relu")
            (read,) = producers(relu)
            assert read.name == gate
            one, two = producers(read)
            assert one.name == first
            assert isinstance(two, keras.layers.Activation)
            assert producers(two)[0].name == f"{OTHER[stream]}_res{stage}a"
        else:
            assert gate not in [layer.name for layer in model.layers]
        if not (connection == "residual" and changed):
            (read,) = producers(model.get_layer(f"{stream}_res{unit}_branch2a"))
            assert read.name == reads
        shortcut, _ = producers(model.get_layer(f"{stream}_res{unit}"))
        assert shortcut.name == reads
        inside = filters == "residual_all" or (
            filters == "residual_last" and stage == 5
        )
        (read,) = producers(model.get_layer(f"{stream}_res{unit}_branch2c"))
        if inside:
            assert read.name == f"{stream}_res{unit}_temporal"
            assert isinstance(read, TemporalIdentityConv)
            (read,) = producers(read)
        assert read.name == f"{stream}_res{unit}_branch2b_relu"
        if stage < 5:
            (read,) = producers(
                model.get_layer(f"{stream}_res{stage + 1}a_branch2a")
            )
        else:
            (read,) = producers(model.get_layer(f"{stream}_pool_time"))
        if filters == "skip":
            assert isinstance(read, TemporalIdentityConv)
            (read,) = producers(read)
        assert read.name == f"{stream}_res{units[stream][stage][-1]}_relu"
    count = sum(isinstance(x, TemporalIdentityConv) for x in model.layers)
    expected = {"residual_all": 8, "residual_last": 2, "skip": 8}
    assert count == expected.get(filters, 0)
    widened = {x.name for x in model.layers if type(x) is TemporalWidenedConv}
    assert widened == {
        f"{stream}_res{stages[stage][1]}_{branch}"
        for stream, stages in units.items()
        for stage in stages
        for branch in ("branch2a", "branch2c")
        if filters == "widened"
    }
    count = sum(isinstance(x, MultiplicativeGate) for x in model.layers)
    assert count == 4 * len(CHANGED[direction]) * (connection is not None)


def unit_names(*counts, numbered=()):
    return {
        stage: [f"{stage}a"]
        + [
            f"{stage}b{i}" if stage in numbered else f"{stage}{'abcdef'[i]}"
            for i in range(1, count)
        ]
        for stage, count in enumerate(counts, start=2)
    }


UNITS = {
    "tiny": unit_names(2, 2, 2, 2),
    "resnet50": unit_names(3, 4, 6, 3),
    "resnet101": unit_names(3, 4, 23, 3, numbered=(3, 4)),
    "resnet152": unit_names(3, 8, 36, 3, numbered=(3, 4)),
}


@pytest.mark.parametrize(
    "rgb, flow, arguments",
    [
        ("tiny", None, {"connection": "direct"}),
        ("tiny", None, {"connection": None, "temporal_filters": "skip"}),
        ("tiny", None, {"temporal_filters": "widened"}),
        ("resnet50", "resnet152", {"direction": "both"}),
        *(
            pytest.param("tiny", None, arguments, marks=pytest.mark.large)
            for arguments in (
                {"direction": "appearance_to_motion"},
                {"temporal_filters": "skip"},
                {
                    "connection": "direct",
                    "direction": "both",
                    "temporal_filters": "residual_last",
                },
            )
        ),
        pytest.param("resnet50", None, {}, marks=pytest.mark.large),
        pytest.param(
            "resnet101",
            None,
            {"temporal_filters": "skip"},
            marks=pytest.mark.large,
        ),
        pytest.param("resnet101", None, {}, marks=pytest.mark.large),
        pytest.param("resnet152", None, {}, marks=pytest.mark.large),
    ],
)
def test_wiring(rgb, flow, arguments):
    arguments = {
        "connection": "residual",
        "direction": "motion_to_appearance",
        "temporal_filters": "residual_all",
        **arguments,
    }
    model = without_values(
        small,
        backbone={"rgb": rgb, "flow": flow or rgb},
        **arguments,
    )
    check_wiring(
        model,
        {"rgb": UNITS[rgb], "flow": UNITS[flow or rgb]},
        arguments["connection"],
        arguments["direction"],
        arguments["temporal_filters"],
    )
