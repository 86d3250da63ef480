"""From the section `network` of a recipe to a network."""

import inspect

from keras_vidrec import applications
from keras_vidrec.applications.head import predictions_layer
from keras_vidrec.training import freezing
from keras_vidrec.training import initialisation


def build(recipe, class_names):
    """The network of a recipe for these classes, as saved: with softmax.

    Args:
        recipe: `Recipe`.
        class_names: sequence of str.

    Returns:
        keras.Model whose `describe` gives the class names and the `ClipSpec`
        with the recipe's changes.

    Raises:
        ValueError: if the application or one of its arguments is unknown.
    """
    if recipe.network.application not in _builders():
        raise ValueError(
            f"Unknown application. Expected one of {tuple(_builders())}. "
            f"Received: network.application={recipe.network.application!r}"
        )
    builder = _builders()[recipe.network.application]
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
    return model


def _builders():
    """Applications by name, but for those made of trained networks."""
    named = {name: getattr(applications, name) for name in applications.__all__}
    return {
        name: builder
        for name, builder in named.items()
        if "classes" in inspect.signature(builder).parameters
    }
