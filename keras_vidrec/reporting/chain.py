"""The chain of origin as text and as a file."""

import json
import pathlib

from keras_vidrec.specs import Origin
from keras_vidrec.specs import documents
from keras_vidrec.specs import files
from keras_vidrec.specs.checks import counted

# In the directory of a report or an export.
FILE = "origin.json"
_DECODED = "decoded by"
# Number of layers with random weights that a line names.
_NAMED = 6
# Packages whose versions a line shows.
_SHOWN = ("keras_vidrec", "keras", "tensorflow")


def lines(origin: Origin) -> list[str]:
    """Formats an origin as a tree: a line for the object itself and one for
    each of its ancestors, followed by their marks.

    ```
    scores 2f6e0d3a9c1b7e44, split 1, decoded by PyAV 16.0, keras 3.12.0
    |-- network 5a17c09b2d3e, split 1, trained on 9537 videos, keras 3.11.3
    |   `-- dataset: prepared 81d2f0aa93c4e576
    `-- dataset: prepared 81d2f0aa93c4e576
    ```

    If a network was initialized from weights that lack some of its layers, a
    line names these: `random weights: logits`.

    The decoder and the versions of this package, Keras and TensorFlow are only
    shown where they differ from the line above in the tree.

    Returns:
        list of str.
    """
    return [*_lines("", origin, {}, "", "")]


def write(origin: Origin, directory) -> None:
    """Writes an origin as JSON to `origin.json` in a directory, atomically."""
    text = json.dumps(origin.to_dict(), indent=1)
    files.write_text(pathlib.Path(directory) / FILE, text + "\n")


def read(path) -> Origin:
    """Reads a file written by `write`.

    Args:
        path: path of the file.

    Raises:
        ValueError: naming the file, if it cannot be read or does not contain
            an origin.
    """
    try:
        return Origin.from_dict(documents.read_json(pathlib.Path(path)))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"Expected an origin as JSON. Received: {path}: {error}"
        ) from error


def _lines(role, origin, above, first, rest):
    """Yields the lines of an origin and its ancestors: one with the prefix
    `first`, the others with `rest`. `role` is what it is for its child, `""`
    for the object itself; `above` has the decoder and versions of the child."""
    yield first + _line(role, origin, above)
    parents = list(origin.parents.items())
    stem = "|   " if parents else "    "
    if origin.random:
        yield f"{rest}{stem}random weights: {_named(origin.random)}"
    for mark in origin.marks:
        yield f"{rest}{stem}! {mark}"
    made_with = {**above, **_made_with(origin)}
    for number, (name, parent) in enumerate(parents, 1):
        last = number == len(parents)
        yield from _lines(
            name,
            parent,
            made_with,
            rest + ("`-- " if last else "|-- "),
            rest + ("    " if last else "|   "),
        )


def _line(role, origin, above):
    kind = origin.kind or "not known"
    named = kind if role in ("", kind) else f"{role}: {kind}"
    facts = [f"{named} {origin.fingerprint or ''}".strip()]
    if origin.split is not None:
        facts.append(f"split {origin.split}")
    if origin.trained_on is not None:
        facts.append(f"trained on {counted(len(origin.trained_on), 'video')}")
    facts += (
        f"{name} {version}"
        for name, version in _made_with(origin).items()
        if above.get(name) != version
    )
    return ", ".join(facts)


def _named(layers):
    named, more = ", ".join(layers[:_NAMED]), len(layers) - _NAMED
    return f"{named} and {more} more" if more > 0 else named


def _made_with(origin: Origin) -> dict[str, str]:
    """Returns the decoder and the versions that a line may show, by label."""
    decoder, versions = origin.decoder, origin.versions
    return {
        **({} if decoder is None else {_DECODED: decoder}),
        **{name: versions[name] for name in _SHOWN if name in versions},
    }
