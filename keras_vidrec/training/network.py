"""From the section `network` of a recipe to a network."""

import inspect

from keras_vidrec import applications
from keras_vidrec.applications.head import predictions_layer
from keras_vidrec.training import freezing
from keras_vidrec.training import initialisation

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
            towers are to be frozen that hold random weights.
    """
    builder = _builder(recipe)
    initialisation.check_frozen(recipe.initialisation, modalities(recipe))
    arguments = {**recipe.network.arguments, "classes": len(class_names)}
    known = inspect.signature(builder).parameters
    for name in arguments:
        if name not in known:
            raise ValueError(
                f"Unknown argument of {recipe.network.application}. Expected "
                f"some of {sorted(known)}. Received: network.arguments.{name}"
            )
    model = builder(**arguments)
    layer = predictions_layer(model)
    layer.class_names = class_names
    layer.clip_spec = layer.clip_spec.replace(**recipe.clip)
    initialisation.start_from(
        model, recipe.initialisation.weights, recipe.initialisation.inflation
    )
    if recipe.initialisation.partial_batch_norm:
        freezing.partial_batch_norm(model)
    freezing.freeze_towers(model, recipe.initialisation.frozen)
    return model


def modalities(recipe):
    """What the network of a recipe sees. It is not built for it.

    Args:
        recipe: `Recipe`.

    Returns:
        tuple of str: the `modality` among the arguments of the network, or
        what its builder takes for one; rgb and flow for a network of two
        streams, whose builder has no such argument.

    Raises:
        ValueError: if the application is unknown.
    """
    modality = inspect.signature(_builder(recipe)).parameters.get("modality")
    if modality is None:
        return _TWO_STREAMS
    return (recipe.network.arguments.get("modality", modality.default),)


def _builder(recipe):
    """The application of a recipe."""
    builders = _builders()
    if recipe.network.application not in builders:
        raise ValueError(
            f"Unknown application. Expected one of {tuple(builders)}. "
            f"Received: network.application={recipe.network.application!r}"
        )
    return builders[recipe.network.application]


def _builders():
    """Applications by name, but for those made of trained networks."""
    named = {name: getattr(applications, name) for name in applications.__all__}
    return {
        name: builder
        for name, builder in named.items()
        if "classes" in inspect.signature(builder).parameters
    }
