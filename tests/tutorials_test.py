"""The tutorials run, and show what their text says they show."""

import base64
import importlib
import pathlib
import re
import sys

import cv2
import numpy as np
import pytest

HOOKS = pathlib.Path(__file__).parents[1] / "docs" / "hooks"


@pytest.fixture(scope="module")
def notebooks():
    sys.path.insert(0, str(HOOKS))
    yield importlib.import_module("notebooks")
    sys.path.remove(str(HOOKS))


def outputs(notebook):
    return [o for c in notebook.cells for o in c.get("outputs", ())]


def text_of(notebook):
    return "".join(o.text for o in outputs(notebook) if "text" in o)


def pictures_of(notebook):
    """Those that show something."""
    found = []
    for output in outputs(notebook):
        png = output.get("data", {}).get("image/png")
        if png:
            data = np.frombuffer(base64.b64decode(png), np.uint8)
            found.append(cv2.imdecode(data, cv2.IMREAD_COLOR))
    assert all(picture.std() > 5 for picture in found)
    return found


def answers_of(notebook):
    """What predictions look like, with strips of frames."""
    tables = [o.get("data", {}).get("text/html", "") for o in outputs(notebook)]
    (table,) = filter(None, tables)
    assert "data:image/jpeg;base64," in table
    return table


def percent(text, before):
    return float(re.search(rf"{before} +([\d.]+) %", text)[1])


def of_own_videos(notebook):
    assert percent(text_of(notebook), "right:") > 60  # chance is 33.3
    assert len(pictures_of(notebook)) == 1
    assert answers_of(notebook).count("_g01_c01.avi") == 3


def of_layers(notebook):
    text = text_of(notebook)
    assert percent(text, "in_order") > 80
    assert 25 <= percent(text, "average") <= 75  # chance is 50
    tables = [o.get("data", {}).get("text/html", "") for o in outputs(notebook)]
    assert "Total params" in "".join(tables) and "ClipSpec(modalities=" in text


def of_two_streams(notebook):
    text = text_of(notebook)
    alone = [percent(text, stream) for stream in ("rgb", "flow")]
    assert percent(text, "both") > max(60, *alone)
    assert len(pictures_of(notebook)) == 1
    assert "MoveLeft" in answers_of(notebook)


def of_look_inside(notebook):
    assert len(pictures_of(notebook)) == 5
    assert int(re.search(r"(\d+) % sure", text_of(notebook))[1]) > 60


def of_deploy(notebook):
    text = text_of(notebook)
    assert float(re.search("they differ by (.*)", text)[1]) < 1e-4
    assert "predict.py" in text and "Stripes" in text


def of_reproduce(notebook):
    text = text_of(notebook)
    assert "12 figures; 12 of them can be made" in text
    assert "Table 1, From Scratch, Two-Stream, split 1: " in text
    table = outputs(notebook)[-1].data["text/markdown"]
    (row,) = re.findall(r"\| From Scratch \|(.*)\|", table)
    assert len(re.findall(r"\d+\.\d+", row)) == 6


CHECKS = {
    "deploy": of_deploy,
    "layers": of_layers,
    "look_inside": of_look_inside,
    "own_videos": of_own_videos,
    "reproduce": of_reproduce,
    "two_streams": of_two_streams,
}


@pytest.mark.large
@pytest.mark.tensorflow_only
@pytest.mark.parametrize("name", CHECKS)
def test_a_tutorial_shows_what_it_promises(name, notebooks):
    assert [path.stem for path in notebooks.tutorials()] == sorted(CHECKS)
    source = notebooks.SOURCES / f"{name}.py"
    notebook = notebooks.executed(source, same_package=True)
    CHECKS[name](notebook)
    page, pictures = notebooks.page(notebook, name)
    assert page.startswith("# ") and all(f"({p})" in page for p in pictures)
