"""Batch normalization with the backend's fused kernel, or by sub-batches."""

import functools
import math
import typing
import warnings

import keras
from keras import ops

from keras_vidrec.specs import checks

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
elif keras.backend.backend() == "torch":
    import torch

# The types of activations that the kernels take. Statistics are float32.
FUSED_DTYPES = ("float16", "bfloat16", "float32")


@functools.cache
def _warn_unsynchronized():
    """Warns once per process, instead of once per layer."""
    warnings.warn(
        "This model was built with `synchronized=True` batch normalization, "
        f"which the {keras.backend.backend()} backend does not support. Its "
        "layers are loaded unsynchronized: with several replicas, each would "
        "use the statistics of its own part of the batch.",
        stacklevel=3,
    )


@keras.saving.register_keras_serializable(package="keras_vidrec")
class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization`, faster on TensorFlow and PyTorch, and
    by sub-batches.

    On these backends, a channels-last image tensor is normalized by the fused
    kernel instead of separate reductions and multiplications; in inference
    TensorFlow then merges the kernel with the convolution before it and the
    ReLU after it. Outputs, gradients, moving statistics, weights and
    configuration are those of the Keras layer. In all other cases Keras' own
    code is used: on JAX, whose compiler fuses the operations itself; in
    training steps of a frozen (`trainable=False`) or synchronized layer on
    TensorFlow; in training steps with a single value per channel on PyTorch;
    and for masked inputs, `renorm=True`, and inputs whose rank is not 4 or
    whose `axis` is not the last.

    A configuration with `synchronized=True` can be loaded on every backend. On
    backends other than TensorFlow the layer becomes unsynchronized, with one
    warning per process.

    With `num_groups`, training divides the batch into this number of equal
    groups of consecutive clips and normalizes each by its own statistics, as if
    the gradients of sub-batches were accumulated. Some published networks were
    trained with such sub-batches for lack of memory. Snippets folded into the
    batch by `FoldSegments` stay in the group of their clip. The moving
    statistics are updated once, with the means of the groups' means and
    variances. (MatConvNet does so too, but stores standard deviations instead
    of variances. Caffe's `iter_size` would update them once per sub-batch.)
    Inference and frozen layers do not use groups.

    Groups are never synchronized. With several replicas, each one has its own
    `num_groups` groups, and the moving statistics are updated towards the means
    over all groups of all replicas, with and without `synchronized`, so they
    stay equal on all replicas.

    Args:
        *args, **kwargs: The arguments of `keras.layers.BatchNormalization`.
        num_groups: `None` (no groups), or int. Number of groups of the batch in
            training, a divisor of its size. The attribute can be changed until
            `compile`. Groups need `axis=-1`, and no `renorm` and no masks.
            Defaults to `None`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`, or any
            shape that the Keras layer takes.
        training: bool. Whether to normalize by the statistics of the batch
            and to update the moving statistics.
        mask: `None`, or bool tensor of the inputs' shape without the channels.

    Output shape:
        Same as input.

    Raises:
        ValueError: if `num_groups` is not positive; in training, if it does
            not divide the size of the batch, or groups are not possible. If
            the size of the batch is only known when the graph runs, an error
            is raised then.

    Reference:
        - [Ioffe and Szegedy, 2015](https://arxiv.org/abs/1502.03167)
    """

    def __init__(
        self,
        *args: typing.Any,
        num_groups: int | None = None,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.num_groups = num_groups

    @property
    def num_groups(self) -> int | None:
        """Number of groups of the batch in training, or `None`."""
        return self._num_groups

    @num_groups.setter
    def num_groups(self, number: typing.Any) -> None:
        if number is not None:
            checks.count("num_groups", number)
        self._num_groups = number

    def call(
        self,
        inputs: keras.KerasTensor,
        training: bool | None = None,
        mask: keras.KerasTensor | None = None,
    ) -> keras.KerasTensor:
        if training and self.trainable and self.num_groups is not None:
            return self._normalize_by_group(inputs, mask)
        if mask is None and self._has_fused_kernel(inputs):
            outputs = _KERNELS[_BACKEND](self, inputs, training)
            if outputs is not None:
                return ops.cast(outputs, self.compute_dtype)
        return super().call(inputs, training=training, mask=mask)

    def normalize_maps(
        self, maps: keras.KerasTensor, training: bool | None = None
    ) -> keras.KerasTensor:
        """Does the same as `call`, on PyTorch, for channels-first maps, without
        groups and masks.

        Args:
            maps: float tensor `(batch, channels, height, width)`, a view of
                channels-last memory.
            training: bool, or `None` (as `False`). Defaults to `None`.

        Returns:
            Tensor like `maps`; `None` if the kernel cannot compute it.
        """
        grouped = training and self.trainable and self.num_groups is not None
        if grouped or self.renorm or self.axis not in (-1, 3):
            return None
        return _by_torch(self, maps, training)

    def get_config(self) -> dict:
        return {**super().get_config(), "num_groups": self.num_groups}

    @classmethod
    def from_config(cls, config: dict) -> typing.Self:
        if (
            config.get("synchronized")
            and keras.backend.backend() != "tensorflow"
        ):
            _warn_unsynchronized()
            config = {**config, "synchronized": False}
        return super().from_config(config)

    def _has_fused_kernel(self, inputs):
        return (
            _BACKEND in _KERNELS
            and not self.renorm
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and keras.backend.standardize_dtype(inputs.dtype) in FUSED_DTYPES
        )

    def _scale_and_offset(self):
        return (
            ops.cast(self.gamma, "float32") if self.scale else None,
            ops.cast(self.beta, "float32") if self.center else None,
        )

    def _normalize_by_group(self, inputs, mask):
        self._check_groups(inputs, mask)
        dtype = keras.backend.result_type(inputs.dtype, "float32")
        shape = ops.shape(inputs)
        # One matrix per group, (groups, values, channels): with XLA, as in
        # `fit`, reductions over a single axis are the fastest, and unlike with
        # one kernel per group, the graph does not grow with the groups.
        num_values = shape[0] // self.num_groups * math.prod(shape[1:-1])
        groups = ops.reshape(
            ops.cast(inputs, dtype), (self.num_groups, num_values, shape[-1])
        )
        mean = ops.mean(groups, axis=1, keepdims=True)
        outputs = groups - mean
        variance = ops.mean(ops.square(outputs), axis=1, keepdims=True)
        # Not in place: PyTorch needs the earlier values for gradients.
        factor = ops.rsqrt(variance + self.epsilon)
        if self.scale:
            factor = factor * ops.cast(self.gamma, dtype)
        outputs = outputs * factor
        if self.center:
            outputs = outputs + ops.cast(self.beta, dtype)
        self._move(
            *_mean_over_replicas(
                ops.mean(mean, axis=(0, 1)), ops.mean(variance, axis=(0, 1))
            )
        )
        return ops.cast(ops.reshape(outputs, shape), self.compute_dtype)

    def _check_groups(self, inputs, mask):
        received = f"Received: num_groups={self.num_groups}"
        last = self.axis in (-1, len(inputs.shape) - 1)
        if not last or self.renorm or mask is not None:
            raise ValueError(
                "Groups of a batch are normalized along the last axis, without "
                f"`renorm` and without a mask. {received}, axis={self.axis}, "
                f"renorm={self.renorm}, masked={mask is not None}, "
                f"layer={self.name!r}"
            )
        size = inputs.shape[0]
        if size is not None and size % self.num_groups:
            raise ValueError(
                "Expected a batch that `num_groups` divides. "
                f"{received}, inputs.shape={tuple(inputs.shape)}, "
                f"layer={self.name!r}"
            )

    def _move(self, mean, variance):
        for moving, batch in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            moving.assign(
                ops.cast(moving, batch.dtype) * self.momentum
                + batch * (1.0 - self.momentum)
            )


def _tensorflow_kernel(inputs, scale, offset, mean, variance, epsilon, **mode):
    # `tf.nn.fused_batch_norm` would raise a small epsilon to 1.001e-5.
    channels = inputs.shape[-1:]
    return tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=tf.ones(channels) if scale is None else scale,
        offset=tf.zeros(channels) if offset is None else offset,
        mean=mean,
        variance=variance,
        epsilon=epsilon,
        **mode,
    )


def _on_tensorflow(layer, inputs, training):
    """Returns the outputs, or `None` if the kernel cannot be used."""
    if not training:
        outputs, *_ = _tensorflow_kernel(
            inputs,
            *layer._scale_and_offset(),
            ops.cast(layer.moving_mean, "float32"),
            ops.cast(layer.moving_variance, "float32"),
            layer.epsilon,
            is_training=False,
        )
        return outputs
    # For a frozen layer the kernel would compute unused gradients of scale and
    # offset. It cannot synchronize.
    if not layer.trainable or layer.synchronized:
        return None
    unused = tf.zeros([0])
    outputs, mean, variance, *_ = _tensorflow_kernel(
        inputs,
        *layer._scale_and_offset(),
        unused,
        unused,
        layer.epsilon,
        is_training=True,
    )
    # The kernel normalizes by the biased variance, as Keras does, but returns
    # the unbiased one, n / max(n - 1, 1) times as large.
    num_values = tf.cast(
        tf.size(inputs, out_type=tf.int64) // inputs.shape[-1], "float32"
    )
    variance *= tf.maximum(num_values - 1.0, 1.0) / num_values
    layer._move(mean, variance)
    return outputs


def _on_torch(layer, inputs, training):
    # A view, without a copy: PyTorch uses channels-last memory, too.
    outputs = _by_torch(layer, inputs.permute(0, 3, 1, 2), training)
    return None if outputs is None else outputs.permute(0, 2, 3, 1)


def _by_torch(layer, maps, training):
    scale, offset = layer._scale_and_offset()
    if not (training and layer.trainable):
        return torch.nn.functional.batch_norm(
            maps,
            ops.cast(layer.moving_mean, "float32"),
            ops.cast(layer.moving_variance, "float32"),
            scale,
            offset,
            False,
            eps=layer.epsilon,
        )
    num_values = maps.shape[0] * math.prod(maps.shape[2:])
    if num_values < 2:
        return None
    # With a momentum of 1.0 these become the statistics of the batch.
    mean, variance = torch.zeros(
        (2, maps.shape[1]), dtype=torch.float32, device=maps.device
    )
    outputs = torch.nn.functional.batch_norm(
        maps, mean, variance, scale, offset, True, 1.0, layer.epsilon
    )
    # PyTorch returns the unbiased variance, as TensorFlow's kernel does. Not in
    # place, because PyTorch needs the tensor for gradients.
    variance = variance * ((num_values - 1) / num_values)
    for moving, batch in (
        (layer.moving_mean, mean),
        (layer.moving_variance, variance),
    ):
        value = moving.value
        moving.assign(
            torch.lerp(value, batch.to(value.dtype), 1.0 - layer.momentum)
        )
    return outputs


_BACKEND = keras.backend.backend()
_KERNELS = {"tensorflow": _on_tensorflow, "torch": _on_torch}


def _mean_over_replicas(*statistics):
    if _BACKEND != "tensorflow":
        return statistics
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync < 2:
        return statistics
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, statistics)
