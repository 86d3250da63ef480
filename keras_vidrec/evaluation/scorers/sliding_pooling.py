"""The last average of a network as a window that slides over larger maps."""

import keras

from keras_vidrec.layers.sliding_average_pooling import SlidingAveragePooling2D


def slide(model, window):
    """A copy of a network whose global averages of maps are those of a sliding
    window; `model` itself with `None`.

    Args:
        model: functional keras.Model.
        window: `None`, or int: side of the window, as of `TestProtocol`.

    Raises:
        ValueError: if the network has no such average.
    """
    if window is None:
        return model
    replaced = []

    def layer_of_test(layer):
        if isinstance(layer, keras.layers.GlobalAveragePooling2D):
            replaced.append(layer.name)
            return SlidingAveragePooling2D(
                window, name=layer.name, dtype=layer.dtype_policy
            )
        return type(layer).from_config(layer.get_config())

    slid = keras.models.clone_model(
        model, clone_function=layer_of_test, recursive=True
    )
    if not replaced:
        raise ValueError(
            "Expected a network that averages its last maps, or a test without "
            f"pooling_window. Received: model={model.name!r}, "
            f"pooling_window={window}"
        )
    slid.set_weights(model.get_weights())
    return slid
