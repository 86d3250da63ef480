"""Loads networks by any kind of name or path."""

import collections.abc
import os
import pathlib

import keras

from keras_vidrec.applications import published
from keras_vidrec.applications.parts import model_file
from keras_vidrec.specs import checks
from keras_vidrec.weights import downloads
from keras_vidrec.weights import presets

_Files = (
    str
    | os.PathLike[str]
    | collections.abc.Mapping[str, str | os.PathLike[str]]
)


def load(
    name_or_path: str | os.PathLike[str],
    file: _Files | None = None,
    *,
    trust_first_download: bool = False,
    class_names: collections.abc.Sequence[str] | None = None,
    over_features: bool = False,
) -> keras.Model:
    """Loads a network by name or path.

    Args:
        name_or_path: str or path. The directory of a run; a `.keras` file; the
            name of a published network, as `vidrec presets` lists them, such
            as `"tsn_resnet50_kinetics400_8seg"`, or of two published streams
            that are fused, `"tsn_resnet50_kinetics400"`; or the address of a
            network on a hub, `"hf://ORG/NAME"` or `"kaggle://..."`, see
            `weights.downloads.fetch_saved`. If a path of this name exists, the
            path is loaded; `"preset:NAME"` is always a name.
        file: `None`, or path of the weights file of a published network, if it
            cannot be downloaded; a dict by stream for two streams. Defaults to
            `None`.
        trust_first_download: bool. Whether to accept a downloaded file for
            which no hash was published. Defaults to `False`.
        class_names: `None` (the network's own), or sequence of str, one per
            class of a published network. Defaults to `None`.
        over_features: bool. For a run over features: whether to load the
            network over features instead of the one with pixels as input.
            Defaults to `False`.

    Returns:
        keras.Model; `keras_vidrec.describe` returns its classes, clips, test
        and origin. For a published backbone, its tower.

    Raises:
        ValueError: if there is no such run, file or name (the message contains
            similar names), or a published file has other content than expected.
        OSError: if a published file cannot be downloaded. The message contains
            its address and where to put it.
        ImportError: if a library that is needed for it is not installed.

    Example:

    >>> model = keras_vidrec.load("tsn_resnet50_kinetics400_8seg")
    >>> keras_vidrec.describe(model).class_names[:2]
    ('abseiling', 'air drumming')
    """
    checks.check(
        isinstance(name_or_path, (str, os.PathLike)) and str(name_or_path),
        "name_or_path",
        "the directory of a run, a .keras file, or a name that `vidrec "
        "presets` lists",
        name_or_path,
    )
    name = preset_of(name_or_path)
    if name is not None:
        return published.load(
            name,
            file=file,
            trust_first_download=trust_first_download,
            class_names=class_names,
        )
    for argument, value in (("file", file), ("class_names", class_names)):
        expected = f"None, because {name_or_path} is already a network"
        checks.check(value is None, argument, expected, value)
    if downloads.is_on_hub(name_or_path):
        return model_file.load(downloads.fetch_saved(str(name_or_path)))
    path = pathlib.Path(name_or_path)
    if not path.exists():
        raise ValueError(
            f"{presets.hint(str(path))}Expected the directory of a run, a "
            ".keras file, or a name that `vidrec presets` lists. Received: "
            f"{path}, which does not exist"
        )
    if not path.is_dir():
        return model_file.load(path)
    # Imports TensorFlow, which is not needed for a published network.
    from keras_vidrec.training.run import Run

    run = Run.open(path)
    return run.load_head() if over_features else run.load_model()


def recognizer(
    name_or_path: str | os.PathLike[str],
    file: _Files | None = None,
    *,
    trust_first_download: bool = False,
    class_names: collections.abc.Sequence[str] | None = None,
    over_features: bool = False,
) -> keras.Model:
    """Loads a network as `load` does, but not the weights of a backbone alone,
    which have no classes.

    Args:
        name_or_path, file, trust_first_download, class_names, over_features: as
            for `load`.

    Returns:
        keras.Model.

    Raises:
        ValueError: as for `load`, or if the preset is a backbone.
        OSError: as for `load`.
        ImportError: as for `load`.
    """
    name = preset_of(name_or_path)
    found = None if name is None else presets.find(name)
    if isinstance(found, presets.Preset) and found.application is None:
        raise ValueError(
            f"Expected a network with classes. Received: {found.name}, the "
            "weights of a backbone: start a training from them with "
            f"`initialization.weights=preset:{found.name}`, and `vidrec "
            f"import-weights preset:{found.name}` imports them into a network"
        )
    return load(
        name_or_path,
        file,
        trust_first_download=trust_first_download,
        class_names=class_names,
        over_features=over_features,
    )


def preset_of(name_or_path) -> str | None:
    """Returns the name if it is that of a preset, `None` if it is a path.
    `preset:NAME` is always a preset, even if the name is unknown."""
    text = str(name_or_path)
    if presets.named(text) is not None:
        return text
    if presets.is_known(text) and not pathlib.Path(text).exists():
        return text
    return None


def lasting(name_or_path) -> str:
    """Returns a name of a network that is valid in any working directory: the
    absolute path, `preset:NAME`, or the address on a hub."""
    name = preset_of(name_or_path)
    if downloads.is_on_hub(name_or_path):
        return name_or_path
    if name is None:
        return str(pathlib.Path(name_or_path).absolute())
    return presets.PREFIX + presets.find(name).name
