"""The directory of an export: the network, and what tells about it."""

import contextlib
import json
import pathlib

from keras_vidrec.specs import files

NAMES_FILE = "labels.txt"
SPEC_FILE = "clip_spec.json"
CARD_FILE = "README.md"


@contextlib.contextmanager
def replacing(path, network_file):
    """Yields a temporary directory that takes its place at the end.

    Args:
        path: path of the directory to be.
        network_file: str. Name of the file by which an earlier export, which
            is replaced, is known.

    Raises:
        ValueError: if `path` holds something else.
    """
    path = pathlib.Path(path)
    is_export = (path / network_file).is_file()
    empty = path.is_dir() and not any(path.iterdir())
    if path.exists() and not (is_export or empty):
        raise ValueError(
            "Expected a new directory, or an earlier export to replace. "
            f"Received: {path}, which holds something else"
        )
    with files.replacing(path) as temporary:
        temporary.mkdir()
        yield temporary


def describe(directory, description, card):
    """Writes what stands beside the network: the classes, one a line, what it
    wants to see of a video, and the model card.

    Args:
        directory: path.
        description: `Description` of the network.
        card: str. Markdown.
    """
    names, spec = description.class_names, description.clip_spec
    if names is not None:
        lines = "".join(f"{name}\n" for name in names)
        (directory / NAMES_FILE).write_text(lines, "utf-8")
    if spec is not None:
        text = json.dumps(spec.to_dict(), indent=2)
        (directory / SPEC_FILE).write_text(text + "\n", "utf-8")
    (directory / CARD_FILE).write_text(card, "utf-8")
