import json
import re
import sys

import numpy as np
import pytest

from keras_vidrec.applications import TSLSTM
from keras_vidrec.applications import TSN
from keras_vidrec.applications import LateFusion
from keras_vidrec.applications import SpatiotemporalMultiplier
from keras_vidrec.applications import TemporalInception
from keras_vidrec.applications import TwoStreamFusion
from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.export import export_onnx
from keras_vidrec.export import onnx as onnx_export
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import checks
from tests.applications.joined_streams import call
from tests.evaluation.mean_color_network import mean_color_network

pytestmark = pytest.mark.tensorflow_only

onnxruntime = pytest.importorskip(
    "onnxruntime", reason="needs the extra: pip install keras-vidrec[onnx]"
)

NAMES = ("jump", "laufen", "跳高")


def awake(model, size=32):
    """The network with classes, small clips, and scores that differ."""
    layer = predictions_layer(model)
    layer.class_names = NAMES
    layer.clip_spec = layer.clip_spec.replace(size=size)
    rng = np.random.default_rng(1)
    classifiers = [x for x in model.layers if x.name.endswith("logits")]
    for layer in classifiers:
        layer.set_weights([rng.normal(0, 0.1, w.shape) for w in layer.weights])
    # Gates multiply: without this one class would take all.
    logits = call(clip_logits_model(model), seen(model))
    for layer in classifiers:
        layer.set_weights([w / np.ptp(logits) for w in layer.get_weights()])
    return model


def seen_inputs(model):
    if isinstance(model.input, dict):
        return [*model.input.values()]
    return [model.input]


def clips(model):
    """Two clips of another size than those that the export is checked on."""
    rng = np.random.default_rng(2)
    size = predictions_layer(model).clip_spec.size
    free = (2, 4, size + 8, size + 16)
    found = {}
    for tensor in seen_inputs(model):
        shape = [known or one for known, one in zip(tensor.shape[:-1], free)]
        shape.append(tensor.shape[-1])
        if len(shape) == 5:
            found[tensor.name] = rng.integers(0, 256, shape, "uint8")
        else:
            found[tensor.name] = rng.normal(size=shape).astype("float32")
    return found


NETWORKS = {
    "rgb": lambda: TSN(backbone="tiny", classes=3, spatial_pooling=2),
    "lstm": lambda: TSLSTM(classes=3, features=8, num_segments=6, units=(5,)),
    "time": lambda: TemporalInception(
        classes=3, features=16, num_segments=8, num_layers=1
    ),
    "fusion": lambda: TwoStreamFusion(
        backbone="tiny", classes=3, snippet_length=2
    ),
    "multiplier": lambda: SpatiotemporalMultiplier(
        backbone="tiny", classes=3, snippet_length=2, spatial_pooling=2
    ),
}
SLOW = ("fusion", "multiplier")
# Backbone, and the size of the clips. VGG-16 is left out: it takes 224
# pixels only, and has half a gigabyte of weights.
BACKBONES = [
    ("bn_inception", 32),
    ("googlenet", 32),
    ("resnet50", 32),
    ("resnet50_caffe", 32),
    ("resnet50_msra", 32),
    ("inception_v3", 107),
    ("efficientnet_lite0", 32),
]


def seen(model):
    """The two clips as the network takes them."""
    video = clips(model)
    return video if isinstance(model.input, dict) else [*video.values()][0]


def check_parity(model, serve):
    """An export gives what the network gives, of clips of another size, and
    not the same for all.

    Args:
        model: keras.Model.
        serve: function from `clips` to the probabilities of the export.
    """
    expected = call(model, seen(model))
    assert 1e-3 < np.ptp(expected) < 1 - 1e-3
    np.testing.assert_allclose(serve(clips(model)), expected, atol=1e-4)


def server(directory):
    session = onnxruntime.InferenceSession(str(directory / "model.onnx"))
    return lambda clips: session.run(["probabilities"], clips)[0]


@pytest.mark.large
@pytest.mark.parametrize("backbone, size", BACKBONES)
def test_any_backbone(tmp_path, backbone, size):
    model = awake(TSN(backbone=backbone, classes=3), size)
    assert 0 <= export_onnx(model, tmp_path / "model") <= 1e-4
    check_parity(model, server(tmp_path / "model"))


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(name, marks=pytest.mark.large if name in SLOW else ())
        for name in NETWORKS
    ],
)
def test_any_network_of_any_size(tmp_path, network):
    model = awake(NETWORKS[network]())
    difference = export_onnx(model, tmp_path / "model")
    assert 0 <= difference <= 1e-4
    beside = {file.name for file in (tmp_path / "model").iterdir()}
    assert beside - {"predict.py"} == {
        *("model.onnx", "labels.txt", "bundle.json", "README.md"),
        "origin.json",
    }
    # Not of features.
    sees_pixels = len(seen_inputs(model)[0].shape) == 5
    assert ("predict.py" in beside) == sees_pixels
    check_parity(model, server(tmp_path / "model"))


def test_classes_and_sampling_are_inside_and_beside(tmp_path):
    spec = ClipSpec(("flow",), snippet_length=5, size=16)
    model = mean_color_network(NAMES, clip_spec=spec)
    export_onnx(model, tmp_path / "model")
    session = onnxruntime.InferenceSession(
        str(tmp_path / "model" / "model.onnx")
    )
    inside = session.get_modelmeta().custom_metadata_map
    assert json.loads(inside["class_names"]) == list(NAMES)
    assert ClipSpec.from_dict(json.loads(inside["clip_spec"])) == spec
    beside = (tmp_path / "model" / "labels.txt").read_text("utf-8")
    assert beside.splitlines() == list(NAMES)
    text = (tmp_path / "model" / "bundle.json").read_text("utf-8")
    assert ClipSpec.from_dict(json.loads(text)["clip"]) == spec
    (pixels,) = session.get_inputs()
    assert pixels.type == "tensor(uint8)"
    assert pixels.shape == ["batch", "segments", "height", "width", 10]


def test_an_export_that_differs_is_not_left_behind(tmp_path, monkeypatch):
    model = mean_color_network(("a", "b"))
    write = onnx_export._write

    def write_another(endpoint, description, path):
        layer = endpoint.model.get_layer("logits")
        weights = layer.get_weights()
        layer.set_weights([weights[0] + [[0, 0.01]], weights[1]])
        write(endpoint, description, path)
        layer.set_weights(weights)

    monkeypatch.setattr(onnx_export, "_write", write_another)
    with pytest.raises(RuntimeError, match="probabilities within 0.0001"):
        export_onnx(model, tmp_path / "model")
    assert not [*tmp_path.iterdir()]


def test_a_missing_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    command = re.escape(checks.how_to_install("onnx"))
    with pytest.raises(ValueError, match=command):
        export_onnx(mean_color_network(("a", "b")), tmp_path / "model")
    assert not [*tmp_path.iterdir()]


def test_flow_made_inside_is_refused(tmp_path):
    networks = {
        m: mean_color_network(
            NAMES, clip_spec=ClipSpec((m,), snippet_length=n, size=16)
        )
        for m, n in (("rgb", 1), ("flow", 2))
    }
    model = LateFusion(networks, flow_from="rgb")
    with pytest.raises(ValueError, match="Only a SavedModel can contain"):
        export_onnx(model, tmp_path / "model")
    assert not [*tmp_path.iterdir()]


def test_something_else_is_never_replaced(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ValueError, match="contains something else"):
        export_onnx(mean_color_network(("a", "b")), tmp_path)
