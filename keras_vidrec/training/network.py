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
    builder = getattr(applications, recipe.network.application, None)
    if recipe.network.application not in applications.__all__:
        raise ValueError(
            f"Unknown application. Expected one of {applications.__all__}. "
            f"Received: network.application={recipe.network.application!r}"
        )
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
    initialisation.start_from(model, recipe.initialisation.weights)
    if recipe.initialisation.partial_batch_norm:
        freezing.partial_batch_norm(model)
    return model
