import collections.abc
import math
import typing

import keras
from keras import ops

from keras_vidrec.specs import checks


@keras.saving.register_keras_serializable(package="keras_vidrec")
class ScoreFusion(keras.layers.Layer):
    """Fuses the class scores of several streams: their weighted mean.

    Applied to logits, before the softmax. A weighted *mean* gives the same
    classes as a weighted sum, but keeps the scale of the logits, so the
    probabilities do not become more confident just because there are several
    streams. Computed in float32 under any dtype policy.

    Args:
        stream_weights: sequence of positive numbers, one per stream.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: List of one tensor per stream, all of the same shape; or of one
            list of tensors per stream, which are fused one by one (scores of
            snippets with scores of snippets, scores of clips with scores of
            clips).

    Output shape:
        Same as one stream.

    Raises:
        ValueError: if a weight is not positive, or there are more or fewer
            streams than weights.

    Example:

    >>> layer = keras_vidrec.layers.ScoreFusion((1, 3))
    >>> layer([np.array([[0.0, 4.0]]), np.array([[4.0, 0.0]])]).numpy()
    array([[3., 1.]], dtype=float32)

    Reference:
        - [Wang et al., 2016](https://arxiv.org/abs/1608.00859), section 3.3.
    """

    def __init__(
        self,
        stream_weights: collections.abc.Sequence[float],
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        check_stream_weights(stream_weights)
        self.stream_weights = tuple(stream_weights)

    def build(
        self, input_shape: collections.abc.Sequence[tuple[int | None, ...]]
    ) -> None:
        check_number_of_streams(input_shape, self.stream_weights)

    def call(
        self, inputs: collections.abc.Sequence[keras.KerasTensor]
    ) -> keras.KerasTensor:
        total = sum(self.stream_weights)
        shares = [weight / total for weight in self.stream_weights]

        def mean(*scores):
            return sum(
                share * ops.cast(score, "float32")
                for share, score in zip(shares, scores)
            )

        return keras.tree.map_structure(mean, *inputs)

    def compute_output_shape(
        self, input_shape: collections.abc.Sequence[tuple[int | None, ...]]
    ) -> tuple[int | None, ...]:
        return input_shape[0]

    def compute_output_spec(
        self, inputs: collections.abc.Sequence[keras.KerasTensor]
    ) -> keras.KerasTensor:
        return keras.tree.map_structure(
            lambda scores: keras.KerasTensor(scores.shape, dtype="float32"),
            inputs[0],
        )

    def get_config(self) -> dict:
        return {**super().get_config(), "stream_weights": self.stream_weights}


@keras.saving.register_keras_serializable(package="keras_vidrec")
class ProbabilityFusion(keras.layers.Layer):
    """Fuses the class scores of several streams: the weighted mean of their
    probabilities.

    Takes logits and returns logits, the logarithm of the mean probability:
    their softmax is this mean, so a loss or a fusion on logits can use them
    like those of any network. `ScoreFusion` is the mean of the logits
    themselves. Computed in float32 under any dtype policy.

    Args:
        stream_weights: `None` (all the same), or sequence of positive numbers,
            one per stream. Defaults to `None`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: List of logits `(batch, ..., classes)`, one tensor per stream,
            all of the same shape.

    Output shape:
        Same as one stream.

    Raises:
        ValueError: if there is no stream, or shapes differ; if a weight is
            not positive, or there are more or fewer streams than weights.

    Example:

    >>> layer = keras_vidrec.layers.ProbabilityFusion()
    >>> sure, unsure = np.array([[100.0, 0.0]]), np.array([[0.0, 0.0]])
    >>> ops.softmax(layer([sure, unsure])).numpy()
    array([[0.75, 0.25]], dtype=float32)

    Reference:
        - [Cho and Foroosh, 2018](https://arxiv.org/abs/1906.06822), equation
          1: the sum of the softmax of two streams, here their mean.
    """

    def __init__(
        self,
        stream_weights: collections.abc.Sequence[float] | None = None,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        if stream_weights is not None:
            check_stream_weights(stream_weights)
            stream_weights = tuple(stream_weights)
        self.stream_weights = stream_weights

    def build(
        self, input_shape: collections.abc.Sequence[tuple[int | None, ...]]
    ) -> None:
        if self.stream_weights is not None:
            check_number_of_streams(input_shape, self.stream_weights)
        shapes = [tuple(shape) for shape in input_shape]
        if len(set(shapes)) != 1:
            raise ValueError(
                "Expected a list of logits of the same shape. Received: "
                f"input_shape={input_shape}"
            )

    def call(
        self, inputs: collections.abc.Sequence[keras.KerasTensor]
    ) -> keras.KerasTensor:
        weights = self.stream_weights or (1,) * len(inputs)
        total = sum(weights)
        logs = [
            ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
            + math.log(weight / total)
            for logits, weight in zip(inputs, weights)
        ]
        # In logarithms, so that the result is finite even if probabilities
        # underflow to 0.
        return ops.logsumexp(ops.stack(logs), axis=0)

    def compute_output_shape(
        self, input_shape: collections.abc.Sequence[tuple[int | None, ...]]
    ) -> tuple[int | None, ...]:
        return input_shape[0]

    def compute_output_spec(
        self, inputs: collections.abc.Sequence[keras.KerasTensor]
    ) -> keras.KerasTensor:
        return keras.KerasTensor(inputs[0].shape, dtype="float32")

    def get_config(self) -> dict:
        return {**super().get_config(), "stream_weights": self.stream_weights}


def check_stream_weights(stream_weights):
    """Raises a `ValueError` unless all are positive numbers."""
    for weight in stream_weights:
        checks.check(
            checks.is_number(weight) and 0 < weight < float("inf"),
            "stream_weights",
            "positive numbers",
            stream_weights,
        )


def check_number_of_streams(input_shape, stream_weights):
    """Raises a `ValueError` unless each stream has a weight."""
    if len(input_shape) != len(stream_weights):
        raise ValueError(
            "Expected scores of as many streams as weights. Received: "
            f"{len(input_shape)} streams for stream_weights={stream_weights}"
        )
