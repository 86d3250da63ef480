"""Batch normalization on TensorFlow's fused kernel."""

import functools
import warnings

import keras
from keras import ops

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

# The kernel takes activations of these types; its statistics are float32.
FUSED_DTYPES = ("float16", "bfloat16", "float32")


@functools.cache
def _warn_unsynchronized():
    """Warns once a process, not once for each of a network's layers."""
    warnings.warn(
        "This model was built with `synchronized=True` batch normalization, "
        f"which the {keras.backend.backend()} backend does not have. Its "
        "layers are loaded unsynchronized: each replica would normalize by "
        "the statistics of its own share of the batch.",
        stacklevel=3,
    )


@keras.saving.register_keras_serializable(package="keras_vidrec")
class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization`, faster in training on TensorFlow.

    On the TensorFlow backend, a training step over a channels-last image
    tensor runs TensorFlow's fused kernel instead of separate reductions and
    multiplications. Outputs, gradients, moving statistics, weights and
    configuration are those of the Keras layer. Everything else is Keras' own
    code: other backends, inference, a frozen layer (`trainable=False`), masked
    inputs, `synchronized=True`, `renorm=True`, and inputs whose rank is not 4
    or whose `axis` is not the last.

    A configuration with `synchronized=True` loads on every backend; where
    there are no replicas to synchronize the layer becomes unsynchronized, with
    one warning a process.

    Args: those of `keras.layers.BatchNormalization`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`, or any
            shape that the Keras layer takes.
        training: bool. Whether to normalize by the statistics of the batch
            and to move the moving statistics.
        mask: `None`, or bool tensor of the inputs' shape without the channels.

    Output shape:
        Same as input.

    Reference:
        - [Ioffe and Szegedy, 2015](https://arxiv.org/abs/1502.03167)
    """

    def call(self, inputs, training=None, mask=None):
        if (
            training
            and self.trainable
            and mask is None
            and self._has_fused_kernel(inputs)
        ):
            return self._normalize_by_batch(inputs)
        return super().call(inputs, training=training, mask=mask)

    @classmethod
    def from_config(cls, config):
        if (
            config.get("synchronized")
            and keras.backend.backend() != "tensorflow"
        ):
            _warn_unsynchronized()
            config = {**config, "synchronized": False}
        return super().from_config(config)

    def _has_fused_kernel(self, inputs):
        return (
            keras.backend.backend() == "tensorflow"
            and not self.synchronized
            and not self.renorm
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and keras.backend.standardize_dtype(inputs.dtype) in FUSED_DTYPES
        )

    def _normalize_by_batch(self, inputs):
        moving_mean = ops.cast(self.moving_mean, "float32")
        moving_variance = ops.cast(self.moving_variance, "float32")
        # `tf.nn.fused_batch_norm` would raise a small epsilon to 1.001e-5.
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=(
                ops.cast(self.gamma, "float32")
                if self.scale
                else tf.ones_like(moving_mean)
            ),
            offset=(
                ops.cast(self.beta, "float32")
                if self.center
                else tf.zeros_like(moving_mean)
            ),
            mean=tf.zeros([0]),
            variance=tf.zeros([0]),
            epsilon=self.epsilon,
            is_training=True,
        )
        # The kernel normalizes by the biased variance, as Keras does, but
        # returns the unbiased one, n / max(n - 1, 1) times as large.
        num_values = tf.cast(
            tf.size(inputs, out_type=tf.int64) // inputs.shape[-1], "float32"
        )
        variance *= tf.maximum(num_values - 1.0, 1.0) / num_values
        self.moving_mean.assign(
            moving_mean * self.momentum + mean * (1.0 - self.momentum)
        )
        self.moving_variance.assign(
            moving_variance * self.momentum + variance * (1.0 - self.momentum)
        )
        return ops.cast(outputs, self.compute_dtype)
