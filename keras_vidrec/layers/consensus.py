import typing

import keras
from keras import ops

from keras_vidrec.specs import checks

MODES = ("avg", "max", "weighted", "top_k")


@keras.saving.register_keras_serializable(package="keras_vidrec")
class ConsensusLayer(keras.layers.Layer):
    """Combines the class scores of all segments into one score per class.

    The segmental consensus function G of Temporal Segment Networks, applied
    to class scores *before* the activation:

    - `"avg"`: mean over the segments;
    - `"max"`: largest score of each class;
    - `"weighted"`: sum of the scores times one trained weight per segment,
      initialized as `1 / num_segments`, so that it starts as the average;
    - `"top_k"`: mean of the `k` best scores of each class.

    Masking: supported. A mask `(batch, num_segments)` marks real segments
    with True; padded ones are ignored (the weights of `"weighted"` are
    scaled by `num_segments / number of real segments`). A clip without any
    real segment has the scores 0.

    Args:
        mode: str. One of `"avg"`, `"max"`, `"weighted"`, `"top_k"`.
            Defaults to `"avg"`.
        k: int. Number of best segments for `"top_k"`. If there are fewer
            segments, all are used. Defaults to `3`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Tensor of shape `(batch, num_segments, ..., classes)`, of any
            rank of at least 3. `num_segments` may be unknown, except for
            `"weighted"`.
        mask: Boolean tensor `(batch, num_segments)`, optional.

    Output shape:
        `(batch, ..., classes)`.

    Raises:
        ValueError: if `mode` is unknown, `k` is not a positive integer, the
            rank of the input is less than 3, or the number of segments is
            unknown for `"weighted"`.

    Example:

    >>> scores = np.random.rand(2, 3, 101)
    >>> keras_vidrec.layers.ConsensusLayer("avg")(scores).shape
    (2, 101)

    Reference:
        - [Wang et al., 2016](https://arxiv.org/abs/1608.00859), section 3.1,
          equation 1, and section 4.3 (aggregation functions).
    """

    def __init__(
        self,
        mode: typing.Literal["avg", "max", "weighted", "top_k"] = "avg",
        k: int = 3,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(**kwargs)
        checks.choice("mode", mode, MODES)
        checks.count("k", k)
        self.mode = mode
        self.k = k
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        if self.mode == "weighted":
            num_segments = input_shape[1]
            if num_segments is None:
                raise ValueError(
                    "A weighted consensus has one weight per segment. "
                    "Expected a known number of segments; pass "
                    "`num_segments` to the builder. Received: "
                    f"input_shape={tuple(input_shape)}"
                )
            self.segment_weights = self.add_weight(
                name="segment_weights",
                shape=(num_segments,),
                initializer=keras.initializers.Constant(1.0 / num_segments),
            )

    def call(
        self, inputs: keras.KerasTensor, mask: keras.KerasTensor | None = None
    ) -> keras.KerasTensor:
        if mask is None:
            return self._unmasked(inputs)
        # (batch, num_segments, 1, ..., 1)
        mask = ops.cast(mask, "bool")
        for _ in range(len(inputs.shape) - 2):
            mask = ops.expand_dims(mask, -1)
        return self._masked(inputs, mask)

    def _unmasked(self, inputs):
        if self.mode == "avg":
            return ops.mean(inputs, axis=1)
        if self.mode == "max":
            return ops.max(inputs, axis=1)
        if self.mode == "weighted":
            return ops.sum(inputs * self._weights_like(inputs), axis=1)
        return self._mean_of_best(inputs, ops.shape(inputs)[1])

    def _masked(self, inputs, mask):
        real = ops.cast(mask, inputs.dtype)
        count = ops.sum(real, axis=1)
        if self.mode in ("max", "top_k"):
            lowest = ops.full_like(inputs, -float("inf"))
            inputs = ops.where(mask, inputs, lowest)
            if self.mode == "max":
                best = ops.max(inputs, axis=1)
                return ops.where(count > 0, best, ops.zeros_like(best))
            return self._mean_of_best(inputs, count)
        # `where` instead of a product, because padded segments may be NaN.
        inputs = ops.where(mask, inputs, ops.zeros_like(inputs))
        if self.mode == "weighted":
            num_segments = inputs.shape[1]
            total = ops.sum(inputs * self._weights_like(inputs), axis=1)
            return total * num_segments / ops.maximum(count, 1)
        return ops.sum(inputs, axis=1) / ops.maximum(count, 1)

    def _weights_like(self, inputs):
        shape = (1, -1) + (1,) * (len(inputs.shape) - 2)
        weights = ops.cast(self.segment_weights, inputs.dtype)
        return ops.reshape(weights, shape)

    def _mean_of_best(self, inputs, count):
        """Returns the mean of the best `min(k, count)` scores. `count` is the
        number of segments, an int or a tensor."""
        best_first = ops.flip(ops.sort(inputs, axis=1), axis=1)[:, : self.k]
        finite = ops.isfinite(best_first)
        total = ops.sum(
            ops.where(finite, best_first, ops.zeros_like(best_first)), axis=1
        )
        taken = ops.clip(ops.cast(count, inputs.dtype), 1, self.k)
        return total / taken

    def compute_mask(
        self, inputs: keras.KerasTensor, mask: keras.KerasTensor | None = None
    ) -> None:
        return None

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        return (input_shape[0], *input_shape[2:])

    def get_config(self) -> dict:
        return {**super().get_config(), "mode": self.mode, "k": self.k}
