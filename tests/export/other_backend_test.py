import pathlib

import keras
import numpy as np
import pytest

from keras_vidrec import export
from keras_vidrec.applications import TSN
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.export import other_backend

pytestmark = pytest.mark.skipif(
    keras.backend.backend() == "tensorflow", reason="of the other backends"
)

NAMES = ("jump", "laufen", "跳高")


def network():
    model = TSN(backbone="tiny", classes=3)
    layer = predictions_layer(model)
    layer.class_names = NAMES
    layer.clip_spec = layer.clip_spec.replace(size=32)
    kernel, bias = model.get_layer("logits").get_weights()
    rng = np.random.default_rng(0)
    model.get_layer("logits").set_weights(
        [rng.normal(size=kernel.shape), rng.normal(size=bias.shape)]
    )
    return model


def test_a_network_of_another_backend_is_exported(tmp_path, monkeypatch):
    """From a relative path, to what answers as the network does here."""
    import onnxruntime

    model = network()
    monkeypatch.chdir(tmp_path)
    assert 0 <= export.export_onnx(model, "model") <= 1e-4
    session = onnxruntime.InferenceSession("model/model.onnx")
    clips = np.random.default_rng(2).integers(
        0, 256, (2, 4, 40, 48, 3), "uint8"
    )
    found = session.run(
        ["probabilities"], {session.get_inputs()[0].name: clips}
    )
    expected = model.predict(clips, verbose=0)
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(found[0], expected, atol=1e-4)
    assert pathlib.Path("model/labels.txt").read_text("utf-8").split() == [
        *NAMES
    ]


def test_another_network_there_is_refused(tmp_path, monkeypatch):
    """Nothing is written where TensorFlow computes something else."""
    probabilities = other_backend._probabilities
    monkeypatch.setattr(
        other_backend,
        "_probabilities",
        lambda *arguments: probabilities(*arguments) + 0.01,
    )
    with pytest.raises(RuntimeError, match="other probabilities on TensorFlow"):
        export.export_onnx(network(), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_process_that_ends_early_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(other_backend.sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError, match="exit status 1"):
        export.export_onnx(network(), tmp_path / "model")
