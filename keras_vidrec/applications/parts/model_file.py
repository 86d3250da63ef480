"""Networks in `.keras` files."""

import pathlib
import zipfile
import zlib

import keras

from keras_vidrec import layers as _registered  # noqa: F401

# A file may hold any layer of the package: importing them registers them.
from keras_vidrec.specs import files


def save(model, path):
    """Writes a `.keras` file, whole or not at all."""
    with files.replacing(path) as temporary:
        model.save(temporary)


def is_whole(path):
    """Whether a `.keras` file is there and all of it as it was written."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error):
        return False


def load(path):
    """Reads a network from a `.keras` file, without its optimizer.

    Args:
        path: path of the file.

    Returns:
        keras.Model.

    Raises:
        ValueError: naming the file, if it is no readable `.keras` file.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        missing = "" if path.exists() else ", which does not exist"
        raise ValueError(
            "Expected the directory of a run, or a .keras file. Received: "
            f"{path}{missing}"
        )
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"Expected a .keras file. Received: {path}, which is none (or "
            "was cut off)"
        )
    try:
        return keras.models.load_model(path, compile=False)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as e:
        reason = " ".join(str(e).split())[:500]
        raise ValueError(
            f"Expected a .keras file of Keras 3. Received: {path}: {reason}"
        ) from e
