"""The README's Python does what it says."""

import pathlib
import re
import shlex

import keras
import pytest
import typer.main

import keras_vidrec
from keras_vidrec.cli.main import app
from keras_vidrec.training import recipes
from keras_vidrec.training.recipes import tables

README = pathlib.Path(keras_vidrec.__file__).parents[1] / "README.md"

# Nothing but sizes is changed.
SMALLER = {
    '"resnet50"': '"tiny", input_shape=(3, 64, 64, 3)',
    "classes=6": "classes=12",
    "batch_size=8": "batch_size=4",
    "steps_per_epoch=train.steps": "steps_per_epoch=2",
    "epochs=10": "epochs=1",
}


@pytest.mark.large
@pytest.mark.tensorflow_only
def test_ten_lines_of_python(small_videos, tmp_path, monkeypatch, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    lines = [line for line in code.splitlines() if line and line[0] != "#"]
    assert len(lines) <= 10
    for old, new in SMALLER.items():
        assert old in code
        code = code.replace(old, new)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_videos").symlink_to(small_videos)
    (tmp_path / "new_clips").mkdir()
    (tmp_path / "new_clips" / "one.mp4").symlink_to(
        min(small_videos.rglob("*.avi"))
    )
    exec(compile(code, "README.md", "exec"), {})
    model = keras.models.load_model("model.keras")
    assert "MoveLeft" in keras_vidrec.describe(model).class_names
    assert (tmp_path / "exported" / "saved_model.pb").is_file()
    assert capsys.readouterr().out.count("one.mp4: ") == 1


def test_ten_lines_of_shell():
    """Each is a command that takes what it is given; ten, and a picture that
    an index and a slow line can carry."""
    text = README.read_text()
    lines = re.search(r"shell\n\n```sh\n(.*?)```", text, re.DOTALL)[1]
    commands = [shlex.split(line, comments=True) for line in lines.splitlines()]
    assert len(commands) == 10
    known = typer.main.get_command(app).commands
    for program, name, *arguments in commands:
        if program == "python":
            assert name.endswith("/predict.py")
            continue
        command = known[name]
        if hasattr(command, "commands"):
            name, *arguments = arguments
            command = command.commands[name]
        assert command.make_context(name, arguments).params
    (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert (README.parent / picture).stat().st_size < 200_000


# Made when the site is (docs/hooks/pages.py); strict MkDocs follows its links.
MADE = ("reference/", "tutorials/")


def test_links_of_the_docs_lead_somewhere():
    root = README.parent
    for page in [*root.glob("*.md"), *root.glob("docs/*.md")]:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if not link.startswith(("http", *MADE)):
                assert (page.parent / link).exists(), f"{page.name}: {link}"


@pytest.mark.parametrize(
    "page",
    sorted((README.parent / "docs" / "papers").glob("*.md")),
    ids=lambda page: page.stem,
)
def test_networks_of_the_papers_pages(page):
    """Their code builds what it says, and their commands name recipes and
    tables that are there."""
    text = page.read_text()
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        names = {}
        with keras.StatelessScope(initialize_variables=False):
            exec(compile(code, page.name, "exec"), names)
        blueprint = keras_vidrec.describe(names["model"]).blueprint
        assert f".{blueprint.application}(" in code
    for recipe in re.findall(r"vidrec train (\w+)", text):
        assert recipe in recipes.RECIPES
    for paper, number in re.findall(r"reproduce (\w+) --table (\d+)", text):
        assert int(number) in {row.table for row in tables.rows(paper)}
