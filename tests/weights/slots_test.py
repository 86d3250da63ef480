import keras
import pytest

from keras_vidrec.applications import TSLSTM
from keras_vidrec.applications import TSN
from keras_vidrec.applications import LateFusion
from keras_vidrec.applications import STResNet
from keras_vidrec.applications import TwoStreamFusion
from keras_vidrec.weights.copying import layers_by_path
from keras_vidrec.weights.published.translation import Slot
from keras_vidrec.weights.slots import layer_places
from keras_vidrec.weights.slots import slots

TINY = {"backbone": "tiny", "classes": 5}


def late_fusion():
    return LateFusion(
        {"rgb": TSN(**TINY), "flow": TSN(modality="flow", **TINY)}
    )


def one_stream():
    return TSLSTM(streams=("flow",), flow_backbone="tiny", classes=5)


# Some of the places of each network, and the paths of the layers there.
NETWORKS = {
    "one": (
        lambda: TSN(modality="flow", **TINY),
        {
            Slot(None, "conv1", "kernel"): "flow/conv1",
            Slot(None, "logits", "bias"): "logits",
        },
    ),
    "one_over_time": (
        one_stream,
        {
            Slot(None, "bn_conv1", "gamma"): "flow_tower/bn_conv1",
            Slot(None, "lstm_1", "lstm_cell/recurrent_kernel"): "lstm_1",
            Slot(None, "logits", "kernel"): "logits",
        },
    ),
    "fusion": (
        lambda: TwoStreamFusion(**TINY),
        {
            Slot("rgb", "conv1", "kernel"): "rgb_tower/conv1",
            Slot("flow", "conv1", "kernel"): "flow_tower/conv1",
            Slot("flow", "logits", "kernel"): "temporal_logits",
            Slot(None, "fusion_relu5", "bias"): "fusion_relu5",
        },
    ),
    "inlined": (
        lambda: STResNet(**TINY),
        {
            Slot("rgb", "bn2a_branch1", "moving_variance"): "rgb_bn2a_branch1",
            Slot("flow", "res2b_temporal", "kernel"): "flow_res2b_temporal",
        },
    ),
    "late": (
        late_fusion,
        {Slot("flow", "logits", "kernel"): "flow_tower/logits"},
    ),
}


@pytest.mark.parametrize("network", NETWORKS)
def test_every_weight_has_one_place(network):
    build, some = NETWORKS[network]
    model = build()
    found = slots(model)
    layers = layers_by_path(model)
    everything = [w for layer in layers.values() for w in layer.weights]
    assert len(found) == len(everything)
    assert {id(w) for w in found.values()} == {id(w) for w in everything}
    for slot, path in some.items():
        assert any(found[slot] is weight for weight in layers[path].weights)
        assert found[slot].path.endswith(slot.variable)


def test_a_loaded_network_has_the_same_places(tmp_path):
    model = late_fusion()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert list(slots(loaded)) == list(slots(model))


def test_one_stream_needs_no_name():
    assert layer_places(["rgb/conv1", "rgb_logits", "fc"]) == {
        "rgb/conv1": (None, "conv1"),
        "rgb_logits": (None, "logits"),
        "fc": (None, "fc"),
    }
    assert layer_places(["rgb/conv1", "flow/conv1", "fc"]) == {
        "rgb/conv1": ("rgb", "conv1"),
        "flow/conv1": ("flow", "conv1"),
        "fc": (None, "fc"),
    }
