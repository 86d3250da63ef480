"""Builds the network of a recipe."""

from keras_vidrec.applications.parts import table
from keras_vidrec.applications.parts.arguments import check_imagenet
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.specs import Origin
from keras_vidrec.specs import checks
from keras_vidrec.training import freezing
from keras_vidrec.training import initialization
from keras_vidrec.training.recipes.sections import Fusion
from keras_vidrec.weights.starting import start_from


def build(recipe, class_names):
    """Builds the network of a recipe, with its initial weights.

    Args:
        recipe: `Recipe`.
        class_names: sequence of str.

    Returns:
        keras.Model, with the activation of its scores. It stores the class
        names, the `ClipSpec` with the recipe's changes, and an `Origin` with
        the networks of its initial weights as parents, and the names of the
        layers with random weights.

    Raises:
        ValueError: if an argument is invalid, frozen weights would be random,
            or there is no network of these backbones to start from.
    """
    start, application = recipe.initialization, recipe.network.application
    arguments = {**recipe.network.arguments, "classes": len(class_names)}
    with checks.inside("network."):
        builder = table.find(application)
    with checks.inside("network.arguments."):
        table.check_arguments(application, arguments)
        streams = table.streams(application, arguments)
        backbones = table.backbones(application, arguments)
    initialization.check_frozen(start, streams)
    if recipe.network.head_dropout is not None:
        checks.check(
            "dropout" in builder.defaults,
            "network.head_dropout",
            f"null for {application}, which has no dropout",
            recipe.network.head_dropout,
        )
        arguments["dropout"] = recipe.network.head_dropout
    networks = initialization.load(start.weights, not backbones, backbones)
    initialization.check_backbones(start.weights, networks, backbones)
    check_imagenet(backbones, start.weights)
    if "fusion_weights" in builder.defaults and len(streams) > 1:
        arguments.update(_fusion(recipe, builder.defaults))
    if arguments.get("consensus") == "weighted":
        # One weight for each of the segments that the recipe trains on.
        arguments.setdefault("num_segments", recipe.clip.get("num_segments"))
    renamed = {"network.arguments.dropout": "network.head_dropout"}
    with checks.names(**renamed), checks.inside("network.arguments."):
        model = builder(**arguments)
    momentum = recipe.network.batch_norm_momentum
    for layer in freezing.batch_normalizations(model):
        layer.momentum = layer.momentum if momentum is None else momentum
    layer = predictions_layer(model)
    layer.class_names = class_names
    with checks.inside("clip."):
        layer.clip_spec = layer.clip_spec.changed(recipe.clip)
    with checks.inside("initialization."):
        random = start_from(
            model, networks, start.inflation, start.weights, start.copy_head
        )
    if start.classifier != "random":  # it is computed before training starts
        random = tuple(name for name in random if name != "logits")
    layer.origin = Origin(
        "network", parents=initialization.parents(networks), random=random
    )
    if start.partial_batch_norm:
        freezing.partial_batch_norm(model)
    freezing.freeze_towers(model, start.frozen)
    return model


def _fusion(recipe, known):
    """Arguments of the builder from the section `fusion`, for a network that
    fuses the scores of its towers. For other networks the section sets how
    several networks are fused."""
    fusion = recipe.fusion
    if fusion == Fusion():
        return {}
    wanted = {"fusion_weights": fusion.weights or None, "scores": fusion.scores}
    twice = [name for name in wanted if name in recipe.network.arguments]
    expected = "the fusion of the scores here or in network.arguments"
    checks.check(not twice, "fusion", expected, fusion)
    if "scores" not in known:
        expected = f'"logits", which {recipe.network.application} fuses'
        scores = wanted.pop("scores")
        checks.check(scores == "logits", "fusion.scores", expected, scores)
    return wanted
