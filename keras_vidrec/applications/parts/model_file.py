"""Saves and loads networks as `.keras` files."""

import pathlib
import re
import warnings
import zipfile
import zlib

import keras

# A file may contain any layer of the package; importing registers them.
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
# Number of weights that an error names.
_SHOWN = 10


def save(model, path):
    """Writes a network as a `.keras` file, atomically, after `sign`.

    Args:
        model: keras.Model.
        path: path of the file.
    """
    sign(model)
    with files.replacing(path) as temporary:
        model.save(temporary)


def sign(model):
    """Stores the fingerprint of its weights in the origin of a network of this
    package."""
    layer = class_scores(model)
    if layer is not None:
        layer.origin = (layer.origin or Origin()).replace(
            kind="network", fingerprint=feature_tower.fingerprint(model)
        )


def is_whole(path):
    """Returns whether a `.keras` file exists and is complete: bool."""
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
        ValueError: naming the file, if it is not a readable `.keras` file, or
            has weights that are not finite; or if Keras is configured for
            channels first.
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
            f"Expected a .keras file. Received: {path}, which is not one (or "
            "is truncated)"
        )
    try:
        keras_file.check(path)
        with warnings.catch_warnings():
            # Keras warns if the file has no weights for a layer.
            warnings.filterwarnings("error", ".*freshly-initialized weights")
            model = keras.models.load_model(path, compile=False)
    # The layers of an invalid file may raise any error.
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
    """Returns what to do with a network that was written by another version of
    this package; `""` if it was not."""
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
            f" (made by {_PACKAGE}, perhaps from another checkout: train or "
            "import networks of an earlier checkout again)"
        )
    return (
        f" (written by {_PACKAGE} {others}; this is {__version__}, which "
        "cannot read it: train it again with the recipe.yaml of its run, or "
        "install that version)"
    )


def check_finite(model, path):
    """Raises an error if weights are NaN or infinite.

    Args:
        model: keras.Model.
        path: path of the file that the weights were read from.

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
            "Expected finite weights. Received: "
            f"{path}, with NaN or infinity in {len(found)} of "
            f"{len(model.weights)}: {', '.join(found[:_SHOWN])}"
            + (f" and {more} more" if more > 0 else "")
        )
