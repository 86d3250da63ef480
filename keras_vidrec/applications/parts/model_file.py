"""Networks in `.keras` files."""

import pathlib
import zipfile

import keras

# A file may hold any layer of the package: importing them registers them.
from keras_vidrec import layers as _registered  # noqa: F401
from keras_vidrec.applications.parts import feature_tower
from keras_vidrec.specs import Origin
from keras_vidrec.specs import files
from keras_vidrec.weights.towers import class_scores


def save(model, path):
    """Writes a `.keras` file, whole or not at all. The origin of a network of
    this package gets the fingerprint of its weights."""
    layer = class_scores(model)
    if layer is not None:
        layer.origin = (layer.origin or Origin()).replace(
            kind="network", fingerprint=feature_tower.fingerprint(model)
        )
    with files.replacing(path) as temporary:
        model.save(temporary)


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
