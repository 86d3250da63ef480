"""Loads published networks by name."""

import pathlib

import keras

from keras_vidrec import backbones
from keras_vidrec.applications.late_fusion import LateFusion
from keras_vidrec.applications.parts import published
from keras_vidrec.applications.parts import table
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.applications.tsn import TSN
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import checks
from keras_vidrec.weights import convert
from keras_vidrec.weights import presets

# Number of classes of a network of which only the tower is used. Its classifier
# fits no other network.
_NO_CLASSES = 1


def load(
    name: str,
    *,
    file=None,
    trust_first_download: bool = False,
    class_names=None,
) -> keras.Model:
    """Loads a published network with its weights, which are downloaded if
    necessary.

    Args:
        name: str. Name of a preset or group that `vidrec presets` lists, with
            or without the prefix `preset:`.
        file: `None` (it is downloaded), or path of the file of weights; for a
            group a dict of paths by stream, in which streams may be missing.
            Defaults to `None`.
        trust_first_download: bool. Whether a file without a published hash is
            accepted. Defaults to `False`.
        class_names: `None` (those of the preset, if they are known), or
            sequence of str, one per class. Defaults to `None`.

    Returns:
        keras.Model with its class names, `ClipSpec`, `TestProtocol`,
        `Blueprint` and `Origin`, as `describe` returns them. For a group, the
        `LateFusion` of its networks. For a backbone, its tower from scaled
        images to features, as `backbones.get` builds it.

    Raises:
        ValueError: if the name is unknown, or the file is not the published
            one.
        OSError, ImportError: if the file cannot be downloaded or found. The
            message says what to do.
    """
    found = presets.find(name)
    _check_names(found, class_names)
    files = fetch(found, file, trust_first_download)
    if isinstance(found, presets.Group):
        return _fused(found, files, class_names)
    return _single(found, files[None], class_names)


def to_start_from(name: str) -> keras.Model:
    """Loads a published network as initial weights of a training. The weights
    of a backbone are returned as a `TSN` with one class, of which only the
    tower is useful.

    Args:
        name: str. Name of a preset or group.

    Returns:
        keras.Model.
    """
    found = presets.find(name)
    if isinstance(found, presets.Group):
        files = {s: one.fetch_by_name() for s, one in found.streams.items()}
        return _fused(found, files)
    path = found.fetch_by_name()
    if found.application is not None:
        return _single(found, path)
    model = TSN(**found.arguments, classes=_NO_CLASSES)
    convert(
        path,
        model,
        allow_missing=["head"],
        allow_unused=found.allow_unused,
    )
    predictions_layer(model).origin = published.origin(found, path)
    return model


def fetch(found, file=None, trust_first_download=False) -> dict:
    """Downloads or finds the files of a preset or group.

    Args:
        found: `Preset` or `Group`.
        file, trust_first_download: see `load`.

    Returns:
        dict of paths by stream; for a preset with the key `None`.

    Raises:
        ValueError, OSError, ImportError: see `load`.
    """
    if not isinstance(found, presets.Group):
        expected = f"None, or the path of {found.file}"
        is_path = file is None or isinstance(file, (str, pathlib.Path))
        checks.check(is_path, "file", expected, file)
        return {None: found.fetch(file, trust_first_download)}
    names = ", ".join(f"{s}: {one.file}" for s, one in found.streams.items())
    checks.check(
        file is None or isinstance(file, dict) and {*file} <= {*found.streams},
        "file",
        f"None, or a dict of paths by stream ({names}), because {found.name} "
        "consists of several networks (--file STREAM=PATH)",
        file,
    )
    return {
        stream: one.fetch(
            (file or {}).get(stream),
            trust_first_download,
            instead=f"pass it as `file` (--file {stream}=PATH)",
        )
        for stream, one in found.streams.items()
    }


def _check_names(found, class_names):
    if class_names is None:
        return
    one = found.first if isinstance(found, presets.Group) else found
    expected = f"{one.classes} names for {found.name}"
    if one.classes is None:
        expected = f"None: {found.name} is a backbone, which has no classes"
    checks.check(
        len(class_names) == one.classes, "class_names", expected, class_names
    )


def _single(preset, path, class_names=None):
    if preset.application is None:
        tower = backbones.get(
            preset.arguments["backbone"],
            channels=_channels(preset),
            name=preset.modality,
        )
        published.fill(tower, preset, path)
        return tower
    builder = table.find(preset.application)
    model = builder(**preset.arguments, classes=preset.classes)
    published.fill(model, preset, path, class_names)
    return model


def _channels(preset):
    """Returns the number of input channels of a preset's backbone."""
    spec = ClipSpec(
        modalities=(preset.modality,),
        snippet_length=preset.arguments.get("snippet_length", 1),
    )
    return spec.channels(preset.modality)


def _fused(group, files, class_names=None):
    networks = {}
    for stream, preset in group.streams.items():
        model = networks[stream] = _single(preset, files[stream], class_names)
        layer = predictions_layer(model)
        layer.clip_spec = layer.clip_spec.changed(group.clip)
        layer.test_protocol = group.protocol or layer.test_protocol
    return LateFusion(networks, group.fusion_weights, name=group.name)
