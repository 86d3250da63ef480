"""The graphs of small networks of two residual towers."""

import itertools

import keras

from keras_vidrec.applications import SpatiotemporalMultiplier
from keras_vidrec.layers import FoldSegments
from keras_vidrec.layers import MultiplicativeGate
from keras_vidrec.layers import TemporalIdentityConv
from keras_vidrec.layers import TemporalMaxPooling
from keras_vidrec.layers import TemporalWidenedConv
from keras_vidrec.layers import UnfoldSegments
from tests.applications.joined_streams import SMALL

STREAMS = ("rgb", "flow")
OTHER = {"rgb": "flow", "flow": "rgb"}
CHANGED = {
    "motion_to_appearance": ("rgb",),
    "appearance_to_motion": ("flow",),
    "both": ("rgb", "flow"),
}


def small(**arguments):
    return SpatiotemporalMultiplier(
        **{**SMALL, "num_segments": 3, "dropout": 0.0, **arguments}
    )


def producer(tensor):
    """The layer that made a tensor, chunks folded or not."""
    layer = tensor._keras_history.operation
    while isinstance(layer, (FoldSegments, UnfoldSegments)):
        first = keras.tree.flatten(layer.input)[0]
        layer = first._keras_history.operation
    return layer


def producers(layer):
    return [producer(x) for x in keras.tree.flatten(layer.input)]


def graph(model):
    """All layers with what they do, by the layers that they read."""
    found = {}
    for layer in model.layers:
        if not isinstance(layer, (FoldSegments, UnfoldSegments)):
            read = layer.input if hasattr(layer, "input") else []
            own = isinstance(
                layer,
                (
                    *(MultiplicativeGate, TemporalIdentityConv),
                    *(TemporalMaxPooling, TemporalWidenedConv),
                ),
            )
            found[layer.name] = (
                type(layer).__name__,
                str(layer.get_config()) if own else "",
                tuple(producer(x).name for x in keras.tree.flatten(read))
                if not isinstance(layer, keras.layers.InputLayer)
                else (),
            )
    return found


VARIANTS = [
    {"connection": None, "temporal_filters": None},
    *(
        {
            "connection": connection,
            "interaction": interaction,
            "direction": direction,
            "temporal_filters": None,
            "temporal_pooling": None,
        }
        for connection, interaction, direction in itertools.product(
            ("residual", "direct"), ("multiply", "add"), CHANGED
        )
    ),
    *(
        {
            "temporal_filters": filters,
            "temporal_initialization": initialization,
            "temporal_pooling": pooling,
        }
        for filters, initialization, pooling in itertools.product(
            ("residual_all", "residual_last", "skip", "widened"),
            ("center", "avg"),
            ("max", None),
        )
    ),
]
