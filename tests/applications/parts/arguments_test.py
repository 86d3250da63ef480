import keras
import pytest

from keras_vidrec.applications import STFN
from keras_vidrec.applications import TSLSTM
from keras_vidrec.applications import TSN
from keras_vidrec.applications import STResNet
from keras_vidrec.applications import TemporalInception
from keras_vidrec.applications import TwoStreamConvNet
from keras_vidrec.applications import TwoStreamFusion
from keras_vidrec.applications.parts import arguments
from keras_vidrec.applications.parts.arguments import check_imagenet
from tests.applications.joined_streams import without_values

RELATIVE = "backbone 'resnet50'. Expected backbone='resnet50_caffe'"
MIXED = {"rgb": "resnet50_caffe", "flow": "vgg16"}
# Each builder, and what it is told of towers that ImageNet's weights start.
NETWORKS = [
    (TSN, {"backbone": "resnet50_caffe", "modality": "rgb_diff"}),
    (TwoStreamConvNet, {"backbone": MIXED}),
    (TwoStreamFusion, {"backbone": "resnet50_caffe"}),
    (STResNet, {"backbone": "resnet50_caffe"}),
    (STFN, {"backbone": "inception_v3", "streams": ("flow",)}),
    (TSLSTM, {"backbone": MIXED, "num_segments": 3}),
]


@pytest.mark.parametrize("builder, given", NETWORKS)
def test_imagenets_weights_go_into_every_network(builder, given, monkeypatch):
    """Once, when all layers are there and the network says what it is."""
    started = []

    def start(model, **_):
        assert model.get_layer("predictions").blueprint.backbones
        started.append(model)

    monkeypatch.setattr(arguments, "imagenet", start)
    model = without_values(builder, **given, weights="imagenet")
    assert started == [model]


@pytest.mark.parametrize(
    "builder, given, message",
    [
        (TSN, {}, "backbone 'bn_inception'"),
        (TSN, {"backbone": "resnet50"}, RELATIVE),
        (TwoStreamConvNet, {}, "backbone 'vgg_m_2048'"),
        (
            TwoStreamFusion,
            {"backbone": {"rgb": "vgg16", "flow": "tiny"}},
            "backbone 'tiny'",
        ),
        (STResNet, {"backbone": "tiny"}, "backbone 'tiny'"),
        (STFN, {}, "over features has none"),
        (TSLSTM, {"backbone": "googlenet"}, "backbone 'googlenet'"),
        (TemporalInception, {}, "over features has none"),
    ],
)
def test_refused_before_there_are_weights(builder, given, message, monkeypatch):
    def never(self, *args, **kwargs):
        raise AssertionError("a weight")

    monkeypatch.setattr(keras.layers.Layer, "add_weight", never)
    with pytest.raises(ValueError, match=message):
        builder(**given, weights="imagenet")


def own_model():
    images = keras.Input((None, None, 3))
    return keras.Model(images, keras.layers.Conv2D(4, 3)(images))


NOT_THERE = "\"imagenet\" is not available for {}.*'vgg16'.*import-weights.*"


def test_imagenet_by_stream():
    """A stream may start from it beside another, whose tower is none that
    there are such weights for."""
    check_imagenet({"rgb": "vgg16", "flow": "resnet152_caffe"}, "imagenet")
    check_imagenet({"rgb": "resnet50", "flow": "tiny"}, "some.weights.h5")
    check_imagenet({}, None)
    weights = {"rgb": "imagenet", "flow": "run"}
    check_imagenet({"rgb": "vgg16", "flow": "bn_inception"}, weights)
    with pytest.raises(ValueError, match=RELATIVE):
        check_imagenet({"rgb": "resnet50", "flow": "vgg16"}, weights)
    for tower in ("bn_inception", "vgg_m_2048", "googlenet", "tiny"):
        message = NOT_THERE.format(f"backbone '{tower}'")
        with pytest.raises(ValueError, match=message):
            check_imagenet({"flow": tower}, "imagenet")
    with pytest.raises(ValueError, match=NOT_THERE.format("a keras.Model")):
        check_imagenet({"rgb": own_model()}, "imagenet")
