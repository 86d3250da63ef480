"""The chain of origin as text and as a file."""

import json
import pathlib

from keras_vidrec.specs import Origin
from keras_vidrec.specs import files

# Beside a report, and in the directory of an export.
FILE = "origin.json"


def lines(origin: Origin) -> list[str]:
    """A tree: a line for what it is the origin of, for each of its parents,
    and so on, each with its marks.

    ```
    scores 2f6e0d3a9c1b7e44, split 1, keras 3.12.0
    |-- network 5a17c09b2d3e, split 1, trained on 9537 videos
    |   `-- dataset: prepared 81d2f0aa93c4e576, decoded by PyAV 16.0
    `-- dataset: prepared 81d2f0aa93c4e576, decoded by PyAV 16.0
    ```

    Of the versions a line has those that differ from what is above it. What
    stands there already is not told again.
    """
    return [*_lines("", origin, {}, "", "")]


def write(origin: Origin, directory) -> None:
    """Writes an origin as JSON into a directory, whole or not at all."""
    text = json.dumps(origin.to_dict(), indent=1)
    files.write_text(pathlib.Path(directory) / FILE, text + "\n")


def read(path) -> Origin:
    """Reads what `write` wrote.

    Raises:
        ValueError: naming the file, if it holds no origin.
    """
    try:
        text = pathlib.Path(path).read_text("utf-8")
        return Origin.from_dict(json.loads(text))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(
            f"Expected an origin as JSON. Received: {path}: {error}"
        ) from error


def _lines(role, origin, above, first, rest):
    yield first + _line(role, origin, above)
    parents = list(origin.parents.items())
    stem = "|   " if parents else "    "
    for mark in origin.marks:
        yield f"{rest}{stem}! {mark}"
    versions = {**above, **origin.versions}
    for number, (name, parent) in enumerate(parents, 1):
        last = number == len(parents)
        yield from _lines(
            name,
            parent,
            versions,
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
        facts.append(f"trained on {len(origin.trained_on)} videos")
    if origin.decoder is not None:
        facts.append(f"decoded by {origin.decoder}")
    facts += (
        f"{package} {version}"
        for package, version in origin.versions.items()
        if above.get(package) != version
    )
    return ", ".join(facts)
