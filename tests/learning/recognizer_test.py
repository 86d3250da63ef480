"""The export of what was learned."""

import types

import pytest

from keras_vidrec.export import PRECISIONS
from keras_vidrec.learning import recognizer
from keras_vidrec.learning import task
from keras_vidrec.training import recipes
from keras_vidrec.training.run import Run
from tests.evaluation.mean_color_network import mean_color_network

pytestmark = pytest.mark.tensorflow_only

FILES = {"openvino": "model.xml", "onnx": "model.onnx"}


@pytest.mark.parametrize("format", [*FILES, "none"])
def test_a_run_is_exported_as_the_task_says(format, small_videos, tmp_path):
    run = Run(tmp_path / "recognizer")
    run.claim(recipes.get("quickstart_rgb").with_data(directory=small_videos))
    mean_color_network(("a", "b")).save(run.model_file)
    place = types.SimpleNamespace(
        task=task.Task(small_videos, export=format), out=run.path
    )
    path = recognizer.export(place, run)
    if format == "none":
        assert path is None and not (run.path / "export").exists()
        return
    assert path == run.path / "export" and (path / FILES[format]).is_file()
    # It has what is known of the run.
    card = (path / "README.md").read_text("utf-8")
    assert "\n# quickstart_rgb\n" in f"\n{card}"
    before = (path / "bundle.json").stat().st_mtime_ns
    assert recognizer.export(place, run) == path
    assert (path / "bundle.json").stat().st_mtime_ns == before


def test_there_is_every_format():
    assert task.EXPORTS == (*PRECISIONS, "none")
