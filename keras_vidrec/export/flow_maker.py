"""TV-L1 beside a network that sees flow made by it."""

import keras
import numpy as np
import tensorflow as tf

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.export import parity
from keras_vidrec.flow import codec
from keras_vidrec.flow.tvl1 import flow as tvl1

_FLOWS = {"flow", "warped_flow"}


class FlowMaker:
    """Optical flow of whole frames as a signature.

    Args:
        bound: float. That of the network's `FlowSpec`.

    Attributes:
        name: str. Of the signature.
        inputs: list of tf.TensorSpec: gray images `first` and `second`, uint8
            `(batch, height, width)`.
    """

    name = "make_flow"

    def __init__(self, bound):
        self._bound = bound
        self.inputs = [
            tf.TensorSpec((None, None, None), tf.uint8, name=name)
            for name in ("first", "second")
        ]

        self._make = tf.function(
            _make_flow, input_signature=self.inputs, autograph=False
        )

    def function(self, _functions):
        """`tf.function` to a dict of `flow`, float32 `(batch, height, width,
        2)`, in pixels."""
        return self._make

    def check(self, run_of, _recipe, _tolerance):
        """Compares its codes with those that are made here; see
        `parity.check`."""
        y, x, time = np.mgrid[:36, :48, :3]
        waves = np.sin((x - time) / 3) + np.cos((y - time / 2) / 4)
        images = np.moveaxis(120 + 50 * waves, -1, 0).astype("uint8")
        pair = {"first": images[:-1], "second": images[1:]}
        found, expected = (
            codec.encode(made["flow"], self._bound)
            for made in (
                run_of(self.name)(pair),
                self._make(*map(tf.constant, pair.values())),
            )
        )
        parity.check_codes(found, expected)
        steps = np.subtract(found, expected, dtype="int16")
        difference = float(np.abs(steps).max())
        return parity.Check(
            self.name, difference, "generated images", "codes of flow"
        )


def _make_flow(first, second):
    pair = (keras.ops.expand_dims(images, -1) for images in (first, second))
    return {"flow": tvl1.tvl1_flow(*pair)}


def of(model):
    """`FlowMaker` of a network that sees flow made by TV-L1, `None` of another
    one."""
    spec = describe(model).clip_spec
    if spec is None or spec.flow.method != "tvl1":
        return None
    if not _FLOWS & {*spec.modalities}:
        return None
    if any(len(x.shape) != 5 for x in keras.tree.flatten(model.input)):
        return None
    return FlowMaker(spec.flow.bound)
