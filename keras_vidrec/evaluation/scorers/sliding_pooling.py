"""The last average of a network as a window that slides over larger maps."""

import keras
from keras import ops


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


class SlidingAveragePooling2D(keras.layers.Layer):
    """The mean of a map as a window finds it that slides over the map.

    It averages at every position, a place at a time, and the mean over its
    positions is taken; a linear classifier behind it gives the mean of the
    scores at all positions. Networks that average maps of one size in training
    are tested so on larger ones in their authors' programs. Places at the
    border, which fewer windows cover, count less than in a global average. A
    map that is smaller than the window is averaged as a whole.

    Args:
        window: int. Side of the window, in places of the map.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Tensor `(batch, height, width, channels)`; any dimension but
            the last may be unknown.

    Output shape:
        `(batch, channels)`.

    Reference:
        - Feichtenhofer et al., 2017, Spatiotemporal multiplier networks,
          section 4.2, and the authors' code.
    """

    def __init__(self, window, **kwargs):
        super().__init__(**kwargs)
        self.window = window
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs):
        height, width = ops.shape(inputs)[1:3]
        rows = self._shares(height, inputs.dtype)
        columns = self._shares(width, inputs.dtype)
        return ops.einsum("bhwc,h,w->bc", inputs, rows, columns)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])

    def _shares(self, length, dtype):
        """What each place along a side counts: by the windows that cover
        it."""
        places = ops.arange(length)
        window = ops.minimum(self.window, length)
        positions = length - window + 1
        first = ops.minimum(places + 1, length - places)
        covering = ops.minimum(first, ops.minimum(window, positions))
        total = ops.cast(window * positions, dtype)
        return ops.cast(covering, dtype) / total
