"""The signature of a SavedModel that computes TV-L1 flow."""

import keras
import numpy as np
import tensorflow as tf

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.export import parity
from keras_vidrec.flow import codec
from keras_vidrec.flow.tvl1 import flow as tvl1

_FLOWS = {"flow", "warped_flow"}


class FlowMaker:
    """A signature that computes the optical flow of whole frames.

    Args:
        bound: float. The bound of the network's `FlowSpec`, in pixels.

    Attributes:
        name: str. Name of the signature.
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
        """Returns the `tf.function` of the signature. It returns a dict of
        `flow`, float32 `(batch, height, width, 2)`, in pixels."""
        return self._make

    def check(self, run_of, _recipe, _tolerance):
        """Compares the 8-bit codes of the flow of the exported signature with
        those of this process.

        Args:
            run_of: function from the name of a signature to a function from a
                dict of arrays by input to a dict of arrays by output.

        Returns:
            `parity.Check`.

        Raises:
            RuntimeError: if more codes differ than `parity.check_codes` allows.
        """
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
    """Returns the `FlowMaker` of a network that takes images of flow made by
    TV-L1, `None` for other networks."""
    spec = describe(model).clip_spec
    if spec is None or spec.flow.method != "tvl1":
        return None
    if not _FLOWS & {*spec.modalities}:
        return None
    if any(len(x.shape) != 5 for x in keras.tree.flatten(model.input)):
        return None
    return FlowMaker(spec.flow.bound)
