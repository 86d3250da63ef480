"""Clips of noise, as inputs of networks."""

import keras
import numpy as np

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.specs import checks

_MODEL = "a network with a clip specification, or with inputs of known sizes"


def clips(model, batch, num_segments=None, size=None):
    """Makes a batch of noise for a network.

    Args:
        model: keras.Model of this package.
        batch: int. Number of clips.
        num_segments: `None` (as many as the network was built for, or is
            trained with), or int. Defaults to `None`.
        size: `None` (the size that the network was built for, or is trained
            with), or int: height and width in pixels. Defaults to `None`.

    Returns:
        The input of the model: an array, or a dict of arrays; images uint8,
        features float32.

    Raises:
        ValueError: if the network was built for other sizes, or a size is
            neither given nor known.
    """
    spec = describe(model).clip_spec
    known = (None, None) if spec is None else (spec.num_segments, spec.size)
    wanted = {"num_segments": num_segments, "size": size}
    free = [given or own for given, own in zip(wanted.values(), known)]
    rng = np.random.default_rng(0)

    def one(tensor):
        axes = [0, 1, 1] if len(tensor.shape) == 5 else [0]
        shape = list(tensor.shape[1:])
        for place, axis in enumerate(axes):
            name = tuple(wanted)[axis]
            built = shape[place]
            if built is None:
                checks.check(free[axis], "model", _MODEL, model.name)
                shape[place] = free[axis]
            elif wanted[name] is not None:
                checks.check(
                    wanted[name] == built,
                    name,
                    f"{built}, which {model.name!r} was built for",
                    wanted[name],
                )
        if len(axes) == 1:
            return rng.standard_normal((batch, *shape)).astype("float32")
        return rng.integers(0, 256, (batch, *shape), dtype="uint8")

    found = [one(tensor) for tensor in keras.tree.flatten(model.input)]
    return keras.tree.pack_sequence_as(model.input, found)
