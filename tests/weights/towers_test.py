import keras
import pytest

from keras_vidrec import backbones
from keras_vidrec.applications import TSLSTM
from keras_vidrec.applications import TSN
from keras_vidrec.applications import LateFusion
from keras_vidrec.applications import SpatiotemporalMultiplier
from keras_vidrec.applications import STResNet
from keras_vidrec.applications import TwoStreamFusion
from keras_vidrec.weights.towers import Slot
from keras_vidrec.weights.towers import backbones_of
from keras_vidrec.weights.towers import in_stream
from keras_vidrec.weights.towers import layer_places
from keras_vidrec.weights.towers import layers_by_path
from keras_vidrec.weights.towers import slots
from keras_vidrec.weights.towers import stream_layer
from keras_vidrec.weights.towers import stream_of
from keras_vidrec.weights.towers import towers
from tests.applications.joined_streams import without_values


@pytest.mark.parametrize(
    "name, stream",
    [
        ("rgb", "rgb"),
        ("warped_flow_tower", "warped_flow"),
        ("rgb_diff", "rgb_diff"),
        ("tower", None),
        ("tsn", None),
        ("rgb_tower_2", None),
    ],
)
def test_a_tower_is_named_by_its_stream(name, stream):
    assert stream_of(name) == stream


def test_towers_of_a_network_and_of_a_bare_tower():
    model = without_values(TSN, modality="flow", **TINY)
    tower = model.get_layer("flow")
    assert towers(model) == {"flow": tower}
    assert towers(tower) == {}
    rgb = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    rgb.name = "rgb_tower"
    assert towers(keras.Sequential([rgb])) == {"rgb": rgb}


TINY = {"backbone": "tiny", "classes": 5}


def late_fusion():
    return LateFusion(
        {"rgb": TSN(**TINY), "flow": TSN(modality="flow", **TINY)}
    )


def one_stream():
    return TSLSTM(streams=("flow",), backbone="tiny", classes=5)


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
        lambda: SpatiotemporalMultiplier(**TINY),
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
    model = without_values(build)
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


@pytest.mark.parametrize(
    "path, expected",
    [
        ("rgb_tower/conv1", ("rgb", "conv1")),
        ("flow_tower/res2a_branch2a", ("flow", "res2a_branch2a")),
        ("rgb_from_relu3/fc6", ("rgb", "fc6")),
        ("spatiotemporal_from_relu5/fc6", ("rgb", "fc6")),
        ("temporal_from_relu5/fc7", ("flow", "fc7")),
        ("spatiotemporal_logits", ("rgb", "logits")),
        ("temporal_logits", ("flow", "logits")),
        ("rgb_res5c_branch2c", ("rgb", "res5c_branch2c")),
        ("warped_flow_logits", ("warped_flow", "logits")),
        ("rgb_diff_tower/conv1", ("rgb_diff", "conv1")),
        ("rgb_tower/rgb/conv1", ("rgb", "conv1")),
        ("flow_tower/logits", ("flow", "logits")),
        ("fusion_relu5", None),
        ("logits", None),
        ("other_tower/conv1", None),
    ],
)
def test_where_a_layer_comes_from(path, expected):
    assert stream_layer(path) == expected


@pytest.mark.parametrize(
    "path, expected",
    [
        ("rgb/conv1", "conv1"),
        ("rgb_diff_tower/inner/conv1", "inner/conv1"),
        ("inner/conv1", "inner/conv1"),
        ("logits", "logits"),
    ],
)
def test_the_name_in_a_tower(path, expected):
    assert in_stream(path) == expected


def test_backbones_as_the_blueprint_says():
    with keras.StatelessScope(initialize_variables=False):
        one = TSN(modality="warped_flow", backbone="resnet50_msra", classes=3)
        two = {"rgb": "bn_inception", "flow": "tiny"}
        both = TwoStreamFusion(
            backbone={"rgb": "resnet50", "flow": "resnet101"},
            fusion_layer="relu2",
            keep_temporal_tower=False,
            classes=3,
        )
        assert backbones_of(one) == {None: "resnet50_msra"}
        assert backbones_of(one, "resnet50_msra") == {None: "resnet50_msra"}
        # Its tower of motion may be of any ResNet, by its layers.
        assert backbones_of(both) == {"rgb": "resnet50", "flow": "resnet101"}
        inlined = STResNet(backbone="resnet50", classes=3)
        assert backbones_of(inlined) == dict.fromkeys(two, "resnet50")
    with pytest.raises(ValueError, match="of which 'tsn' is made. Received"):
        backbones_of(one, "resnet50")


def test_models_that_do_not_say_what_they_are_made_of():
    tower = without_values(backbones.get, name_or_model="tiny")
    own = without_values(TSN, backbone=tower, classes=3)
    headless = without_values(TSN, backbone="tiny", include_top=False)
    for model in (tower, own, headless):
        with pytest.raises(ValueError, match="Expected `backbone`, the name"):
            backbones_of(model)
        assert backbones_of(model, "tiny") == {None: "tiny"}
        with pytest.raises(ValueError, match="Received: backbone='slowfast'"):
            backbones_of(model, "slowfast")
    assert backbones_of(headless, {"rgb": "tiny"}) == {None: "tiny"}
    with pytest.raises(ValueError, match="with towers.*which sees features"):
        backbones_of(TSLSTM(classes=3, features=8))
