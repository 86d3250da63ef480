import pytest

from tests.cli.command import vidrec
from tests.evaluation.mean_color_network import mean_color_network

pytestmark = pytest.mark.tensorflow_only


@pytest.mark.parametrize(
    "format, file", [("onnx", "model.onnx"), ("litert", "model.tflite")]
)
def test_formats(tmp_path, format, file):
    mean_color_network(("a", "b")).save(tmp_path / "best.keras")
    out, err = vidrec("export", tmp_path / "best.keras", "--format", format)
    assert "vidrec: " not in err  # LiteRT tells which kernels it takes
    assert out.startswith(f"Exported: {tmp_path / format}\n")
    assert "Reloaded and compared: probabilities agree within " in out
    assert f"Model card: {tmp_path / format / 'README.md'}" in out
    names = {path.name for path in (tmp_path / format).iterdir()}
    assert f"Try it: python {tmp_path / format / 'predict.py'} VIDEO" in out
    facts = {"bundle.json", "predict.py", "origin.json"}
    assert names == {file, "README.md", "labels.txt", *facts}


def test_something_else_in_the_way(tmp_path):
    mean_color_network(("a", "b")).save(tmp_path / "best.keras")
    _, err = vidrec(
        *("export", tmp_path / "best.keras", "--format", "onnx"),
        *("--out", tmp_path),
        status=1,
    )
    assert "contains something else" in err and err.count("\n") == 1
