import typing

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_vidrec")
class FoldSegments(keras.layers.Layer):
    """Folds the segments of a clip into the batch, for a 2-D backbone.

    The backbone processes all snippets of all clips as one large batch, as in
    the authors' code: batch normalization uses all of them together, and the
    graph does not grow with the number of segments. `UnfoldSegments` is the
    inverse.

    Args:
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Tensor `(batch, num_segments, ...)` of rank 3 or more; any
            dimension may be unknown.

    Output shape:
        `(batch * num_segments, ...)`.

    Example:

    >>> clips = np.zeros((2, 3, 224, 224, 3))
    >>> keras_vidrec.layers.FoldSegments()(clips).shape
    (6, 224, 224, 3)

    Reference:
        - [Wang et al., 2016](https://arxiv.org/abs/1608.00859), section 3.1:
          the snippets share all weights.
    """

    def __init__(self, **kwargs: typing.Any) -> None:
        super().__init__(**kwargs)
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return ops.reshape(inputs, (-1, *ops.shape(inputs)[2:]))

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        batch, num_segments, *rest = input_shape
        if batch is None or num_segments is None:
            return (None, *rest)
        return (batch * num_segments, *rest)


@keras.saving.register_keras_serializable(package="keras_vidrec")
class UnfoldSegments(keras.layers.Layer):
    """Restores the segments from the batch, after a 2-D backbone.

    Args:
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        folded: Tensor `(batch * num_segments, ...)`, the output of the backbone
            on the output of `FoldSegments`.
        clips: Tensor `(batch, num_segments, ...)`, the input of
            `FoldSegments`; only its first two sizes are used.

    Output shape:
        `(batch, num_segments, ...)`.

    Example:

    >>> clips = np.zeros((2, 3, 224, 224, 3))
    >>> features = np.zeros((6, 1024))
    >>> keras_vidrec.layers.UnfoldSegments()(features, clips).shape
    (2, 3, 1024)
    """

    def call(
        self, folded: keras.KerasTensor, clips: keras.KerasTensor
    ) -> keras.KerasTensor:
        batch, num_segments = ops.shape(clips)[:2]
        # -1 for the batch keeps the number of segments static.
        if clips.shape[1] is not None:
            batch = -1
        return ops.reshape(
            folded, (batch, num_segments, *ops.shape(folded)[1:])
        )

    def compute_output_shape(
        self,
        folded_shape: tuple[int | None, ...],
        clips_shape: tuple[int | None, ...],
    ) -> tuple[int | None, ...]:
        return (*clips_shape[:2], *folded_shape[1:])
