"""What the docs say of the repository is so."""

import pathlib
import re
import runpy

import pytest

ROOT = pathlib.Path(__file__).parents[1]
# What a contributor names himself.
PLACEHOLDER = re.compile(r"\b(NAME|FAMILY|PAPER)(?=[_./])")
ROW = re.compile(r"^\| `([^`]+)` \| (.*) \|$", re.MULTILINE)
SHELL = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
# What a command of the docs begins with; one that is not broken off.
PROGRAM = re.compile(
    r"(([A-Z_]+=\S+ )*(vidrec|pip|python3?|make|docker|git|export|find|curl"
    r"|uvicorn|twine|source|cd) (?!.* \\ )|    |#|$)"
)
PATH = re.compile(r"`((?:\w[\w.-]*/)+\w+\.\w+)`")


@pytest.mark.parametrize(
    "page",
    sorted(ROOT.glob("docs/contributing/*.md")),
    ids=lambda page: page.stem,
)
def test_files_to_touch_are_there(page):
    """And hold what the page says stands in them."""
    text = page.read_text()
    rows = ROW.findall(text)
    assert len(rows) > 5 and "CHANGELOG.md" in dict(rows)
    for path in {*dict(rows), *PATH.findall(text)}:
        assert list(ROOT.glob(PLACEHOLDER.sub("*", path))), path
    for path, what in rows:
        for name in re.findall(r"`([A-Za-z_]\w+)`", what):
            if not PLACEHOLDER.search(path):
                assert name in (ROOT / path).read_text(), (path, name)


def test_each_page_of_contributing_is_found():
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    for page in ROOT.glob("docs/contributing/*.md"):
        assert f"(docs/contributing/{page.name})" in guide


def test_commands_have_lines_of_their_own():
    """Filling paragraphs again would join them."""
    lines = []
    for page in (ROOT / "README.md", *ROOT.glob("docs/**/*.md")):
        for block in SHELL.findall(page.read_text()):
            lines += re.sub(r"\\\n *", "", block).splitlines()
    assert len(lines) > 80
    unlike = [line for line in lines if not PROGRAM.match(line)]
    assert not unlike


def test_figures_of_the_papers_are_as_drawn():
    drawn = runpy.run_path(str(ROOT / "docs/hooks/figures.py"))["FIGURES"]
    kept = {p.stem: p.read_text() for p in ROOT.glob("docs/papers/*.svg")}
    assert kept == {name: draw() for name, draw in drawn.items()}
    for page in ROOT.glob("docs/papers/*.md"):
        assert "{{" not in page.read_text()
