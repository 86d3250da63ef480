"""From the section `network` of a recipe to a network."""

import yaml

from keras_vidrec.applications.parts import table
from keras_vidrec.applications.parts.arguments import check_imagenet
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.specs import checks
from keras_vidrec.training import freezing
from keras_vidrec.training import initialization
from keras_vidrec.training.recipes.sections import Fusion


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
            backbone, or no weights of ImageNet for its towers.
    """
    application = recipe.network.application
    with checks.inside("network."):
        builder = table.find(application)
    initialization.check_frozen(recipe.initialization, modalities(recipe))
    initialization.check_partial_batch_norm(
        recipe.initialization, modalities(recipe)
    )
    start = recipe.initialization
    arguments = {**recipe.network.arguments, "classes": len(class_names)}
    with checks.inside("network.arguments."):
        table.check_arguments(application, arguments)
    networks = initialization.load(start.weights)
    _check_towers(recipe, networks)
    check_imagenet(backbones(recipe), start.weights)
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
    """The backbones of the network of a recipe, as `table.backbones` finds
    them."""
    return _asked(table.backbones, recipe)


def modalities(recipe):
    """What the network of a recipe sees, as `table.streams` finds it."""
    return _asked(table.streams, recipe)


def sees_features(recipe):
    """Whether the network of a recipe sees features instead of images, as
    `table.sees_features` finds it."""
    return _asked(table.sees_features, recipe)


def builder_of(recipe):
    """The application of a recipe."""
    with checks.inside("network."):
        return table.find(recipe.network.application)


def _asked(question, recipe):
    builder_of(recipe)
    network = recipe.network
    with checks.inside("network.arguments."):
        return question(network.application, network.arguments)


def _check_towers(recipe, networks):
    """Refuses to start from towers of another backbone."""
    weights, towers = recipe.initialization.weights, backbones(recipe)
    unlike = initialization.unlike_towers(networks, towers)
    if not unlike:
        return
    wanted, given = [], []
    for stream, name in unlike.items():
        key, path = "initialization.weights", weights
        if isinstance(weights, dict):
            key, path = f"{key}.{stream}", weights[stream]
        whose = f" for {stream}" if len(towers) > 1 else ""
        wanted.append(towers[stream] + whose)
        given.append(f"{key}={path!r} of {name or 'no backbone'}{whose}")
    expected = f"a run or file of {' and of '.join(wanted)}"
    if all(unlike.values()):
        own = {**towers, **unlike}
        alone = len(set(own.values())) == 1
        setting = yaml.safe_dump(
            own[next(iter(own))] if alone else own, default_flow_style=True
        ).split("\n")[0]
        expected += f', or --set "network.arguments.backbone={setting}"'
    raise ValueError(
        "A network starts from towers of its own backbones. Expected "
        f"{expected}. Received: {' and '.join(given)}"
    )


def _fusion_arguments(recipe):
    """What the section `fusion` says to the builder of a network that joins
    the scores of its towers. Of others, it is about several networks."""
    known = builder_of(recipe).defaults
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
