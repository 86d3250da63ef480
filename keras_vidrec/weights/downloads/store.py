"""Published files in the cache, and what is recorded of them."""

import contextlib
import os
import pathlib
import re

from keras_vidrec.specs import cache
from keras_vidrec.specs import files
from keras_vidrec.weights.downloads.published_file import PublishedFile
from keras_vidrec.weights.downloads.published_file import digest

_DIRECTORY = "weights"


def find(entry: PublishedFile) -> pathlib.Path | None:
    """A published file that is in a cache, verified.

    Without network access and without writing, so read-only caches work. All of
    `specs.cache.directories` are looked through, and, for a file with a
    published hash, where Keras (`models` in `KERAS_HOME` or `~/.keras`) and
    PyTorch (`hub/checkpoints` in `TORCH_HOME`, `torch` of `XDG_CACHE_HOME` or
    `~/.cache/torch`) keep what they have downloaded.

    Args:
        entry: `PublishedFile`.

    Returns:
        Path of a file whose size and hashes are right; of one without a
        published hash, its sha256 is that of its first download. `None` if
        there is none.

    Example:

    >>> keras_vidrec.weights.downloads.find(entry)
    PosixPath('~/.cache/keras-vidrec/weights/cd10898e/tsn_r50.pth')
    """
    for path in (*places(entry), *_of_others(entry)):
        if path.is_file() and state(entry, path) is None:
            return path
    return None


def places(entry: PublishedFile) -> tuple[pathlib.Path, ...]:
    """Where a published file lies if it is in a cache; first where a download
    puts it.
    """
    return tuple(
        pathlib.Path(directory, _DIRECTORY, entry.key, entry.name)
        for directory in cache.directories()
    )


def state(entry: PublishedFile, path: pathlib.Path) -> str | None:
    """Why a file of the cache may not be used; `None` if it may."""
    if not is_known(entry):
        return "no hash of it was published, and none is recorded beside it"
    try:
        return entry.problem(path, recorded_sha256(entry))
    except OSError as error:
        return f"it cannot be read: {error}"


def is_known(entry: PublishedFile, against_forgery: bool = False) -> bool:
    """Whether there is a hash that the file must have; `against_forgery`: a
    whole sha256, with which it does not matter who delivers the file."""
    known = (
        entry.is_proof_against_forgery if against_forgery else entry.is_hashed
    )
    return known or recorded_sha256(entry) is not None


def recorded_sha256(entry: PublishedFile) -> str | None:
    """The sha256 of the first download, where it was recorded."""
    for path in places(entry):
        try:
            with open(record_of(path), encoding="utf-8") as file:
                text = file.read(1000)
        except (OSError, ValueError):
            continue
        found = re.match(r"([0-9a-f]{64})\s", text)
        if found:
            return found[1]
    return None


def record(path: pathlib.Path, content: pathlib.Path) -> None:
    """Records the sha256 of what is to be at a path, beside it, as the program
    `sha256sum` does.
    """
    files.write_text(record_of(path), f"{digest(content)}  {path.name}\n")


def record_of(path: pathlib.Path) -> pathlib.Path:
    """Where the sha256 of a file is recorded."""
    return path.with_name(f"{path.name}.sha256")


def _of_others(entry):
    """Where other programs keep such a file."""
    if not entry.is_hashed:
        return
    cached = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    torch = os.environ.get("TORCH_HOME") or f"{cached}/torch"
    for directory in (
        f"{os.environ.get('KERAS_HOME') or '~/.keras'}/models",
        f"{torch}/hub/checkpoints",
    ):
        with contextlib.suppress(RuntimeError):  # of no home
            yield pathlib.Path(directory).expanduser() / entry.name
