"""Published networks by name."""

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

# Of a network that only brings a tower: no classifier of others fits its own.
_NO_CLASSES = 1


def load(
    name: str,
    *,
    file=None,
    trust_first_download: bool = False,
    class_names=None,
) -> keras.Model:
    """A published network with its weights, downloaded if need be.

    Args:
        name: str. Of a preset or a group, as `vidrec presets` lists them;
            `preset:` may stand before it.
        file: `None`, or path of the file of weights that the caller has. Of a
            group a dict by stream; streams without a file are downloaded.
            Defaults to `None`.
        trust_first_download: bool. Whether a file without a published hash is
            taken as it comes. Defaults to `False`.
        class_names: `None` (those of the preset, if they are known), or
            sequence of str, one per class. Defaults to `None`.

    Returns:
        keras.Model: with its class names, `ClipSpec`, `TestProtocol`,
        `Blueprint` and `Origin`, as `describe` returns them. Of a group, the
        `LateFusion` of its networks. Of a backbone its tower, from scaled
        images to features, as `backbones.get` builds it.

    Raises:
        ValueError: if the name is unknown, or the file is not the one that was
            published.
        OSError, ImportError: if the file cannot be had, with what to do.
    """
    found = presets.find(name)
    _check_names(found, class_names)
    files = fetch(found, file, trust_first_download)
    if isinstance(found, presets.Group):
        return _fused(found, files, class_names)
    return _single(found, files[None], class_names)


def to_start_from(name: str) -> keras.Model:
    """A published network for a training to start from: the weights of a
    backbone as a TSN of one class, whose tower alone is of use."""
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
    """The files of a preset or a group, all of them before anything is
    built.

    Args:
        found: `Preset` or `Group`.
        file: as of `load`.
        trust_first_download: as of `load`.

    Returns:
        dict of paths by stream; by `None` of a preset.

    Raises:
        As `load`.
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
        f"None, or a dict of paths by stream ({names}), as {found.name} is of "
        "several networks (--file STREAM=PATH)",
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
    """As `ClipSpec.channels` has them."""
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
