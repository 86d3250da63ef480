"""Exports are compared on clips of the run's dataset."""

import logging

import numpy as np
import pytest

from keras_vidrec.data import synthetic
from keras_vidrec.export import Background
from keras_vidrec.export import endpoint as endpoints
from keras_vidrec.export import export_onnx
from keras_vidrec.export import export_saved_model
from keras_vidrec.export import parity
from keras_vidrec.training import recipes
from keras_vidrec.training.run import Run
from tests.evaluation.mean_color_network import mean_color_network

pytestmark = pytest.mark.tensorflow_only


@pytest.fixture
def run(small_videos, tmp_path):
    """A run on real videos, for a network of another size than most."""
    run = Run(tmp_path / "run")
    recipe = recipes.get("quickstart_rgb").with_data(directory=small_videos)
    run.claim(recipe)
    return run


def card(path):
    return (path / "README.md").read_text("utf-8")


def test_on_frames_of_the_dataset(run, tmp_path):
    model = mean_color_network(tuple(synthetic.KINDS))
    background = Background.of(run.path)
    export_onnx(model, tmp_path / "model", background=background)
    assert "trained network on a clip of the dataset" in card(
        tmp_path / "model"
    )


def test_a_dataset_that_is_gone(run, tmp_path, caplog):
    recipe = run.recipe.with_data(directory=str(tmp_path / "gone"))
    background = Background("moved", recipe)
    model = mean_color_network(("a", "b"))
    with caplog.at_level(logging.WARNING, "keras_vidrec"):
        export_saved_model(model, tmp_path / "model", background=background)
    assert "No clip of the dataset to compare the export on" in caplog.text
    assert "trained network on generated clips" in card(tmp_path / "model")


def test_a_network_that_is_very_sure():
    """Probabilities of 0 and 1 do not tell that it has other logits."""

    def endpoint(sharpness):
        model = mean_color_network(("a", "b", "c"))
        bias = np.array([0.0, 0.5, 1.0]) * sharpness
        model.get_layer("logits").set_weights([np.zeros((3, 3)), bias])
        return endpoints.of_clips(model)

    def run(sharpness):
        other = endpoint(sharpness)
        return lambda clips: {
            name: value.numpy()
            for name, value in other(*clips.values()).items()
        }

    expected = endpoint(50.0)
    assert parity.check(expected, run(50.0), 1e-4).difference < 1e-6
    with pytest.raises(RuntimeError, match=r"_logits within .*: 5\.0e\+00"):
        parity.check(expected, run(55.0), 1e-4)
