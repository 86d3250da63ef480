import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_vidrec")
class ProbabilityFusion(keras.layers.Layer):
    """Fuses the class scores of several streams: the mean of their
    probabilities.

    Takes logits and gives logits, the logarithm of the mean probability: the
    softmax of it is that mean, so that a loss and a fusion on logits go on
    from it as from those of any network. `ScoreFusion` is the mean of the
    logits themselves. Computed in float32 under any dtype policy.

    Args:
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: List of logits `(batch, ..., classes)`, one tensor a stream,
            all of one shape.

    Output shape:
        That of one stream.

    Raises:
        ValueError: if there is no stream, or shapes differ.

    Example:

    >>> layer = keras_vidrec.layers.ProbabilityFusion()
    >>> sure, unsure = np.array([[100.0, 0.0]]), np.array([[0.0, 0.0]])
    >>> ops.softmax(layer([sure, unsure])).numpy()
    array([[0.75, 0.25]], dtype=float32)

    Reference:
        - [Cho and Foroosh, 2018](https://arxiv.org/abs/1906.06822), equation
          1: the sum of the softmax of two streams, here their mean.
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def build(self, input_shape):
        shapes = [tuple(shape) for shape in input_shape]
        if len(set(shapes)) != 1:
            raise ValueError(
                "Expected a list of logits of one shape. Received: "
                f"input_shape={input_shape}"
            )

    def call(self, inputs):
        logs = [
            ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
            for logits in inputs
        ]
        # The smallest logarithm stays finite where a probability is 0.
        return ops.logsumexp(ops.stack(logs), axis=0) - math.log(len(logs))

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs[0].shape, dtype="float32")
