import re

import pytest

from keras_vidrec.training.run import Run
from tests.cli.command import vidrec
from tests.evaluation.mean_color_network import mean_color_network
from tests.export.trained_tower import trained_tower

pytestmark = pytest.mark.tensorflow_only


@pytest.mark.parametrize(
    "format, file", [("onnx", "model.onnx"), ("litert", "model.tflite")]
)
def test_formats(tmp_path, format, file):
    mean_color_network(("a", "b")).save(tmp_path / "best.keras")
    out, err = vidrec("export", tmp_path / "best.keras", "--format", format)
    assert not err
    assert out.startswith(f"Exported: {tmp_path / format}\n")
    assert "Reloaded and compared: probabilities agree within " in out
    assert f"Model card: {tmp_path / format / 'README.md'}" in out
    names = {path.name for path in (tmp_path / format).iterdir()}
    assert f"Try it: python {tmp_path / format / 'predict.py'} VIDEO" in out
    facts = {"bundle.json", "predict.py", "origin.json"}
    assert names == {file, "README.md", "labels.txt", *facts}


def test_fewer_bits(tmp_path, small_videos, uncompiled):
    """Of a run, tested on its own videos; what there is not is told at once."""
    model, background = trained_tower(small_videos)
    run = Run(tmp_path / "run")
    run.claim(background.recipe)
    model.save(run.model_file)
    out, _ = vidrec(
        *("export", run.path, "--format", "onnx", "--precision", "int8"),
        *("--for", "phone", "--max-loss", 20),
    )
    directory = run.path / "onnx_int8_phone"
    lines = out.splitlines()
    assert lines[0] == f"Exported: {directory}"
    assert re.fullmatch(
        r"int8: top-1 accuracy of 24 training videos, a clip each, \d+\.\d\d % "
        r"instead of \d+\.\d\d % in float32; probabilities within .*",
        lines[1],
    )
    assert re.fullmatch(
        r"Time for a clip on this processor: .* ms, \d+\.\d\d times that of "
        r"float32 \(medians of \d+ rounds\)",
        lines[2],
    )
    assert "were measured on 24 training clips" in lines[3]
    assert (directory / "model.onnx").is_file()
    _, err = vidrec(
        *("export", run.path, "--format", "openvino", "--for", "phone"),
        status=1,
    )
    assert "Expected 'litert' or 'onnx' or 'torch' for a phone" in err
    assert err.count("\n") == 1
    assert not (run.path / "openvino_phone").exists()


def test_something_else_in_the_way(tmp_path):
    mean_color_network(("a", "b")).save(tmp_path / "best.keras")
    _, err = vidrec(
        *("export", tmp_path / "best.keras", "--format", "onnx"),
        *("--out", tmp_path),
        status=1,
    )
    assert "contains something else" in err and err.count("\n") == 1
