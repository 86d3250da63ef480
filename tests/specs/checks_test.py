"""One set of checks; errors in the words of whoever called."""

import importlib.metadata
import json

import pytest

from keras_vidrec.specs import checks


@pytest.mark.parametrize(
    "check, arguments, expected",
    [
        (checks.count, (0,), "a positive integer"),
        (checks.count, (True,), "a positive integer"),
        (checks.count, (-1, 0), "a non-negative integer"),
        (checks.count, (1, 2), "an integer of at least 2"),
        (checks.choice, ("b", ("a", None)), "one of \\('a', None\\)"),
        (checks.choice, (1, (True, False)), "one of \\(True, False\\)"),
        (checks.number, ("x",), "a number"),
        (checks.number, (3, 0, 2), "a number of at least 0 and at most 2"),
        (checks.positive, (0,), "a positive number"),
        (checks.rate, (1.0,), "a rate in \\[0, 1\\)"),
        (checks.flag, (1,), "true or false"),
    ],
)
def test_a_bad_value_is_named(check, arguments, expected):
    with pytest.raises(
        ValueError,
        match=f"Invalid `size`. Expected {expected}. Received: "
        f"size={arguments[0]!r}",
    ):
        check("size", *arguments)


def test_good_values_pass():
    checks.count("n", 3)
    checks.count("n", 0, minimum=0)
    checks.choice("c", None, ("a", None))
    checks.number("x", 1.5, 0, 2)
    checks.positive("x", 0.1)
    checks.rate("dropout", 0)
    checks.flag("f", False)


def test_errors_speak_of_the_arguments_of_the_caller():
    with pytest.raises(checks.ArgumentError, match="`consensus`.*consensus=5"):
        with checks.names(mode="consensus"):
            checks.choice("mode", 5, ("avg",))
    with pytest.raises(checks.ArgumentError, match="`mode`.*mode=5"):
        with checks.names(rate="dropout"):
            checks.choice("mode", 5, ("avg",))


def test_errors_say_where_an_argument_stands():
    with pytest.raises(ValueError, match="network.arguments.mode=5"):
        with checks.inside("network.arguments."):
            checks.choice("mode", 5, ("avg",))


def test_unknown_fields_are_named():
    with pytest.raises(ValueError, match=r"a thing.*\['a'\].*\['b'\]"):
        checks.fields(["a"], {"a": 1, "b": 2}, "a thing")
    with pytest.raises(ValueError, match="Received: 3"):
        checks.fields(["a"], 3, "a thing")


def test_what_is_counted():
    said = [checks.counted(n, "class") for n in (0, 1, 2)]
    assert said == ["0 classes", "1 class", "2 classes"]
    assert checks.counted(1, "frame") == "1 frame"


CHECKOUT = "/home/me/keras-vidrec"
WHEEL = "file:///tmp/keras_vidrec-1-py3-none-any.whl"
REPOSITORY = {"vcs": "git", "commit_id": "c0ffee"}


@pytest.mark.parametrize(
    "source, command",
    [
        (None, "pip install 'keras-vidrec[onnx]'"),
        (
            {"url": f"file://{CHECKOUT}", "dir_info": {}},
            f"pip install 'keras-vidrec[onnx] @ file://{CHECKOUT}'",
        ),
        (
            {"url": WHEEL, "archive_info": {}},
            f"pip install 'keras-vidrec[onnx] @ {WHEEL}'",
        ),
        (
            {"url": "https://host/r.git", "vcs_info": REPOSITORY},
            "pip install 'keras-vidrec[onnx] @ git+https://host/r.git@c0ffee'",
        ),
    ],
)
def test_extras_come_from_where_the_package_came_from(
    source, command, monkeypatch, tmp_path
):
    metadata = tmp_path / "keras_vidrec-1.dist-info"
    metadata.mkdir()
    if source is not None:
        (metadata / "direct_url.json").write_text(json.dumps(source))
    found = importlib.metadata.Distribution.at(metadata)
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: found)
    monkeypatch.setattr(checks, "_ROOT", tmp_path)
    assert checks.how_to_install("onnx") == command
    (tmp_path / "setup.cfg").touch()  # a checkout
    command = f"pip install --editable '{tmp_path}[onnx]'"
    assert checks.how_to_install("onnx") == command
