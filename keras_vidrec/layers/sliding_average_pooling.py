import keras
from keras import ops

from keras_vidrec.specs import checks


@keras.saving.register_keras_serializable(package="keras_vidrec")
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

    Raises:
        ValueError: if `window` is no positive integer.

    Example:

    >>> row = np.arange(8.0).reshape(1, 1, 8, 1)
    >>> keras_vidrec.layers.SlidingAveragePooling2D(7)(row).numpy()
    array([[3.5]], dtype=float32)

    Reference:
        - Feichtenhofer et al., 2017, Spatiotemporal multiplier networks,
          section 4.2, and the authors' code.
    """

    def __init__(self, window, **kwargs):
        super().__init__(**kwargs)
        checks.count("window", window)
        self.window = window
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs):
        height, width = ops.shape(inputs)[1:3]
        rows = self._shares(height, inputs.dtype)
        columns = self._shares(width, inputs.dtype)
        return ops.einsum("bhwc,h,w->bc", inputs, rows, columns)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "window": self.window}

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
