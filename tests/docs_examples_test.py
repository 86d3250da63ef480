"""Examples of the docs: commands that the program takes, and Python whose names
and arguments exist."""

import ast
import importlib
import inspect
import pathlib
import re
import shlex
import typing

import pytest
import typer.main

import keras_vidrec
from keras_vidrec.cli.main import app
from keras_vidrec.specs import documents
from keras_vidrec.training import recipes
from keras_vidrec.weights import presets

ROOT = pathlib.Path(keras_vidrec.__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("docs/tutorials/*.py")),
]
COMMANDS = typer.main.get_command(app).commands
# What a reader fills in, where only some values are possible.
FILLED_IN = {
    "LAYOUT": "folder",
    "NAME": "scratch",
    "NAME|FILE.yaml": "scratch",
    "PAPER": "tsn",
    "RECIPE": "scratch",
    "section.key=value": "optimizer.batch_size=4",
}
# Recipes of a reader, and runs.
OWN = re.compile(r".*\.yaml|RUN|run|-.*|\.\.\.")


def text_of(page):
    """Its Markdown; that of a tutorial stands in comments."""
    text = page.read_text("utf-8")
    if page.suffix == ".py":
        text = re.sub(r"^# ?", "", text, flags=re.MULTILINE)
    return text


def blocks(page, language):
    """The fenced code of a language."""
    pattern = rf"^ *```{language}\n(.*?)^ *```"
    return re.findall(pattern, text_of(page), re.DOTALL | re.MULTILINE)


def commands(page):
    """Lines of `vidrec` in blocks of code, fenced or indented."""
    text = text_of(page)
    indented = re.findall(r"^    .*\n", text, re.MULTILINE)
    code = "\n".join([*blocks(page, "sh"), "".join(indented)])
    for line in code.replace("\\\n", " ").splitlines():
        for part in re.split(r" \| | > ", line):
            part = re.sub(r"^\s*([A-Z_]+=\S+ )*", "", part)
            if part.startswith("vidrec "):
                yield part


def mentioned(page):
    """Commands in the lines of a text, such as `vidrec train --tiny`."""
    text = re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL)
    for code in re.findall(r"`(vidrec [^`]+)`", text):
        yield " ".join(code.split())


def words(line):
    """The arguments of a command line, alternatives (`a|b`) by the first, and
    what may be left out given."""
    line = re.sub(r"(?<=\s)[\[\]]|[\[\]](?=\s|$)", " ", line)
    given = shlex.split(line, comments=True)[1:]
    given = [FILLED_IN.get(word, word) for word in given if word != "..."]
    return [re.sub(r"^(\w+)\|.*", r"\1", word) for word in given]


def found_command(given):
    """The command, its name, and its arguments."""
    name, *given = given
    command = COMMANDS[name]
    if given and hasattr(command, "commands"):
        name, *given = given
        command = command.commands[name]
    return command, name, given


def check_names(name, given):
    """Recipes, settings and published networks exist."""
    first = given[0] if given else "-"
    if name in ("train", "recipes") and not OWN.fullmatch(first):
        settings = [
            value for key, value in zip(given, given[1:]) if key == "--set"
        ]
        recipes.get(first).with_settings(settings)
    for word in given:
        found = re.fullmatch(r"(?:.*=)?preset:(\w+)", word)
        if found or re.fullmatch(r"\w+_(kinetics\d+|ucf101)_\d+seg", word):
            assert presets.is_known(found[1] if found else word), word


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kinetics400.txt").touch()  # an option that takes a file
    for line in commands(page):
        if line.startswith("vidrec --"):  # of the program itself
            continue
        command, name, given = found_command(words(line))
        try:
            context = command.make_context(name, list(given))
        except Exception as error:
            pytest.fail(f"{line}: {error}")
        if not command.ignore_unknown_options:
            assert not context.args or "--" in given, line
        check_names(name, given)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_in_the_text(page):
    """They may leave something out; what they have exists."""
    for line in mentioned(page):
        given = words(line)
        if given[0] == "COMMAND" or given[0].startswith("-"):
            continue
        command, name, given = found_command(given)
        known = {"--help", "--"}.union(*(o.opts for o in command.params))
        unknown = {word for word in given if word.startswith("--")} - known
        assert not unknown, line
        check_names(name, given)


def test_there_are_examples():
    """The patterns above find them."""
    assert sum(len([*commands(page)]) for page in PAGES) > 90
    assert sum(len([*mentioned(page)]) for page in PAGES) > 100
    assert sum(len(blocks(page, "python")) for page in PAGES) > 25


class Names(ast.NodeVisitor):
    """Checks the names of this package, and the arguments that they take."""

    def __init__(self):
        self.known = {"keras_vidrec": keras_vidrec}

    def visit_Import(self, node):
        for alias in node.names:
            if alias.name.startswith("keras_vidrec"):
                importlib.import_module(alias.name)

    def visit_ImportFrom(self, node):
        if node.module.startswith("keras_vidrec"):
            module = importlib.import_module(node.module)
            for alias in node.names:
                self.known[alias.asname or alias.name] = getattr(
                    module, alias.name
                )

    def visit_Assign(self, node):
        self.generic_visit(node)
        found = self.result(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.known[target.id] = found

    def visit_Attribute(self, node):
        self.generic_visit(node)
        self.value(node)

    def visit_Call(self, node):
        self.generic_visit(node)
        function = self.value(node.func)
        if function is None or any(key.arg is None for key in node.keywords):
            return
        named = {key.arg: None for key in node.keywords}
        signature = inspect.signature(function)
        is_method = "self" in signature.parameters
        places = [None] * (len(node.args) + is_method)
        try:
            signature.bind(*places, **named)
        except TypeError as error:
            raise TypeError(f"{ast.unparse(node)}: {error}") from error

    def value(self, node):
        """What an expression is of this package; else `None`."""
        if isinstance(node, ast.Name):
            return self.known.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self.value(node.value)
            if owner is None:
                return None
            if node.attr in getattr(owner, "__annotations__", ()):
                return None  # a field
            found = getattr(owner, node.attr)
            return found if callable(found) or inspect.ismodule(found) else None
        return None

    def result(self, node):
        """The class of what a call gives, if it is one of this package."""
        if not isinstance(node, ast.Call):
            return None
        function = self.value(node.func)
        if function is not None and not inspect.isclass(function):
            try:
                function = typing.get_type_hints(function).get("return")
            except NameError:  # of a module that is imported for checkers
                return None
        is_ours = getattr(function, "__module__", "").startswith("keras_vidrec")
        return function if inspect.isclass(function) and is_ours else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_python(page):
    for code in blocks(page, "python"):
        code = "\n".join(
            line.removeprefix(">>> ")
            for line in code.splitlines()
            if not (">>> " in code and not line.startswith(">>> "))
        )
        Names().visit(ast.parse(code, page.name))


def test_a_wrong_example_is_found():
    for code in (
        "keras_vidrec.applications.TSM(classes=3)",
        "keras_vidrec.applications.TSN(clases=3)",
        "r = keras_vidrec.Recognizer.from_run('run')\nr.predikt('a.mp4')",
        "r = keras_vidrec.Recognizer.from_run('run')\nr.predict('a', best=3)",
        "from keras_vidrec.training import trane",
    ):
        with pytest.raises((AttributeError, TypeError)):
            Names().visit(ast.parse(code))


def test_sections_of_recipes():
    """Blocks of YAML are sections that a recipe takes."""
    found = [code for page in PAGES for code in blocks(page, "yaml")]
    assert len(found) >= 3
    for code in found:
        whole = recipes.get("scratch").to_dict()
        recipes.Recipe.from_dict(whole | documents.parse_yaml(code))
