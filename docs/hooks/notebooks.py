"""Executes the tutorials, scripts in `docs/tutorials` (jupytext's percent
format), into `build/tutorials`, and makes pages of the site with their outputs.

    python docs/hooks/notebooks.py        # executes those that are out of date
"""

import base64
import concurrent.futures
import functools
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

_SECONDS_OF_A_CELL = 1800
# Two are executed at a time.
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
}
# Key of a notebook's metadata with the hashes of its sources.
_MADE_FROM = "made_from"


def tutorials():
    """Returns the paths of the sources, sorted by name."""
    return sorted(SOURCES.glob("*.py"))


def executed(source, same_package=False):
    """Returns a tutorial with its outputs: from `build/tutorials` if that has
    the same code cells, else it is executed and saved there.

    Args:
        source: path of one of `tutorials()`.
        same_package: bool. Whether the outputs must also have been made with
            the current code of the package. Defaults to `False`.

    Returns:
        `nbformat.NotebookNode`.

    Raises:
        nbclient.exceptions.CellExecutionError: if a cell fails.
    """
    notebook = jupytext.read(source)
    file = EXECUTED / f"{source.stem}.ipynb"
    made_from = {"package": _package()}
    if file.exists():
        kept = nbformat.read(file, as_version=4)
        same = kept.metadata.get(_MADE_FROM) == made_from or not same_package
        if same and _code(kept) == _code(notebook):
            for cell, run in zip(_code_cells(notebook), _code_cells(kept)):
                cell.outputs = run.outputs
                cell.execution_count = run.execution_count
            return notebook
    execute(notebook)
    notebook.metadata[_MADE_FROM] = made_from
    EXECUTED.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    nbformat.write(notebook, partial)
    os.replace(partial, file)
    return notebook


def all_executed(same_package=False):
    """Executes all tutorials, two at a time: dict by name of the results of
    `executed`."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        run = functools.partial(executed, same_package=same_package)
        sources = tutorials()
        found = pool.map(run, sources)
        return dict(zip([source.stem for source in sources], found))


def execute(notebook):
    """Runs the cells of a notebook in an empty directory."""
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
        environment = {**os.environ, **_ONE_THREAD, "PYTHONPATH": path}
        client.execute(env=environment)
    for cell in _code_cells(notebook):
        # Bars and the chatter of libraries.
        cell.outputs = [o for o in cell.outputs if not _is_stderr(o)]
        cell.metadata.pop("execution", None)


def page(notebook, name):
    """Converts a notebook to a page.

    Args:
        notebook: `nbformat.NotebookNode`, executed.
        name: str. Start of the names of the files of the page.

    Returns:
        Tuple of its Markdown, and a dict of its pictures, bytes by file name.
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
        for output in _joined(cell.outputs):
            lines += [_output(output, name, pictures), ""]
    return "\n".join(lines), pictures


def _joined(outputs):
    """Merges consecutive printed outputs."""
    found = []
    for output in outputs:
        printed = output.output_type == "stream"
        if printed and found and found[-1].output_type == "stream":
            output = nbformat.from_dict(
                {**output, "text": found.pop().text + output.text}
            )
        found.append(output)
    return found


def _output(output, name, pictures):
    if output.output_type == "stream":
        return f"```text\n{output.text.rstrip()}\n```"
    data = output.data
    if "image/png" in data:
        file = f"{name}_{len(pictures) + 1}.png"
        pictures[file] = base64.b64decode(data["image/png"])
        return f"![What the cell above draws]({file})"
    if "text/markdown" in data:
        return data["text/markdown"]
    if "text/html" in data:
        return f"<div>{data['text/html']}</div>"
    return f"```text\n{data['text/plain'].rstrip()}\n```"


def _is_stderr(output):
    return output.output_type == "stream" and output.name == "stderr"


def _code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _code(notebook):
    return [cell.source for cell in _code_cells(notebook)]


def _package():
    """Returns a hash of the current code of the package."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "keras_vidrec").rglob("*")):
        if path.suffix in (".py", ".yaml"):
            digest.update(str(path.relative_to(ROOT)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    start = time.monotonic()
    all_executed(same_package=True)
    print(f"{time.monotonic() - start:.0f} s: {EXECUTED}")
