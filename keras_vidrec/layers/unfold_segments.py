import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_vidrec")
class UnfoldSegments(keras.layers.Layer):
    """Takes the segments out of the batch again, after a 2-D backbone.

    Args:
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        folded: Tensor `(batch * num_segments, ...)`, what the backbone made
            of the output of `FoldSegments`.
        clips: Tensor `(batch, num_segments, ...)`, the input of
            `FoldSegments`; only its first two sizes are read.

    Output shape:
        `(batch, num_segments, ...)`.

    Example:

    >>> clips = np.zeros((2, 3, 224, 224, 3))
    >>> features = np.zeros((6, 1024))
    >>> keras_vidrec.layers.UnfoldSegments()(features, clips).shape
    (2, 3, 1024)
    """

    def call(self, folded, clips):
        batch, num_segments = ops.shape(clips)[:2]
        # One size may stay -1, so that the other one remains static.
        if clips.shape[1] is not None:
            batch = -1
        return ops.reshape(
            folded, (batch, num_segments, *ops.shape(folded)[1:])
        )

    def compute_output_shape(self, folded_shape, clips_shape):
        return (*clips_shape[:2], *folded_shape[1:])
