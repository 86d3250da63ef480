"""Weights of backbones trained on ImageNet that come with Python packages, and
their copies in the cache."""

import logging
import os
import pathlib
import shutil
import tempfile

import keras

from keras_vidrec import backbones
from keras_vidrec.specs import cache
from keras_vidrec.specs import checks
from keras_vidrec.specs import files
from keras_vidrec.weights.published import packages
from keras_vidrec.weights.published.readers.opening import open_checkpoint
from keras_vidrec.weights.published.recognition import recognize
from keras_vidrec.weights.published.schemes import efficientnet_lite
from keras_vidrec.weights.towers import slots

logger = logging.getLogger("keras_vidrec")

_DIRECTORY = "weights"
_SUFFIX = ".weights.h5"
# Digits of the sha256 of the package's file, and of the copy, in its name.
_DIGITS = 16

SCALING = efficientnet_lite.SCALING


def check_available(backbone: str) -> None:
    """Checks that the package of a backbone, if it has one, or a copy of its
    weights is on this machine.

    Args:
        backbone: str. A key of `backbones.BACKBONES`.

    Raises:
        ImportError: with the command that installs the package, if both are
            missing.
        ValueError: if the file of the package, or the copy, was altered.
    """
    name = backbones.find(backbone).imagenet
    if name in packages.PACKAGES:
        _file(backbone, name)


def translation(backbone):
    """Returns the weights of a backbone, with its classifier.

    They are read from the package. If the cache is writable, a copy is saved
    there as `.weights.h5`. It is used if the package is not installed, and
    `weights.convert` reads it too.

    Args:
        backbone: str. A key of `backbones.BACKBONES`, whose `imagenet` is a
            package.

    Returns:
        `Translation` of one stream.

    Raises:
        ImportError, ValueError: see `check_available`.
    """
    name = backbones.find(backbone).imagenet
    path = _file(backbone, name)
    found = recognize(open_checkpoint(path), {None: backbone})
    if path.suffixes[-2:] != [".weights", ".h5"]:
        _keep(backbone, name, found)
    return found


def _file(backbone, name):
    path = packages.find(name)
    if path is not None:
        return path
    copies, altered = _copies(backbone, name)
    if copies:
        return copies[0]
    if altered:
        raise ValueError(
            "Expected a copy of weights whose sha256 begins with the end of "
            f"its name. Received: {altered[0]}, which was altered. Remove it "
            f"and `{checks.how_to_install(packages.EXTRA)}`"
        )
    raise ImportError(
        f"ImageNet's weights of {backbone} come with the package {name}: "
        f"`{checks.how_to_install(packages.EXTRA)}`"
    )


def _copies(backbone, name):
    """Returns the unaltered and the altered copies in the caches."""
    start = _start(backbone, name)
    whole, altered = [], []
    for directory in cache.directories():
        found = pathlib.Path(directory, _DIRECTORY).glob(f"{start}*{_SUFFIX}")
        for path in sorted(found):
            end = path.name.removesuffix(_SUFFIX).removeprefix(start)
            sound = packages.digest(path)[:_DIGITS] == end
            (whole if sound else altered).append(path)
    return whole, altered


def _start(backbone: str, name: str) -> str:
    return f"{backbone}-{packages.PACKAGES[name].sha256[:_DIGITS]}-"


def _keep(backbone, name, found):
    """Writes a copy into the cache, unless there is one."""
    directory = cache.directory()
    if directory is None or _copies(backbone, name)[0]:
        return
    directory = directory / _DIRECTORY
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not os.access(directory, os.W_OK):
            raise PermissionError(f"{directory} cannot be written")
        with tempfile.TemporaryDirectory() as temporary:
            path = pathlib.Path(temporary, f"copy{_SUFFIX}")
            _network(backbone, found).save_weights(path)
            end = packages.digest(path)[:_DIGITS]
            copy = directory / f"{_start(backbone, name)}{end}{_SUFFIX}"
            with files.replacing(copy) as unfinished:
                shutil.copyfile(path, unfinished)
    except OSError as error:
        logger.info("No copy of the weights is kept: %s.", error)
        return
    logger.info("A copy of the weights is kept in %s.", copy)


def _network(backbone, found):
    """Returns a network of the tower and its classifier with the weights."""
    tower = backbones.get(backbone)
    arrays = {slot: piece.array for slot, piece in found.pieces.items()}
    classes = next(
        array.shape[-1]
        for slot, array in arrays.items()
        if (slot.layer, slot.variable) == ("logits", "bias")
    )
    logits = keras.layers.Dense(classes, name="logits")(tower.output)
    network = keras.Model(tower.input, logits, name=backbone)
    for slot, variable in slots(network).items():
        variable.assign(arrays[slot].reshape(variable.shape))
    return network
