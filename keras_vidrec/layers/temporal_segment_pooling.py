import typing

import keras
from keras import ops

from keras_vidrec.specs import checks

MODES = ("max", "avg")


@keras.saving.register_keras_serializable(package="keras_vidrec")
class TemporalSegmentPooling(keras.layers.Layer):
    """Pools the features of each of several equal parts of a clip.

    The frames are divided into `segments` consecutive parts of `frames //
    segments` each, and each part is pooled over its frames. A remainder at the
    end is not used, as in the authors' code: 25 frames in 3 segments are 3
    times 8, and the last frame is not used.

    Masking: supported. A mask `(batch, frames)` marks real frames with True;
    padded ones are ignored. A segment without any real frame gives 0. The
    output has no mask.

    Args:
        segments: int. Number of parts.
        mode: str. `"max"` or `"avg"` of each feature over the frames of a
            part. Defaults to `"max"`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Tensor `(batch, frames, features)` of at least `segments`
            frames; any dimension may be unknown.
        mask: Boolean tensor `(batch, frames)`, optional.

    Output shape:
        `(batch, segments, features)`.

    Raises:
        ValueError: if `segments` is not a positive integer, `mode` is unknown,
            or there are fewer frames than segments. If the number of frames is
            only known when the graph runs, an error is raised then.

    Example:

    >>> features = np.ones((2, 25, 4096))
    >>> keras_vidrec.layers.TemporalSegmentPooling(3)(features).shape
    (2, 3, 4096)

    Reference:
        - [Ma et al., 2017](https://arxiv.org/abs/1703.10667), section 3.2
          (temporal segments and pooling).
    """

    def __init__(
        self,
        segments: int,
        mode: typing.Literal["max", "avg"] = "max",
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(**kwargs)
        checks.count("segments", segments)
        checks.choice("mode", mode, MODES)
        self.segments = segments
        self.mode = mode
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        num_frames = input_shape[1]
        if num_frames is not None and num_frames < self.segments:
            raise ValueError(
                f"Expected at least {self.segments} frames, one per segment. "
                f"Received: input_shape={tuple(input_shape)}"
            )

    def call(
        self, inputs: keras.KerasTensor, mask: keras.KerasTensor | None = None
    ) -> keras.KerasTensor:
        parts = self._split(inputs)
        if mask is None:
            pool = ops.max if self.mode == "max" else ops.mean
            return pool(parts, axis=2)
        real = ops.expand_dims(self._split(ops.cast(mask, "bool")), -1)
        # `where` instead of a product, because padded frames may be NaN.
        if self.mode == "max":
            lowest = ops.full_like(parts, -float("inf"))
            largest = ops.max(ops.where(real, parts, lowest), axis=2)
            any_real = ops.any(real, axis=2)
            return ops.where(any_real, largest, ops.zeros_like(largest))
        total = ops.sum(ops.where(real, parts, ops.zeros_like(parts)), axis=2)
        return total / ops.maximum(
            ops.sum(ops.cast(real, total.dtype), axis=2), 1
        )

    def compute_mask(
        self, inputs: keras.KerasTensor, mask: keras.KerasTensor | None = None
    ) -> None:
        return None

    def _split(self, x):
        """Reshapes `(batch, frames, ...)` to `(batch, segments, frames of each,
        ...)`."""
        batch, num_frames, *rest = ops.shape(x)
        length = num_frames // self.segments
        # At least 1, so that with too few frames `reshape` raises an error
        # instead of pooling over parts without frames.
        if isinstance(length, int):
            length = max(length, 1)
        else:
            length = ops.maximum(length, 1)
        x = x[:, : self.segments * length]
        return ops.reshape(x, (batch, self.segments, length, *rest))

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        return (input_shape[0], self.segments, input_shape[2])

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "segments": self.segments,
            "mode": self.mode,
        }
