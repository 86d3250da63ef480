import ast
import pathlib

import pytest

import keras_vidrec
from keras_vidrec.specs import documents

ROOT = pathlib.Path(keras_vidrec.__file__).parent


def bomb(levels=8, width=9):
    """A few hundred bytes that stand for `width ** levels` values."""
    text = f"&l0 [{', '.join('x' * width)}]"
    for level in range(1, levels + 1):
        again = f", *l{level - 1}" * (width - 1)
        text = f"&l{level} [{text}{again}]"
    return text


def test_plain_documents(tmp_path):
    (tmp_path / "a.yaml").write_text("a: &one {x: 1}\nb: {<<: *one, y: [é]}\n")
    assert documents.read_yaml(tmp_path / "a.yaml") == {
        "a": {"x": 1},
        "b": {"x": 1, "y": ["é"]},
    }
    (tmp_path / "a.json").write_bytes('{"a": [1, null, "é"]}'.encode())
    assert documents.read_json(tmp_path / "a.json") == {"a": [1, None, "é"]}
    nested = "[" * 100 + "]" * 100
    assert documents.parse_json(nested) == documents.parse_yaml(nested)
    assert documents.as_json({1: (2, 3)}) == {"1": [2, 3]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (bomb(), "more than 20000 values"),
        ("a: {frozen: &a [*a]}", "refers to itself"),
        ("[" * 5000, "more than 100 levels"),
        ("- " * 5000, "more than 100 levels"),
        ("- a: 1\n" * 15_000, "more than 20000 values"),
        ("a: " + "x" * 2**18, "more than 262144 bytes"),
        ("a: 1" + ":1" * 100_000, "a number of 200001 characters"),
        ("a: {b: 1, b: 2}", "the key 'b' occurs twice"),
        ("a: 2001-13-45", "month must be in 1..12"),
        ("a: !!int ''", "not of the type that it is said to be"),
        ("a: !!timestamp x", "not of the type that it is said to be"),
        ("a: !!python/name:os.system", "could not determine a constructor"),
        ("a: *b", "undefined alias 'b'"),
        ("? [1]\n: 2", "unhashable key"),
        ("a: [", "while parsing"),
    ],
    ids=lambda text: text[:20],
)
def test_yaml_without_an_end_or_a_meaning(tmp_path, text, reason):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match="Expected YAML in UTF-8") as error:
        documents.read_yaml(path)
    assert str(path) in str(error.value) and reason in str(error.value)
    assert len(str(error.value)) < 1500


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[" * 100_000, "more than 100 levels"),
        (b"[" * 101 + b"]" * 101, "more than 100 levels"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "more than 100 levels"),
        (b"9" * 5000, "4300 digits"),
        (b'{"a": "\xff"}', "can't decode"),
        (b"", "Expecting value"),
    ],
    ids=lambda content: repr(content[:20]),
)
def test_json_without_an_end_or_a_meaning(tmp_path, content, reason):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="Expected JSON in UTF-8") as error:
        documents.read_json(path)
    assert str(path) in str(error.value) and reason in str(error.value)


def test_a_file_that_does_not_end(monkeypatch):
    monkeypatch.setattr(documents, "_MOST_BYTES", 1000)
    for read in (documents.read_json, documents.read_yaml):
        with pytest.raises(ValueError, match="/dev/zero: more than"):
            read(pathlib.Path("/dev/zero"))


def test_documents_are_read_in_one_place():
    """Reading elsewhere has no bounds."""
    elsewhere = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in ROOT.rglob("*.py")
        if path != pathlib.Path(documents.__file__)
        # It is copied to where this package is not.
        and path.parent.name != "standalone"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("json", "json_format", "yaml")
        and "load" in node.attr
    ]
    assert not elsewhere
