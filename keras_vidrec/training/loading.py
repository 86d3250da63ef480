"""Networks by whatever names them."""

import collections.abc
import os
import pathlib

import keras

from keras_vidrec.applications import published
from keras_vidrec.applications.parts import model_file
from keras_vidrec.specs import checks
from keras_vidrec.weights import downloads
from keras_vidrec.weights import presets


def load(
    name_or_path: str | os.PathLike[str],
    file: str
    | os.PathLike[str]
    | collections.abc.Mapping[str, str | os.PathLike[str]]
    | None = None,
    *,
    trust_first_download: bool = False,
    class_names: collections.abc.Sequence[str] | None = None,
    over_features: bool = False,
) -> keras.Model:
    """A network by name or path.

    Args:
        name_or_path: str or path. A run; a `.keras` file; or the name of a
            published network, one of those that `vidrec presets` lists, such
            as `"tsn_resnet50_kinetics400_8seg"`, or of a pair of streams that
            are fused, `"tsn_resnet50_kinetics400"`; or the address of a
            network that was saved on a hub, `"hf://ORG/NAME"` or
            `"kaggle://..."`, as `weights.downloads.fetch_saved` takes it. What
            exists as a path is taken for one; `"preset:NAME"` always is a
            name.
        file: `None`, or path of the file of weights of a published network,
            where it cannot be downloaded; of a pair, a dict by stream.
            Defaults to `None`.
        trust_first_download: bool. Whether a file of which no hash was
            published is taken as it comes. Defaults to `False`.
        class_names: `None` (the network's own), or sequence of str, one per
            class, of a published network. Defaults to `None`.
        over_features: bool. Of a run over features, whether the network that
            sees these is wanted, not the one that sees pixels. Defaults to
            `False`.

    Returns:
        keras.Model; `keras_vidrec.describe` returns its classes, clips, test
        and origin. Of a published backbone its tower.

    Raises:
        ValueError: if there is no such run, file or name, naming the nearest
            ones, or a published file is not what it should be.
        OSError, ImportError: if a published file cannot be had: which, from
            where, and where to put it.

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
    # It needs TensorFlow, which a published network does not.
    from keras_vidrec.training.run import Run

    run = Run.open(path)
    return run.load_head() if over_features else run.load_model()


def recognizer(name_or_path, *args, **kwargs) -> keras.Model:
    """As `load`, and refuses the weights of a backbone alone, which recognize
    nothing."""
    name = preset_of(name_or_path)
    found = None if name is None else presets.find(name)
    if isinstance(found, presets.Preset) and found.application is None:
        raise ValueError(
            f"Expected a network with classes. Received: {found.name}, the "
            "weights of a backbone: start a training from them with "
            f"`initialization.weights=preset:{found.name}`, and `vidrec "
            f"import-weights preset:{found.name}` imports them into a network"
        )
    return load(name_or_path, *args, **kwargs)


def preset_of(name_or_path) -> str | None:
    """The name of the preset that is meant; `None` where a path is. Behind
    `preset:` any name is one, known or not."""
    text = str(name_or_path)
    if presets.named(text) is not None:
        return text
    if presets.is_known(text) and not pathlib.Path(text).exists():
        return text
    return None


def lasting(name_or_path) -> str:
    """What names a network from any working directory: the path in full, or
    `preset:NAME`."""
    name = preset_of(name_or_path)
    if downloads.is_on_hub(name_or_path):
        return name_or_path
    if name is None:
        return str(pathlib.Path(name_or_path).absolute())
    return presets.PREFIX + presets.find(name).name
