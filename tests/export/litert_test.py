import os
import re
import sys

import numpy as np
import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.export import endpoint as endpoints
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


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_only_errors_of_the_converter_are_shown(
    tmp_path, monkeypatch, capfd, precision
):
    endpoint = endpoints.of_clips(mean_color_network(("a", "b")))
    clips = [{"rgb": np.zeros((1, 3, 8, 8, 3), "uint8")}]
    save = litert.endpoints.save_plain

    def loud(*arguments):
        os.write(2, b"W0000 a remark\nE0000 an error\n")
        save(*arguments)

    monkeypatch.setattr(litert.endpoints, "save_plain", loud)
    litert._write(endpoint, tmp_path / "model.tflite", precision, clips)
    found = litert._runner(tmp_path / "model.tflite")(clips[0])
    assert found["probabilities"].shape == (1, 2)
    out, err = capfd.readouterr()
    assert (out, err) == ("", "E0000 an error\n")


def test_what_the_converter_says_is_shown_when_it_fails(
    tmp_path, monkeypatch, capfd
):
    def fail(*_):
        os.write(2, b"W0000 the reason\n")
        raise RuntimeError("failed")

    monkeypatch.setattr(litert.endpoints, "save_plain", fail)
    endpoint = endpoints.of_clips(mean_color_network(("a", "b")))
    with pytest.raises(RuntimeError):
        litert._write(endpoint, tmp_path / "model.tflite")
    assert capfd.readouterr().err == "W0000 the reason\n"


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
