"""Finds the published weights for the arguments of a builder, and loads them
into a network."""

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

# Number of presets with the same arguments that an error names.
_SHOWN = 5
# Digits of a sha256 in an origin.
_DIGITS = 16


def is_name(weights) -> bool:
    """Whether the argument `weights` of a builder is the name of a preset or
    dataset: bool."""
    return (
        isinstance(weights, str)
        and weights != IMAGENET
        and bool(presets.is_known(weights) or _of_data(weights))
    )


def data_sets() -> tuple:
    """Returns the datasets that `weights` may name, such as `"kinetics400"`:
    tuple of str."""
    found = (
        one.class_names or _key(one.data)
        for one in presets.presets()
        if one.application is not None
    )
    return tuple(dict.fromkeys(found))


def chosen(application, arguments, weights, defaults) -> presets.Preset:
    """Returns the preset for the arguments of a builder.

    Args:
        application: str. Name of the builder.
        arguments: dict. The given arguments.
        weights: str. The name of a preset or of a dataset. For a dataset, the
            first of its presets that fits is used.
        defaults: mapping. The defaults of the builder's arguments.

    Returns:
        `Preset`.

    Raises:
        ValueError: if no preset fits, naming the presets and their arguments.
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
        f"the arguments of one of these, {those}. To train other classes from "
        "one of them, set initialization.weights=preset:NAME. Received: "
        f"weights={weights!r}"
    )


def _is_bare(preset):
    return isinstance(preset, presets.Preset) and preset.application is None


def _of_backbone(preset, application):
    """Returns the error text if `weights` of a builder names the weights of a
    backbone."""
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
    """Returns the call of a builder that a preset fits: str."""
    if isinstance(preset, presets.Group):
        return f"keras_vidrec.load({preset.name!r})"
    if preset.application is None:
        return f"the backbone {preset.arguments['backbone']!r} alone"
    arguments = {**preset.arguments, "classes": preset.classes}
    text = ", ".join(f"{k}={v!r}" for k, v in arguments.items())
    return f"{preset.application}({text})"


def fill(model, preset, path, class_names=None):
    """Loads the weights of a preset into a network, and sets its class names,
    clip specification, test protocol and origin.

    Args:
        model: keras.Model to change in place, built with the preset's
            arguments, with or without top; or the tower of the preset's
            backbone.
        preset: `Preset`.
        path: path of its file.
        class_names: `None` (those of the preset), or sequence of str.
            Defaults to `None`.

    Returns:
        `ImportReport`.

    Raises:
        ValueError: if the file is not the file of the preset. Nothing is
            changed then.
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
    """Returns the `Origin` of published weights.

    Args:
        preset: `Preset`.
        path: path of its file.
    """
    path = pathlib.Path(path)
    sha256 = packages.digest(path)[:_DIGITS]
    return Origin(
        "network",
        fingerprint=f"{preset.name} ({path.name}, sha256 {sha256}..., "
        f"{preset.source}, trained on {preset.data})",
        split=preset.split,
    )


def _of_data(name):
    """Returns the presets of networks that were trained on a dataset."""
    return [
        one
        for one in presets.presets()
        if one.application is not None
        and _key(name) in (_key(one.data), _key(one.class_names or ""))
    ]


def _key(data: str) -> str:
    """Returns the name of a dataset in the form in which names are compared."""
    return re.sub(r"[^a-z0-9]", "", data.lower())


def _told_apart(values):
    """Returns the arguments that distinguish the networks of a builder."""
    names = ("backbone", "modality", "snippet_length", "classes")
    return {name: values[name] for name in names if name in values}


def _fits(preset, application, given, defaults):
    """Whether a preset fits the arguments of a builder."""
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
        # The builders' default.
        value = 1 if values.get("modality") == "rgb" else 5
    value = _by_stream(value, own)
    return value == _by_stream(own, value)


def _by_stream(value, other):
    """Returns a value as a dict by stream if the other one is a dict."""
    if isinstance(other, dict) and not isinstance(value, dict):
        return dict.fromkeys(other, value)
    return value
