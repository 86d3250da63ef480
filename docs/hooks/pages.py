"""Makes pages of the site from the package: the reference of all public objects
and commands, tables of recipes, tutorials with their outputs, and the files
beside `docs/`.

MkDocs calls the functions whose names begin with `on_`.
"""

import importlib
import inspect
import pathlib
import re
import sys

import nbformat
import typer.main
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

import keras_vidrec
from keras_vidrec.cli.main import app
from keras_vidrec.training import recipes

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(pathlib.Path(__file__).parent))
notebooks = importlib.import_module("notebooks")

# Pages of files beside `docs/`.
BESIDE = {
    "index.md": "README.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
}
# What a page asks for, `<!-- recipes tsn two_streams -->`, and the paragraph
# that stands there where nobody fills it in.
ASKED = re.compile(r"^<!-- recipes ([\w ]+) -->\n(?:.+\n?)+", re.MULTILINE)


def rooms():
    """Returns the subpackages and functions that `dir(keras_vidrec)` lists."""
    values = {name: getattr(keras_vidrec, name) for name in dir(keras_vidrec)}
    shown = {n: v for n, v in values.items() if inspect.ismodule(v)}
    return shown, sorted(set(values) - set(shown))


def room_page(name, room):
    """Returns Markdown for all names that `dir(room)` lists."""
    lines = [f"# keras_vidrec.{name}", "", inspect.getdoc(room), ""]
    for member in dir(room):
        lines += [f"::: keras_vidrec.{name}.{member}", ""]
    return "\n".join(lines)


def reference():
    """Yields `(path, title, markdown)` of the pages of the reference."""
    shown, own = rooms()
    first = [
        "# Reference",
        "",
        "Every public object, by subpackage, and the [commands](commands.md).",
        "",
        "| subpackage | what it is for |",
        "|---|---|",
    ]
    for name, room in shown.items():
        summary = " ".join(inspect.getdoc(room).split("\n\n")[0].split())
        first.append(f"| [`keras_vidrec.{name}`]({name}.md) | {summary} |")
    first.append("")
    for name in own:
        first += [f"::: keras_vidrec.{name}", ""]
    yield "reference/index.md", None, "\n".join(first)
    yield "reference/commands.md", "Commands", commands()
    for name, room in shown.items():
        yield f"reference/{name}.md", name, room_page(name, room)


def commands():
    """Returns Markdown of the help of all commands."""
    lines = [
        "# Commands",
        "",
        "`vidrec COMMAND --help` prints the same. "
        "`vidrec --install-completion` lets bash, zsh, fish and PowerShell "
        "complete commands and options, in terminals that are opened from then "
        "on; `vidrec --show-completion` prints what it would install.",
        "",
    ]
    program = typer.main.get_command(app)

    def tell(command, path):
        lines.extend([f"## {path}", "", _text(command.help), ""])
        if hasattr(command, "commands"):
            for name, inner in command.commands.items():
                tell(inner, f"{path} {name}")
            return
        given = [p for p in command.params if _argument(p)]
        options = [p for p in command.params if not _argument(p)]
        usage = [p.metavar or p.name.upper() for p in given]
        usage += ["[OPTIONS]"] if options else []
        lines.extend(["```sh", " ".join([path, *usage]), "```"])
        example = (command.epilog or "").removeprefix("Example: ")
        lines.extend(["", f"For example `{example}`."])
        if given or options:
            lines.extend(["", "| argument, option | meaning |", "|---|---|"])
        for word, argument in zip(usage, given):
            word = word.replace("|", "\\|")
            lines.append(f"| `{word}` | {_text(argument.help)} |")
        for option in options:
            names = ", ".join(f"`{name}`" for name in option.opts)
            lines.append(f"| {names} | {_text(option.help)} |")
        lines.append("")

    for name, command in program.commands.items():
        tell(command, f"vidrec {name}")
    return "\n".join(lines)


def _argument(parameter):
    return parameter.param_type_name == "argument"


def _text(words):
    """Escapes a help text for a table or paragraph."""
    words = " ".join((words or "").split())
    for sign in "|[]":
        words = words.replace(sign, f"\\{sign}")
    return words.replace("<", "&lt;")


def recipe_table(folders):
    """Returns Markdown of the recipes of some folders."""
    lines = ["| recipe | what it is | quoted from the paper |", "|---|---|---|"]
    for folder in folders.split():
        for path in sorted((recipes.FOLDER / folder).glob("*_*.yaml")):
            recipe = recipes.RECIPES[path.stem]
            quoted = re.search(
                r"^# Quoted: (.*(?:\n#   .*)*)", path.read_text(), re.MULTILINE
            )
            said = quoted[1].replace("\n#  ", "") if quoted else ""
            lines.append(f"| `{recipe.name}` | {recipe.summary} | {said} |")
    return "\n".join(lines)


def beside(name):
    """Returns a file beside `docs/` with its links adapted to the site."""
    text = (ROOT / name).read_text()
    for page, file in BESIDE.items():
        text = re.sub(rf"\]\({re.escape(file)}", f"]({page}", text)
    text = re.sub(r"\]\(docs/tutorials/(\w+)\.py", r"](tutorials/\1.md", text)
    text = text.replace("](docs/", "](")
    return re.sub(r"\[([^\]]+)\]\(LICENSE\)", r"\1", text)


def on_config(config):
    """Inserts the pages of the reference into `nav`."""
    pages = [{title: path} if title else path for path, title, _ in reference()]
    for section in config.nav:
        if isinstance(section, dict) and section.get("Reference"):
            section["Reference"] = pages
    return config


def on_files(files, config):
    for page, file in BESIDE.items():
        files.append(File.generated(config, page, content=beside(file)))
    for path, _, text in reference():
        files.append(File.generated(config, path, content=text))
    for name, notebook in notebooks.all_executed().items():
        text, made = notebooks.page(notebook, name)
        made |= {f"{name}.md": text, f"{name}.ipynb": nbformat.writes(notebook)}
        for path, content in made.items():
            files.append(
                File.generated(config, f"tutorials/{path}", content=content)
            )
    return files


def on_post_build(config):
    """Ends the build if the reference lacks a public object."""
    site = pathlib.Path(config.site_dir)
    pages = site.glob("reference/**/*.html")
    text = "".join(page.read_text("utf-8") for page in pages)
    missing = public_names(keras_vidrec) - set(
        re.findall(r'id="([^"]+)"', text)
    )
    if missing:
        raise PluginError(
            "Expected an anchor of every public object in the reference. "
            f"Missing: {', '.join(sorted(missing))}"
        )


def public_names(package):
    """Full names of all in `__all__` of a package, and of those in it."""
    found = set()
    for name in package.__all__:
        value = getattr(package, name)
        is_package = hasattr(value, "__path__")
        found |= public_names(value) if is_package else set()
        if not is_package or package is not keras_vidrec:
            found.add(f"{package.__name__}.{name}")
    return found


def on_page_markdown(markdown, page, config, files):
    return ASKED.sub(lambda asked: recipe_table(asked[1]) + "\n", markdown)
