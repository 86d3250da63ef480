"""TV-L1 optical flow in `keras.ops`, for any Keras backend, without OpenCV.

There are two functions: `tvl1_flow` computes the flow of a batch inside a
graph, `stream` that of any number of pairs. Both repeat `step.tick`.
"""

import typing

from keras import ops

from keras_vidrec.flow.tvl1 import pyramid
from keras_vidrec.flow.tvl1 import step
from keras_vidrec.flow.tvl1.parameters import DEFAULTS
from keras_vidrec.flow.tvl1.parameters import Parameters
from keras_vidrec.flow.tvl1.stream import stream

if typing.TYPE_CHECKING:
    import keras

__all__ = ["Parameters", "stream", "tvl1_flow"]


def tvl1_flow(
    first: "keras.KerasTensor",
    second: "keras.KerasTensor",
    parameters: Parameters = DEFAULTS,
) -> "keras.KerasTensor":
    """Computes the optical flow from one batch of images to another.

    It follows `cv2.optflow.DualTVL1OpticalFlow` with the same defaults. Every
    pair stops when its own error is small, so its flow does not depend on the
    others; the computation ends with the slowest pair. Works eagerly, in a
    `tf.function` and under XLA on TensorFlow and JAX; sizes may be unknown
    until run time.

    Args:
        first, second: tensors `(batch, height, width, 1)`, gray, 0..255.
        parameters: `Parameters`. Defaults to OpenCV's.

    Returns:
        float32 tensor `(batch, height, width, 2)`: motion right and down in
        pixels.

    Raises:
        ValueError: if a parameter or the shape of the images is invalid.

    Reference:
        - Zach, Pock, Bischof, "A duality based approach for realtime TV-L1
          optical flow", 2007.
        - [Sanchez Perez et al., 2013](https://doi.org/10.5201/ipol.2013.26),
          algorithm 1.
    """
    parameters.check()
    first = _gray(first, "first")
    second = _gray(second, "second")
    for one, other in zip(first.shape, second.shape):
        if None not in (one, other) and one != other:
            raise ValueError(
                "Expected `first` and `second` of the same shape. Received: "
                f"first.shape={tuple(first.shape)}, "
                f"second.shape={tuple(second.shape)}"
            )
    batch, height, width = ops.shape(first)
    sizes = pyramid.level_sizes(height, width, parameters)
    firsts = pyramid.smaller_images(first, sizes, parameters)
    seconds = pyramid.smaller_images(second, sizes, parameters)
    flow = (ops.zeros_like(firsts[-1]),) * 2
    for level in reversed(range(len(sizes))):
        height, width, used = sizes[level]
        if level < len(sizes) - 1:
            flow = pyramid.larger_flow(*flow, height, width, parameters)
        lanes = step.start(*flow)
        done = ops.where(used, 0, parameters.warps)
        lanes = (lanes[0] + done, *lanes[1:])
        flow = _level(lanes, firsts[level], seconds[level], parameters)
    return ops.stack(flow, axis=-1)


def _gray(images, name):
    images = ops.convert_to_tensor(images)
    if len(images.shape) != 4 or images.shape[-1] != 1:
        raise ValueError(
            f"Expected `{name}` of shape (batch, height, width, 1). "
            f"Received: shape={tuple(images.shape)}"
        )
    return ops.cast(images, "float32")[..., 0]


def _level(lanes, first, second, parameters):
    """Runs all lanes until they have finished a level. Returns their flow."""

    def goes_on(*lanes):
        return ops.any(lanes[0] < parameters.warps)

    def body(*lanes):
        return step.tick(lanes, first, second, parameters)

    _, _, _, fields, _ = ops.while_loop(goes_on, body, lanes)
    return fields[:2]
