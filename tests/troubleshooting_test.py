"""Messages that the page on troubleshooting quotes are in the package."""

import ast
import pathlib
import re

import keras_vidrec

PACKAGE = pathlib.Path(keras_vidrec.__file__).parent
PAGE = PACKAGE.parent / "docs" / "troubleshooting.md"


def quotes():
    """The messages, in lines that begin with `>`."""
    text = PAGE.read_text("utf-8")
    for block in re.findall(r"(?:^>.*\n)+", text, re.MULTILINE):
        lines = re.sub(r"^> ?", "", block, flags=re.MULTILINE)
        yield from (" ".join(one.split()) for one in lines.split("\n\n"))


def parts(message):
    """What stands between names and numbers."""
    return [part.strip() for part in message.split("...") if part.strip()]


def written():
    """All strings of the code, those of f-strings in parts."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield " ".join(node.value.split())


def test_quoted_messages_are_in_the_code():
    code = "\n".join(written())
    messages = [*quotes()]
    assert len(messages) >= 15
    wrong = [
        message
        for message in messages
        if not all(part in code for part in parts(message))
    ]
    assert not wrong
    assert "Expected a message that is nowhere" not in code
