"""Published files in the cache, and their recorded hashes."""

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
    """Finds a published file in a cache, and verifies it.

    It needs no network and no permission to write. It searches all of
    `specs.cache.directories`, and, for a file with a published hash, the
    downloads of Keras (`models` in `KERAS_HOME` or `~/.keras`) and PyTorch
    (`hub/checkpoints` in `TORCH_HOME`, `torch` of `XDG_CACHE_HOME` or
    `~/.cache/torch`).

    Args:
        entry: `PublishedFile`.

    Returns:
        Path of a file with the right size and hashes; without a published hash,
        with the sha256 of its first download. `None` if there is none.

    Example:

    >>> keras_vidrec.weights.downloads.find(entry)
    PosixPath('~/.cache/keras-vidrec/weights/cd10898e/tsn_r50.pth')
    """
    for path in (*places(entry), *_of_others(entry)):
        if path.is_file() and state(entry, path) is None:
            return path
    return None


def places(entry: PublishedFile) -> tuple[pathlib.Path, ...]:
    """Returns the paths that a published file may have in the caches; the first
    one is the path of a download."""
    return tuple(
        pathlib.Path(directory, _DIRECTORY, entry.key, entry.name)
        for directory in cache.directories()
    )


def state(entry: PublishedFile, path: pathlib.Path) -> str | None:
    """Returns why a file of the cache may not be used; `None` if it may."""
    if not is_known(entry):
        return "no hash of it was published, and none is recorded beside it"
    try:
        return entry.problem(path, recorded_sha256(entry))
    except OSError as error:
        return f"it cannot be read: {error}"


def is_known(entry: PublishedFile, against_forgery: bool = False) -> bool:
    """Whether a hash of the file is known, published or recorded; with
    `against_forgery`, a whole sha256, so that any server may send the file."""
    known = (
        entry.is_proof_against_forgery if against_forgery else entry.is_hashed
    )
    return known or recorded_sha256(entry) is not None


def recorded_sha256(entry: PublishedFile) -> str | None:
    """Returns the recorded sha256 of the first download, or `None`."""
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
    """Writes the sha256 of `content`, which will be moved to `path`, next to
    `path`, in the format of `sha256sum`."""
    files.write_text(record_of(path), f"{digest(content)}  {path.name}\n")


def record_of(path: pathlib.Path) -> pathlib.Path:
    """Returns the path of the recorded sha256 of a file."""
    return path.with_name(f"{path.name}.sha256")


def _of_others(entry):
    """Yields the paths that Keras and PyTorch would download a file to."""
    if not entry.is_hashed:
        return
    cached = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    torch = os.environ.get("TORCH_HOME") or f"{cached}/torch"
    for directory in (
        f"{os.environ.get('KERAS_HOME') or '~/.keras'}/models",
        f"{torch}/hub/checkpoints",
    ):
        with contextlib.suppress(RuntimeError):  # no home directory
            yield pathlib.Path(directory).expanduser() / entry.name
