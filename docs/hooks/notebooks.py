"""The tutorials: scripts of cells in `docs/tutorials` (jupytext's percent
format), executed into `build/tutorials`, and shown as pages of the site with
what they printed and drew.

    python docs/hooks/notebooks.py        # executes those that are out of date
"""

import base64
import hashlib
import os
import pathlib
import tempfile
import time

import jupytext
import nbformat
from nbclient import NotebookClient

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ROOT / "docs" / "tutorials"
EXECUTED = ROOT / "build" / "tutorials"

_SECONDS_OF_A_CELL = 300
# Where a notebook says what it was made from.
_MADE_FROM = "made_from"


def tutorials():
    """Paths of the sources, in the order of their names."""
    return sorted(SOURCES.glob("*.py"))


def executed(source, same_package=False):
    """A tutorial with its outputs: that of `build/tutorials` if it was made
    of this source, else executed now, and kept there.

    Args:
        source: path of one of `tutorials()`.
        same_package: bool. Whether it must have been made with the package as
            it is now, too. Defaults to `False`.

    Returns:
        `nbformat.NotebookNode`.

    Raises:
        nbclient.exceptions.CellExecutionError: if a cell fails.
    """
    kept = EXECUTED / f"{source.stem}.ipynb"
    made_from = {"source": _digest([source]), "package": _package()}
    if kept.exists():
        notebook = nbformat.read(kept, as_version=4)
        found = notebook.metadata.get(_MADE_FROM, {})
        asked = made_from if same_package else {"source": made_from["source"]}
        if all(found.get(key) == value for key, value in asked.items()):
            return notebook
    notebook = execute(source)
    notebook.metadata[_MADE_FROM] = made_from
    EXECUTED.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(".partial")
    nbformat.write(notebook, partial)
    os.replace(partial, kept)
    return notebook


def execute(source):
    """Runs the cells of a source in an empty directory."""
    notebook = jupytext.read(source)
    with tempfile.TemporaryDirectory() as directory:
        client = NotebookClient(
            notebook,
            timeout=_SECONDS_OF_A_CELL,
            kernel_name="python3",
            resources={"metadata": {"path": directory}},
        )
        # The package of this checkout, wherever another one is installed.
        path = os.pathsep.join(
            [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        )
        environment = {
            **os.environ,
            "PYTHONPATH": path,
            "TF_CPP_MIN_LOG_LEVEL": "2",
        }
        client.execute(env=environment)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            # Bars and the chatter of libraries.
            cell.outputs = [o for o in cell.outputs if not _is_stderr(o)]
            cell.metadata.pop("execution", None)
    return notebook


def page(notebook, name):
    """A notebook as a page.

    Args:
        notebook: `nbformat.NotebookNode`, executed.
        name: str. What the files of the page begin with.

    Returns:
        Its Markdown, and dict of the pictures: bytes by file name.
    """
    title, *cells = notebook.cells
    lines = [
        title.source,
        "",
        f"[This page as a notebook]({name}.ipynb). What stands below the cells "
        "is what they gave when the site was made.",
        "",
    ]
    pictures = {}
    for cell in cells:
        if cell.cell_type == "markdown":
            lines += [cell.source, ""]
            continue
        lines += ["```python", cell.source, "```", ""]
        for output in cell.outputs:
            lines += [_output(output, name, pictures), ""]
    return "\n".join(lines), pictures


def _output(output, name, pictures):
    if output.output_type == "stream":
        return f"```text\n{output.text.rstrip()}\n```"
    data = output.data
    if "image/png" in data:
        file = f"{name}_{len(pictures) + 1}.png"
        pictures[file] = base64.b64decode(data["image/png"])
        return f"![What the cell above draws]({file})"
    if "text/html" in data:
        return f"<div>{data['text/html']}</div>"
    return f"```text\n{data['text/plain'].rstrip()}\n```"


def _is_stderr(output):
    return output.output_type == "stream" and output.name == "stderr"


def _package():
    return _digest(
        path
        for path in sorted((ROOT / "keras_vidrec").rglob("*"))
        if path.suffix in (".py", ".yaml")
    )


def _digest(paths):
    digest = hashlib.sha256()
    for path in paths:
        digest.update(str(path.relative_to(ROOT)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    for tutorial in tutorials():
        start = time.monotonic()
        executed(tutorial, same_package=True)
        print(f"{time.monotonic() - start:5.0f} s  {tutorial.stem}")
