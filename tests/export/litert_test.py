import re
import sys

import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.export import export_litert
from keras_vidrec.export import litert
from keras_vidrec.specs import checks
from tests.evaluation.mean_color_network import mean_color_network
from tests.export.onnx_test import BACKBONES
from tests.export.onnx_test import NETWORKS
from tests.export.onnx_test import awake
from tests.export.onnx_test import check_parity

pytestmark = pytest.mark.tensorflow_only

QUICK = ("lstm", "time")  # the converter takes 5 s and more for a backbone

interpreter = pytest.importorskip(
    "ai_edge_litert.interpreter",
    reason="needs the extra: pip install keras-vidrec[litert]",
)


def server(directory):
    path = str(directory / "model.tflite")
    serve = interpreter.Interpreter(path).get_signature_runner()
    return lambda clips: serve(**clips)["probabilities"]


@pytest.mark.large
@pytest.mark.parametrize("backbone, size", BACKBONES)
def test_any_backbone(tmp_path, backbone, size):
    model = awake(TSN(backbone=backbone, classes=3), size)
    assert 0 <= export_litert(model, tmp_path / "model") <= 1e-4
    check_parity(model, server(tmp_path / "model"))


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.large)
        for name in NETWORKS
    ],
)
def test_any_network_of_any_size(tmp_path, network):
    model = awake(NETWORKS[network]())
    difference = export_litert(model, tmp_path / "model")
    assert 0 <= difference <= 1e-4
    check_parity(model, server(tmp_path / "model"))


def test_an_export_that_differs_is_not_left_behind(tmp_path, monkeypatch):
    model = mean_color_network(("a", "b"))
    write = litert._write

    def write_another(endpoint, path):
        layer = endpoint.model.get_layer("logits")
        weights = layer.get_weights()
        layer.set_weights([weights[0] + [[0, 0.01]], weights[1]])
        write(endpoint, path)
        layer.set_weights(weights)

    monkeypatch.setattr(litert, "_write", write_another)
    with pytest.raises(RuntimeError, match="probabilities within 0.0001"):
        export_litert(model, tmp_path / "model")
    assert not [*tmp_path.iterdir()]


def test_a_missing_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    command = re.escape(checks.how_to_install("litert"))
    with pytest.raises(ValueError, match=command):
        export_litert(mean_color_network(("a", "b")), tmp_path / "model")
    assert not [*tmp_path.iterdir()]
