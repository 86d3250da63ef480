import keras
import numpy as np
import pytest

import keras_vidrec
from keras_vidrec.applications import TSN
from keras_vidrec.applications import LateFusion
from keras_vidrec.applications import TwoStreamConvNet
from tests.applications.joined_streams import CLASSES
from tests.applications.joined_streams import SMALL
from tests.applications.joined_streams import call
from tests.applications.joined_streams import clips
from tests.applications.joined_streams import wake
from tests.applications.joined_streams import without_values


def one_stream(stream):
    length = {"rgb": 1, "flow": 2}[stream]
    model = TSN(
        backbone="tiny",
        classes=CLASSES,
        modality=stream,
        snippet_length=length,
    )
    return wake(model, seed=length)


def test_is_the_late_fusion_of_two_streams():
    streams = {stream: one_stream(stream) for stream in ("rgb", "flow")}
    expected = call(LateFusion(streams, {"rgb": 1, "flow": 2}), clips())
    assert np.ptp(expected) > 0.05
    model = TwoStreamConvNet(
        **SMALL,
        fusion_weights={"flow": 2, "rgb": 1},
        from_streams=tuple(streams.values()),
    )
    np.testing.assert_allclose(call(model, clips()), expected, atol=1e-5)


def test_a_frame_and_a_stack_of_ten():
    model = without_values(TwoStreamConvNet, classes=CLASSES, dropout=0.5)
    assert model.name == "two_stream_convnet"
    spec = keras_vidrec.describe(model).clip_spec
    assert spec.modalities == ("rgb", "flow")
    assert (spec.num_segments, spec.snippet_length) == (1, 10)
    assert not spec.ordered
    tower = model.get_layer("flow_tower")
    assert tower.input.shape[-1] == 20
    # VGG-M-2048 both, the temporal one without norm2.
    names = [layer.name for layer in tower.get_layer("flow").layers]
    assert "norm1" in names and "norm2" not in names
    assert tower.get_layer("flow").get_layer("drop6").rate == 0.5
    assert tower.get_layer("dropout").rate == 0.5


def test_invalid_arguments():
    for arguments, message in (
        ({"include_top": False}, "include_top=False"),
        ({"input_tensor": {}}, r"input_tensor={}"),
        ({"pooling": "avg"}, "pooling='avg'"),
        ({"classifier_activation": None}, "classifier_activation=None"),
        ({"classes": 0}, "classes=0"),
        ({"weights": "nonsense"}, "weights='nonsense'"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"fusion_weights": (1, 1)}, r"fusion_weights=\(1, 1\)"),
        ({"input_shape": (1, 32, 32, 3)}, r"input_shape=\(1, 32"),
        ({"from_streams": keras.Sequential()}, "from_streams=<Sequential"),
        ({"backbone": "resnet18"}, "Received: backbone='resnet18'"),
    ):
        with pytest.raises(ValueError, match=message):
            without_values(TwoStreamConvNet, **{**SMALL, **arguments})
