"""From the section `network` of a recipe to a network."""

import dataclasses
import inspect

from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.applications.parts.table import builders
from keras_vidrec.applications.parts.tower_styles import tower_styles
from keras_vidrec.backbones import has_styles
from keras_vidrec.training import freezing
from keras_vidrec.training import initialization
from keras_vidrec.training.recipes.sections import Fusion

_TWO_STREAMS = ("rgb", "flow")


def build(recipe, class_names):
    """The network of a recipe for these classes, as saved: with softmax.

    Args:
        recipe: `Recipe`.
        class_names: sequence of str.

    Returns:
        keras.Model whose `describe` gives the class names and the `ClipSpec`
        with the recipe's changes.

    Raises:
        ValueError: if the application or one of its arguments is unknown, or
            its towers cannot be fused as the recipe says, or towers or
            batch normalizations are to be frozen that hold random weights, or
            there is no network where it is to start from, one of another
            backbone or style, or no weights of ImageNet for its towers.
    """
    builder = _builder(recipe)
    initialization.check_frozen(recipe.initialization, modalities(recipe))
    initialization.check_partial_batch_norm(
        recipe.initialization, modalities(recipe)
    )
    start = recipe.initialization
    arguments = {**recipe.network.arguments, "classes": len(class_names)}
    known = parameters(recipe)
    for name in arguments:
        if name not in known:
            raise ValueError(
                f"Unknown argument of {recipe.network.application}. Expected "
                f"some of {sorted(known)}. Received: network.arguments.{name}"
            )
    networks = initialization.load(start.weights)
    _check_towers(recipe, networks)
    arguments["style"] = _style(recipe, networks)
    model = builder(**arguments, **_fusion_arguments(recipe))
    layer = predictions_layer(model)
    layer.class_names = class_names
    layer.clip_spec = layer.clip_spec.replace(**recipe.clip)
    initialization.start_from(model, start.weights, start.inflation, networks)
    if start.partial_batch_norm:
        freezing.partial_batch_norm(model)
    freezing.freeze_towers(model, start.frozen)
    return model


def backbones(recipe):
    """The backbones of the network of a recipe. It is not built for it.

    Args:
        recipe: `Recipe`.

    Returns:
        dict by stream of a name or a `keras.Model`, without streams that have
        no tower.

    Raises:
        ValueError: if the application is unknown.
    """
    known = parameters(recipe)
    found = {}
    for stream in modalities(recipe):
        given = [
            recipe.network.arguments.get(name, known[name].default)
            for name in _backbone_arguments(recipe, stream)
        ]
        found[stream] = next((b for b in given if b is not None), None)
    return {stream: b for stream, b in found.items() if b is not None}


def modalities(recipe):
    """What the network of a recipe sees. It is not built for it.

    Args:
        recipe: `Recipe`.

    Returns:
        tuple of str: the `modality` or the `streams` among the arguments of
        the network, or what its builder takes for them; rgb and flow for a
        network of two streams, whose builder has no such argument.

    Raises:
        ValueError: if the application is unknown.
    """
    known = parameters(recipe)
    for name in ("modality", "streams"):
        if name in known:
            seen = recipe.network.arguments.get(name, known[name].default)
            return tuple(seen) if isinstance(seen, (tuple, list)) else (seen,)
    return _TWO_STREAMS


def sees_features(recipe):
    """Whether the network of a recipe sees features instead of images. It is
    not built for it.

    Args:
        recipe: `Recipe`.

    Returns:
        bool. Networks over features see images where they have a backbone
        for each stream.

    Raises:
        ValueError: if the application is unknown, or only some of the
            streams have a backbone: no dataset holds both.
    """
    if "features" not in parameters(recipe):
        return False
    streams = modalities(recipe)
    arguments = recipe.network.arguments
    names = [f"{stream}_backbone" for stream in streams]
    towers = [name for name in names if arguments.get(name) is not None]
    if towers and len(towers) < len(names):
        raise ValueError(
            "A network is trained on features or on images, not on both. "
            f"Expected all of {names}, or none. Received: {towers}"
        )
    return not towers


def parameters(recipe):
    """The parameters of the builder of a recipe's network.

    Args:
        recipe: `Recipe`.

    Returns:
        Mapping of `inspect.Parameter` by name.

    Raises:
        ValueError: if the application is unknown.
    """
    return inspect.signature(_builder(recipe)).parameters


def _backbone_arguments(recipe, stream):
    """Names of the arguments that say what backbone a stream has: of those
    that are given, the first is right."""
    names = [f"{stream}_backbone", "backbone"]
    if stream == "flow":
        names.insert(0, "temporal_backbone")
    known = parameters(recipe)
    return [name for name in names if name in known]


def _check_towers(recipe, networks):
    """Refuses to start from towers of another backbone or style."""
    weights, towers = recipe.initialization.weights, backbones(recipe)
    style = recipe.network.arguments.get("style")
    unlike = initialization.unlike_towers(networks, towers, style)
    if not unlike:
        return
    wanted, given = [], []
    for stream, (name, own_style) in unlike.items():
        key, path = "initialization.weights", weights
        if isinstance(weights, dict):
            key, path = f"{key}.{stream}", weights[stream]
        whose = f" for {stream}" if len(towers) > 1 else ""
        wanted.append(_tower_text(towers[stream], style) + whose)
        given.append(f"{key}={path!r} of {_tower_text(name, own_style)}{whose}")
    expected = f"a run or file of {' and of '.join(wanted)}"
    if all(name for name, _ in unlike.values()):
        settings = _settings_for(recipe, networks, unlike)
        expected = f"{expected}, or {' '.join(settings)}"
    raise ValueError(
        "A network starts from towers of its own backbone and style. Expected "
        f"{expected}. Received: {' and '.join(given)}"
    )


def _tower_text(backbone, style):
    """A tower, as one line for people names it."""
    if backbone is None:
        return "no backbone of the package"
    styled = style is not None and has_styles(backbone)
    return f"{backbone} of style {style}" if styled else backbone


def _settings_for(recipe, networks, unlike):
    """What turns the recipe's towers into those that it is to start from."""

    def changed(values):
        section = dataclasses.replace(
            recipe.network, arguments={**recipe.network.arguments, **values}
        )
        return dataclasses.replace(recipe, network=section)

    values = {}
    names = {stream: name for stream, (name, _) in unlike.items()}
    for stream, backbone in {**backbones(recipe), **names}.items():
        # `backbone` may be that of both streams.
        if backbones(changed(values))[stream] != backbone:
            values[_backbone_arguments(recipe, stream)[0]] = backbone
    style = initialization.style_of(networks)
    if recipe.network.arguments.get("style") not in (None, style):
        towers = backbones(changed(values)).values()
        if style is not None or not any(map(has_styles, towers)):
            values["style"] = style or "null"
    return [
        f"--set network.arguments.{name}={value}"
        for name, value in values.items()
    ]


def _style(recipe, networks):
    """The style of the ResNets of a network: what the recipe says, else that
    of the weights they start from."""
    style = recipe.network.arguments.get("style")
    towers = backbones(recipe)
    if style is None and any(map(has_styles, towers.values())):
        style = initialization.style_of(networks)
    styles = tower_styles(towers, style, recipe.initialization.weights)
    return next(filter(None, styles.values()), None)


def _fusion_arguments(recipe):
    """What the section `fusion` says to the builder of a network that joins
    the scores of its towers. Of others, it is about several networks."""
    known = parameters(recipe)
    joins = "fusion_weights" in known and len(modalities(recipe)) > 1
    if not joins or recipe.fusion == Fusion():
        return {}
    wanted = {
        "fusion_weights": recipe.fusion.weights or None,
        "scores": recipe.fusion.scores,
    }
    twice = [name for name in wanted if name in recipe.network.arguments]
    if twice:
        raise ValueError(
            "Expected the fusion of the scores in `fusion` or in "
            f"`network.arguments`. Received: fusion={recipe.fusion} with "
            f"network.arguments.{twice[0]}"
        )
    if "scores" not in known:
        if wanted.pop("scores") != "logits":
            raise ValueError(
                f"{recipe.network.application} fuses logits. Expected "
                f'fusion.scores="logits". Received: fusion={recipe.fusion}'
            )
    return wanted


def _builder(recipe):
    """The application of a recipe."""
    known = builders()
    if recipe.network.application not in known:
        raise ValueError(
            f"Unknown application. Expected one of {tuple(known)}. Received: "
            f"network.application={recipe.network.application!r}"
        )
    return known[recipe.network.application]
