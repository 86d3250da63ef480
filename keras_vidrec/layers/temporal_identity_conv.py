import keras
import numpy as np
from keras import ops

from keras_vidrec.specs import checks

INITIALIZATIONS = ("center", "avg")


@keras.saving.register_keras_serializable(package="keras_vidrec")
class TemporalIdentityConv(keras.layers.Layer):
    """Convolves over time, starting as an identity over the channels.

    One temporal filter `f` times the identity matrix of the channels, and a
    zero bias (equations 8 and 9): injected into a trained network it leaves
    what a channel means as it was, and training mixes times and channels from
    there. Both ends of time are padded with zeros.

    Identity at initialization: `"center"` changes nothing at all; `"avg"`
    is the moving average of each channel, which leaves alone what does not
    change over time, except next to both ends.

    Args:
        kernel_size: int. Odd extent in time. Defaults to `3`.
        initialization: str. `"center"` (f = [0, 1, 0]) or `"avg"` (f =
            [1/3, 1/3, 1/3]). Defaults to `"center"`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Tensor `(batch, time, ..., channels)` of any rank of at least
            3; only the number of channels must be known.

    Output shape:
        Same as input.

    Raises:
        ValueError: if `kernel_size` is no positive odd integer,
            `initialization` is unknown, or the number of channels is.

    Example:

    >>> clips = np.ones((2, 5, 7, 7, 8))
    >>> keras_vidrec.layers.TemporalIdentityConv()(clips).shape
    (2, 5, 7, 7, 8)

    Reference:
        - [Feichtenhofer et al., 2017](https://openaccess.thecvf.com/content_cvpr_2017/html/Feichtenhofer_Spatiotemporal_Multiplier_Networks_CVPR_2017_paper.html),
          section 3.3.
    """

    def __init__(self, kernel_size=3, initialization="center", **kwargs):
        super().__init__(**kwargs)
        checks.odd("kernel_size", kernel_size)
        checks.choice("initialization", initialization, INITIALIZATIONS)
        self.kernel_size = kernel_size
        self.initialization = initialization
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, input_shape):
        channels = input_shape[-1]
        if channels is None:
            raise ValueError(
                "Expected a known number of channels. Received: "
                f"input_shape={tuple(input_shape)}"
            )
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, channels, channels),
            initializer=self._identity,
        )
        self.bias = self.add_weight(
            name="bias", shape=(channels,), initializer="zeros"
        )

    def call(self, inputs):
        # A view of two spatial axes, time and position: 2-D convolutions are
        # the fast ones, and nothing is copied.
        shape = ops.shape(inputs)
        outputs = ops.conv(
            ops.reshape(inputs, (shape[0], shape[1], -1, shape[-1])),
            ops.expand_dims(self.kernel, 1),
            padding="same",
            data_format="channels_last",
        )
        return ops.reshape(outputs + self.bias, shape)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "initialization": self.initialization,
        }

    def _identity(self, shape, dtype=None):
        size, channels, _ = shape
        if self.initialization == "avg":
            temporal_filter = np.full(size, 1 / size)
        else:
            temporal_filter = np.arange(size) == size // 2
        kernel = temporal_filter[:, None, None] * np.eye(channels)
        return ops.convert_to_tensor(kernel, dtype=dtype)
