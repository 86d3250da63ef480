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
    """`keras.layers.BatchNormalization`, faster on TensorFlow.

    On the TensorFlow backend, a channels-last image tensor goes through
    TensorFlow's fused kernel instead of separate reductions and
    multiplications; in inference TensorFlow then merges the kernel with the
    convolution before it and the ReLU after it. Outputs, gradients, moving
    statistics, weights and configuration are those of the Keras layer.
    Everything else is Keras' own code: other backends, training steps of a
    frozen (`trainable=False`) or synchronized layer, masked inputs,
    `renorm=True`, and inputs whose rank is not 4 or whose `axis` is not the
    last.

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
        if mask is None and self._has_fused_kernel(inputs):
            if not training:
                outputs, *_ = self._normalize(
                    inputs,
                    ops.cast(self.moving_mean, "float32"),
                    ops.cast(self.moving_variance, "float32"),
                    is_training=False,
                )
                return ops.cast(outputs, self.compute_dtype)
            # The kernel of a frozen layer would compute gradients of its
            # scale and offset for nobody.
            if self.trainable and not self.synchronized:
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
            and not self.renorm
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and keras.backend.standardize_dtype(inputs.dtype) in FUSED_DTYPES
        )

    def _normalize(self, inputs, mean, variance, is_training):
        # `tf.nn.fused_batch_norm` would raise a small epsilon to 1.001e-5.
        channels = inputs.shape[-1:]
        return tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=(
                ops.cast(self.gamma, "float32")
                if self.scale
                else tf.ones(channels)
            ),
            offset=(
                ops.cast(self.beta, "float32")
                if self.center
                else tf.zeros(channels)
            ),
            mean=mean,
            variance=variance,
            epsilon=self.epsilon,
            is_training=is_training,
        )

    def _normalize_by_batch(self, inputs):
        unused = tf.zeros([0])
        outputs, mean, variance, *_ = self._normalize(
            inputs, unused, unused, is_training=True
        )
        # The kernel normalizes by the biased variance, as Keras does, but
        # returns the unbiased one, n / max(n - 1, 1) times as large.
        num_values = tf.cast(
            tf.size(inputs, out_type=tf.int64) // inputs.shape[-1], "float32"
        )
        variance *= tf.maximum(num_values - 1.0, 1.0) / num_values
        for moving, batch in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            moving.assign(
                ops.cast(moving, "float32") * self.momentum
                + batch * (1.0 - self.momentum)
            )
        return ops.cast(outputs, self.compute_dtype)
