import sys

import numpy as np
import pytest

from keras_vidrec.export import export_litert
from keras_vidrec.export import litert
from tests.evaluation.mean_color_network import mean_color_network
from tests.export.onnx_test import NETWORKS
from tests.export.onnx_test import awake
from tests.export.onnx_test import clips
from tests.export.onnx_test import seen

pytestmark = pytest.mark.tensorflow_only

QUICK = ("lstm", "time")  # the converter takes 5 s and more for a backbone

interpreter = pytest.importorskip(
    "ai_edge_litert.interpreter",
    reason="needs the extra: pip install keras-vidrec[litert]",
)


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
    path = str(tmp_path / "model" / "model.tflite")
    serve = interpreter.Interpreter(path).get_signature_runner()
    found = serve(**clips(model))["probabilities"]
    expected = model.predict(seen(model), verbose=0)
    assert 1e-3 < np.ptp(expected) < 1 - 1e-3
    np.testing.assert_allclose(found, expected, atol=1e-4)


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
    with pytest.raises(ValueError, match=r"pip install keras-vidrec\[litert\]"):
        export_litert(mean_color_network(("a", "b")), tmp_path / "model")
    assert not [*tmp_path.iterdir()]
