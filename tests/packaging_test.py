"""What is published: all that the package needs, and one version."""

import configparser
import pathlib
import re
import runpy

import keras_vidrec
from keras_vidrec.specs import documents

ROOT = pathlib.Path(keras_vidrec.__file__).parents[1]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")


def test_every_file_of_the_package_is_in_the_wheel():
    """Files that are no modules are left out unless a pattern names them."""
    patterns = {
        package: [p for p in re.split(r"[,\s]+", said) if p]
        for package, said in SETUP["options.package_data"].items()
    }
    named = {
        path
        for package, globs in patterns.items()
        for glob in globs
        for path in ROOT.joinpath(*package.split(".")).glob(glob)
    }
    there = {
        path
        for path in (ROOT / "keras_vidrec").rglob("*")
        if path.is_file()
        and path.suffix not in (".py", ".pyc")
        and "__pycache__" not in path.parts
    }
    assert there and there <= named, sorted(there - named)
    # A folder without `__init__` is no package for `find:`.
    assert all((path.parent / "__init__.py").exists() for path in MODULES)


MODULES = [*(ROOT / "keras_vidrec").rglob("*.py")]


def test_one_version():
    cited = re.search(
        r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE
    )
    assert cited[1] == keras_vidrec.__version__


def test_extras_that_errors_name_are_there():
    extras = set(SETUP["options.extras_require"])
    for path in [*MODULES, *ROOT.glob("docs/*.md"), ROOT / "README.md"]:
        for named in re.findall(
            r"(?:keras-vidrec|pip install \"?\.)\[([\w,-]+)\]",
            path.read_text("utf-8"),
        ):
            assert set(named.split(",")) <= extras, f"{path}: {named}"


def test_what_an_index_shows_has_no_links_into_the_repository():
    readme = (ROOT / "README.md").read_text()
    setup = runpy.run_path(str(ROOT / "setup.py"))
    shown = setup["description"](readme)
    outside = re.compile(r"\]\((?!https?:)")
    assert outside.search(readme) and not outside.search(shown)
    assert "![" not in shown and "docs/start.md" in shown
    links = re.findall(r"\]\(https?:[^)]+\)", readme)
    assert links and links == re.findall(r"\]\(https?:[^)]+\)", shown)


def test_a_release_is_tried_first_and_needs_no_password():
    text = (ROOT / ".github/workflows/release.yml").read_text()
    jobs = documents.parse_yaml(text)["jobs"]
    assert jobs["publish"]["needs"] == "try"
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert "secrets." not in text and "password:" not in text
    tried = jobs["try"]["strategy"]["matrix"]
    stated = re.findall(r"Python :: (3\.\d+)", SETUP["metadata"]["classifiers"])
    assert tried["python"] == stated
    assert tried["backend"] == ["tensorflow", "jax", "torch"]
    assert ".github/workflows/release.yml" in (
        ROOT / "docs/release.md"
    ).read_text("utf-8")
