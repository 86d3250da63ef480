"""`vidrec learn` as a user runs it."""

import json

import pytest

from keras_vidrec import export
from tests.cli.command import vidrec
from tests.learning.course_test import generate

pytestmark = pytest.mark.tensorflow_only


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return generate(tmp_path_factory.mktemp("few"), 3)


def test_a_plan_is_all_that_is_made(videos, tmp_path):
    said, _ = vidrec("learn", videos, "--out", tmp_path / "r", "--plan")
    lines = said.splitlines()
    assert lines[0].startswith("9 videos of 3 classes: ")
    assert lines[1].startswith("1. EfficientNet-Lite0 features of frames")
    assert lines[-1].startswith("About ")
    assert not (tmp_path / "r").exists()


@pytest.mark.large
def test_a_recognizer_and_its_export(videos, tmp_path):
    out = tmp_path / "recognizer"
    command = ("learn", videos, "--out", out, "--no-flow", "--size=32")
    said, _ = vidrec(*command, "--export=openvino")
    assert said.splitlines()[-2:] == [
        f"Export: {out / 'export'}",
        f"Next: vidrec predict {out} VIDEO...",
    ]
    assert (out / "export" / "model.xml").is_file()
    bundle = json.loads((out / "export" / "bundle.json").read_text("utf-8"))
    assert bundle["network"]["format"] == "openvino"
    card = (out / "export" / "README.md").read_text("utf-8")
    assert card.startswith("---") or "# learn" in card
    _, err = vidrec(*command, "--export=none", status=1)
    assert "Invalid `export`. Expected 'openvino', with which" in err


def test_it_exports_what_the_command_export_does(videos, tmp_path):
    out = tmp_path / "recognizer"
    command = ("learn", videos, "--out", out, "--no-flow", "--plan")
    for format in (*export.PRECISIONS, "none"):
        said, _ = vidrec(*command, "--export", format)
        assert said.splitlines()[-1].startswith("About ")
    _, err = vidrec(*command, "--export", "tflite", status=2)
    words = " ".join(err.replace("\u2502", " ").split())
    for format in (*export.PRECISIONS, "none"):
        assert f"'{format}'" in words
