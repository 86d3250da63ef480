"""Checks the small files of a dataset by their checksums."""

import hashlib
import json

from keras_vidrec.data.prepared import storage
from keras_vidrec.specs import checks
from keras_vidrec.specs import documents

# The advice in errors about damaged files.
AGAIN = (
    "Copy it again, or delete it and run the same command again, `vidrec "
    "prepare` or `vidrec features`, which makes it again."
)

_AT_ONCE = 32


def fingerprint(content: bytes) -> str:
    """The checksum of the bytes of a file: 16 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()[:16]


def look(directory, names):
    """Returns a dict from names of files below a directory to their
    fingerprints."""
    return {
        name: fingerprint((directory / name).read_bytes()) for name in names
    }


def read(directory, names, files):
    """Reads files of a dataset and checks them; in an object store several are
    requested at the same time.

    Args:
        directory: path of the dataset.
        names: sequence of str. Files below it.
        files: dict from names of files to their fingerprints.

    Yields:
        The bytes of each file, in the order of `names`.

    Raises:
        ValueError: if a file is missing or damaged.
        OSError: if it cannot be read from an object store.
    """
    directory = storage.as_path(directory)
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        try:
            contents = storage.read_files([directory / name for name in some])
        except FileNotFoundError as error:
            raise ValueError(
                "A file of the dataset is missing. Expected all of its files: "
                "copy it again, or run the same command again, `vidrec "
                "prepare` or `vidrec features`. Received: no "
                f"{str(error.filename)!r}"
            ) from None
        for name, content in zip(some, contents):
            if fingerprint(content) != files[name]:
                raise _damaged(directory / name)
            yield content


def seal(values: dict) -> bytes:
    """Returns a dict as JSON that contains its own checksum, as bytes."""
    rest = json.dumps(values, indent=1)[1:].encode() + b"\n"
    return b'{"checksum": "%b",' % fingerprint(rest).encode() + rest


def unseal(content: bytes, path, version: int) -> dict:
    """Returns the dict that was given to `seal`, and checks it.

    Args:
        content: bytes that `seal` returned.
        path: path of the file with this content, for errors.
        version: int. The expected value of `format` in the dict.

    Raises:
        ValueError: if the format is another one, or the content is damaged.
    """
    _, _, rest = content.partition(b",")
    try:
        values = documents.parse_json(content)
        checksum = values.pop("checksum", None)
        found = values.get("format")
    except (AttributeError, ValueError):
        raise _damaged(path) from None
    if found != version:
        raise ValueError(
            f"Expected a prepared dataset of format {version}; prepare it "
            f"again. Received: {str(path)!r} of format "
            f"{checks.shorten(repr(found))}"
        )
    if checksum != fingerprint(rest):
        raise _damaged(path)
    return values


def _damaged(path) -> ValueError:
    return ValueError(
        f"A file of the dataset is damaged, or was edited. {AGAIN} Received: "
        f"{str(path)!r}"
    )
