"""ImageNet's weights of backbones that packages bring, and their copies in the
cache."""

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
# Of the file of the package, and of the copy, in the name of the copy.
_DIGITS = 16

SCALING = efficientnet_lite.SCALING


def check_available(backbone):
    """Refuses a backbone whose package is missing, unless there is a copy.

    Args:
        backbone: str. A key of `backbones.BACKBONES`.

    Raises:
        ImportError: with the command that installs the package.
        ValueError: if the file of the package, or the copy where there is no
            package, is not the one that was published.
    """
    name = backbones.find(backbone).imagenet
    if name in packages.PACKAGES:
        _file(backbone, name)


def translation(backbone):
    """The weights of a backbone, with its classifier.

    They are read from the package, and a copy is kept in the cache, as
    `.weights.h5`, which serves where the package is not installed, and which
    `weights.convert` reads too. A cache that cannot be written is left alone.

    Args:
        backbone: str. A key of `backbones.BACKBONES`, whose `imagenet` is a
            package.

    Returns:
        `Translation` of one stream.

    Raises:
        ImportError, ValueError: as `check_available`.
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
    """The copies in the caches, and those that are not what they were."""
    start = _start(backbone, name)
    whole, altered = [], []
    for directory in cache.directories():
        found = pathlib.Path(directory, _DIRECTORY).glob(f"{start}*{_SUFFIX}")
        for path in sorted(found):
            end = path.name.removesuffix(_SUFFIX).removeprefix(start)
            sound = packages.digest(path)[:_DIGITS] == end
            (whole if sound else altered).append(path)
    return whole, altered


def _start(backbone, name):
    return f"{backbone}-{packages.PACKAGES[name].sha256[:_DIGITS]}-"


def _keep(backbone, name, found):
    """Writes a copy where there is none."""
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
    """The tower and the classifier that the weights are of."""
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
