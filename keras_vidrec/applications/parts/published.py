"""Published networks by name: choosing one for a builder, and loading it into a
network.
"""

import pathlib
import re
import typing

from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.backbones import BACKBONES
from keras_vidrec.specs import Origin
from keras_vidrec.weights import convert
from keras_vidrec.weights import presets
from keras_vidrec.weights.published import packages
from keras_vidrec.weights.starting import IMAGENET
from keras_vidrec.weights.towers import class_scores

# Presets of the same arguments that an error names.
_SHOWN = 5
_DIGITS = 16


def is_name(weights) -> bool:
    """Whether `weights` of a builder names a preset, or a data set."""
    return (
        isinstance(weights, str)
        and weights != IMAGENET
        and bool(presets.is_known(weights) or _of_data(weights))
    )


def data_sets() -> tuple:
    """The data sets that `weights` may name, such as `"kinetics400"`."""
    found = (
        one.class_names or _key(one.data)
        for one in presets.presets()
        if one.application is not None
    )
    return tuple(dict.fromkeys(found))


def chosen(application, arguments, weights, defaults) -> presets.Preset:
    """The preset for the arguments of a builder.

    Args:
        application: str. Name of the builder.
        arguments: dict. Those that were given.
        weights: str. The name of a preset, or of a data set: then the first
            of its presets that fits.
        defaults: mapping. Of the builder's arguments.

    Returns:
        `Preset`, of these arguments.

    Raises:
        ValueError: if there is none, naming those that there are and their
            arguments.
    """
    if presets.is_known(weights):
        candidates = [presets.find(weights)]
    else:
        candidates = _of_data(weights)
    for one in candidates:
        if _fits(one, application, arguments, defaults):
            return typing.cast(presets.Preset, one)
    if candidates[0:1] and _is_bare(candidates[0]):
        raise ValueError(_of_backbone(candidates[0], application))
    asked = _told_apart({**defaults, **arguments})
    text = ", ".join(f"{name}={value!r}" for name, value in asked.items())
    calls: dict[str, list] = {}
    for one in candidates:
        calls.setdefault(told(one), []).append(one.name)
    those = "; ".join(
        f"{call}: {', '.join(names[:_SHOWN])}"
        + (", ..." if len(names) > _SHOWN else "")
        for call, names in calls.items()
    )
    raise ValueError(
        f"No published weights {weights!r} fit {application}({text}). Expected "
        f"the arguments of one of these, {those}. For other classes a training "
        "starts from one, initialization.weights=preset:NAME. Received: "
        f"weights={weights!r}"
    )


def _is_bare(preset):
    return isinstance(preset, presets.Preset) and preset.application is None


def _of_backbone(preset, application):
    """What to do with the weights of a backbone, which are no network's."""
    backbone = preset.arguments["backbone"]
    way = f"initialization.weights=preset:{preset.name} of a training"
    if BACKBONES[backbone].imagenet is not None:
        way = (
            f'weights="imagenet", as in {application}(backbone={backbone!r}, '
            f'weights="imagenet"), or {way}'
        )
    return (
        f"Invalid `weights`. Expected {way}, to start the towers from the "
        f"weights of a backbone alone. Received: weights={preset.name!r}"
    )


def told(preset) -> str:
    """The call that a preset fits."""
    if isinstance(preset, presets.Group):
        return f"keras_vidrec.load({preset.name!r})"
    if preset.application is None:
        return f"the backbone {preset.arguments['backbone']!r} alone"
    arguments = {**preset.arguments, "classes": preset.classes}
    text = ", ".join(f"{k}={v!r}" for k, v in arguments.items())
    return f"{preset.application}({text})"


def fill(model, preset, path, class_names=None):
    """Gives a network the weights of a preset, and what its authors say of
    it: the names of its classes, its clips, its test.

    Args:
        model: keras.Model to change in place, of the preset's arguments, with
            or without its top; or the bare tower of its backbone.
        preset: `Preset`.
        path: path of its file.
        class_names: `None` (those of the preset), or sequence of str.
            Defaults to `None`.

    Returns:
        `ImportReport`.

    Raises:
        ValueError: if the file is none of the preset. Nothing is changed
            then.
    """
    bare = class_scores(model) is None
    report = convert(
        path,
        model,
        allow_unused=preset.allow_unused,
        backbone=preset.arguments["backbone"] if bare else None,
    )
    if bare:
        return report
    layer = predictions_layer(model)
    layer.class_names = preset.names() if class_names is None else class_names
    layer.clip_spec = preset.clip_spec(layer.clip_spec)
    layer.test_protocol = preset.protocol or layer.test_protocol
    layer.origin = Origin("network", parents={"weights": origin(preset, path)})
    return report


def origin(preset, path) -> Origin:
    """What is known of where published weights come from."""
    path = pathlib.Path(path)
    sha256 = packages.digest(path)[:_DIGITS]
    return Origin(
        "network",
        fingerprint=f"{preset.name} ({path.name}, sha256 {sha256}..., "
        f"{preset.source}, trained on {preset.data})",
        split=preset.split,
    )


def _of_data(name):
    """The presets of networks of a data set."""
    return [
        one
        for one in presets.presets()
        if one.application is not None
        and _key(name) in (_key(one.data), _key(one.class_names or ""))
    ]


def _key(data):
    return re.sub(r"[^a-z0-9]", "", data.lower())


def _told_apart(values):
    """The arguments of a builder that distinguish its networks."""
    names = ("backbone", "modality", "snippet_length", "classes")
    return {name: values[name] for name in names if name in values}


def _fits(preset, application, given, defaults):
    if isinstance(preset, presets.Group) or preset.application != application:
        return False
    values = {**defaults, **given}
    if values["include_top"] and given.get("classes") not in (
        None,
        preset.classes,
    ):
        return False
    return all(
        _same(name, values.get(name), own, values)
        for name, own in preset.arguments.items()
    )


def _same(name, value, own, values):
    if name == "snippet_length" and value is None:
        # As builders count where nothing is given.
        value = 1 if values.get("modality") == "rgb" else 5
    value = _by_stream(value, own)
    return value == _by_stream(own, value)


def _by_stream(value, other):
    """A value as a dict, if the other one is."""
    if isinstance(other, dict) and not isinstance(value, dict):
        return dict.fromkeys(other, value)
    return value
