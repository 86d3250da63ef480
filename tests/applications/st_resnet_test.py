import pytest

from keras_vidrec.applications import SpatiotemporalMultiplier
from keras_vidrec.applications import STResNet
from keras_vidrec.layers import BatchNormalization
from keras_vidrec.layers import MultiplicativeGate
from keras_vidrec.layers import TemporalWidenedConv
from tests.applications.joined_streams import SMALL
from tests.applications.joined_streams import without_values
from tests.applications.multiplier_graphs import graph


def test_st_resnet_is_the_additive_one():
    arguments = {
        **SMALL,
        "num_segments": 4,
        "temporal_pooling": None,
        "fusion_weights": {"rgb": 1, "flow": 3},
        "scores": "probabilities",
    }
    model = without_values(STResNet, **arguments)
    assert model.name == "st_resnet"
    assert graph(model) == graph(
        without_values(
            SpatiotemporalMultiplier,
            **arguments,
            connection="residual",
            interaction="add",
            temporal_filters="widened",
            temporal_initialization="avg",
        )
    )
    gates = [x for x in model.layers if isinstance(x, MultiplicativeGate)]
    assert {gate.interaction for gate in gates} == {"add"}
    filters = [x for x in model.layers if isinstance(x, TemporalWidenedConv)]
    assert len(filters) == 16 and {
        layer.initialization for layer in filters
    } == {"avg"}
    norms = [x for x in model.layers if isinstance(x, BatchNormalization)]
    assert norms and {layer.momentum for layer in norms} == {0.95}
    with pytest.raises(
        ValueError, match="for rgb, .*Received: backbone='vgg16'"
    ):
        STResNet(backbone="vgg16")
