"""The README's Python does what it says."""

import pathlib
import re

import keras
import pytest

import keras_vidrec

README = pathlib.Path(keras_vidrec.__file__).parents[1] / "README.md"

# Nothing but sizes is changed.
SMALLER = {
    '"resnet50"': '"tiny", input_shape=(3, 64, 64, 3)',
    "batch_size=8": "batch_size=4",
    "steps_per_epoch=100": "steps_per_epoch=2",
    "epochs=10": "epochs=1",
}


@pytest.mark.large
@pytest.mark.tensorflow_only
def test_ten_lines_of_python(small_videos, tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    for old, new in SMALLER.items():
        assert old in code
        code = code.replace(old, new)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_videos").symlink_to(small_videos)
    exec(compile(code, "README.md", "exec"), {})
    model = keras.models.load_model("model.keras")
    assert "MoveLeft" in keras_vidrec.describe(model).class_names
    assert (tmp_path / "exported" / "saved_model.pb").is_file()


def test_links_of_the_docs_lead_somewhere():
    root = README.parent
    for page in [*root.glob("*.md"), *root.glob("docs/*.md")]:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if not link.startswith("http"):
                assert (page.parent / link).exists(), f"{page.name}: {link}"
