"""Docs, docstrings, comments and messages are in plain English."""

import pathlib
import re

import keras_vidrec

PACKAGE = pathlib.Path(keras_vidrec.__file__).parent
ROOT = PACKAGE.parent

# Phrases that a reader has to read twice.
RIDDLES = re.compile(
    r"\b(nobody|whoever|what\s+is\s+none|none\s+of\s+which\s+is|anew|learnt"
    r"|is\s+told\s+when|are\s+told|is\s+told|passed\s+over|worked\s+out"
    r"|said\s+to\s+be\s+there|gone\s+on\s+with|in\s+a\s+hurry)\b",
    re.IGNORECASE,
)
FILES = sorted(
    path
    for pattern in ("*.py", "*.yaml", "*.html")
    for path in PACKAGE.rglob(pattern)
) + sorted(ROOT.glob("docs/**/*.md"))


def riddles(text):
    # Comments and list items may break a phrase at the end of a line.
    return RIDDLES.findall(re.sub(r"\n\s*#?\s*", " ", text))


def test_sentences_can_be_read_once():
    assert riddles("What is\n    # none is told") and not riddles("It is said.")
    found = {
        str(path.relative_to(ROOT)): riddles(path.read_text("utf-8"))
        for path in FILES
    }
    assert len(found) > 400
    assert not {path: texts for path, texts in found.items() if texts}
