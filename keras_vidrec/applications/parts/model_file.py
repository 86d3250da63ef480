"""Networks in `.keras` files."""

import pathlib
import re
import warnings
import zipfile
import zlib

import keras

# A file may hold any layer of the package: importing them registers them.
from keras_vidrec import layers as _registered  # noqa: F401
from keras_vidrec.applications.parts import feature_tower
from keras_vidrec.backbones.tower import check_channels_last
from keras_vidrec.specs import Origin
from keras_vidrec.specs import files
from keras_vidrec.version import __version__
from keras_vidrec.weights.published.readers import keras_file
from keras_vidrec.weights.towers import class_scores

_CONFIG = "config.json"
_PACKAGE = "keras_vidrec"
# Weights that an error names.
_SHOWN = 10


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
        ValueError: naming the file, if it is no readable `.keras` file, and
            those of its weights that are not finite. Or if Keras is configured
            for channels first.
    """
    check_channels_last()
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
        keras_file.check(path)
        with warnings.catch_warnings():
            # Where the file has no weights for a layer.
            warnings.filterwarnings("error", ".*freshly-initialized weights")
            model = keras.models.load_model(path, compile=False)
    # Layers, made of whatever the file says, may fail in any way.
    except Exception as error:
        reason = " ".join(str(error).split())[:500] or type(error).__name__
        raise ValueError(
            f"Expected a .keras file of Keras 3. Received: {path}: {reason}"
            f"{_written_by(path)}"
        ) from error
    if not isinstance(model, keras.Model):
        raise ValueError(
            "Expected a network in a .keras file. Received: "
            f"{path}: {type(model).__name__}"
        )
    check_finite(model, path)
    return model


def _written_by(path):
    """Of a network of another version of this package, what to do with it."""
    try:
        with zipfile.ZipFile(path) as archive:
            config = archive.read(_CONFIG).decode()
    except (KeyError, OSError, ValueError, RuntimeError, zipfile.BadZipFile):
        return ""
    found = {*re.findall(rf'"{_PACKAGE}": "([\w.+!-]{{1,50}})"', config)}
    others = ", ".join(sorted(found - {__version__}))
    if not others:
        if _PACKAGE not in config:
            return ""
        return (
            f" (made by {_PACKAGE}, perhaps by another state of it: networks "
            "of an earlier checkout are trained, or imported, again)"
        )
    return (
        f" (written by {_PACKAGE} {others}, this is {__version__}, which does "
        "not read it: train it again by the recipe.yaml of its run, or install "
        "that version)"
    )


def check_finite(model, path):
    """Refuses weights that are NaN or infinite.

    Args:
        model: keras.Model.
        path: where its weights are from.

    Raises:
        ValueError: naming the file and the weights.
    """
    found = [
        weight.path
        for weight in model.weights
        if keras.backend.is_float_dtype(weight.dtype)
        and not bool(keras.ops.all(keras.ops.isfinite(weight)))
    ]
    if found:
        more = len(found) - _SHOWN
        raise ValueError(
            "Expected weights that are finite. Received: "
            f"{path}, with NaN or infinity in {len(found)} of "
            f"{len(model.weights)}: {', '.join(found[:_SHOWN])}"
            + (f" and {more} more" if more > 0 else "")
        )
