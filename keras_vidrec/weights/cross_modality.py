"""Initialization of flow networks from rgb networks."""

import collections
import typing

import keras
import numpy as np

from keras_vidrec.backbones import PixelScaling
from keras_vidrec.specs import checks
from keras_vidrec.weights import pixels
from keras_vidrec.weights.copying import CopyReport
from keras_vidrec.weights.copying import copy_layers
from keras_vidrec.weights.towers import layers_by_path
from keras_vidrec.weights.towers import towers

MODES = ("avg", "symmetric", "scaled")

_COLORS = 3


def cross_modality(
    source: keras.Model,
    target: keras.Model,
    mode: typing.Literal["avg", "symmetric", "scaled"] = "avg",
    copy_head: bool = False,
) -> CopyReport:
    """Initializes a flow network from an rgb network.

    The kernel of the first convolution is converted to the channels of the
    target:

    - `"avg"`: every channel gets the average over the three colors (TSN). The
      response to an image repeated over all channels grows with their number,
      as in the authors' code.
    - `"scaled"`: the same times 3 / channels, which keeps the response.
    - `"symmetric"`: the colors are mirrored repeatedly: R G B B G R R G B ...
      (two-stream fusion, STFN). The order is that of the input of the
      *convolution*: networks of the Caffe releases convert R G B to B G R
      before it, so there the channels get B G R R G B B G R ...

    Networks on differences of frames have no layer that scales pixels. There
    the kernel includes the standard deviation and the channel order of the
    source's scaling, so that it can be applied to differences of raw frames.

    The bias and every other layer of the tower are copied by name, whatever the
    names of the towers are. The head keeps its own weights and is reported as
    missing, because a classifier of colors does not fit motion (as in TSN's
    code). With `copy_head` it is copied as well; a classifier for another
    number of classes is not, and is reported as mismatched.

    Args:
        source: keras.Model for rgb: a network with a tower named `rgb`, or
            with one tower of any stream, or a bare tower.
        target: keras.Model to change in place: a network with one tower, or a
            bare tower, such as `network.get_layer("flow")`.
        mode: str. `"avg"`, `"symmetric"` or `"scaled"`. Defaults to
            `"avg"`.
        copy_head: bool. Whether to copy the classifier too. Defaults to
            `False`.

    Returns:
        `CopyReport` by the layers of the target. `inflated` describes the first
        convolution; everything that could not be copied is listed.

    Raises:
        ValueError: if the mode is unknown, a network has several towers, the
            first convolution of the source does not have three channels, or
            that of the target has other shapes. Nothing is changed then.

    Example:

    >>> rgb, flow = TSN(), TSN(modality="flow")
    >>> keras_vidrec.weights.cross_modality(rgb, flow).inflated
    ('flow/conv1_7x7_s2 (3 to 10 channels: avg)',)

    Reference:
        - [Wang et al., 2016](https://arxiv.org/abs/1608.00859), section 3.2
          (cross modality pre-training).
    """
    checks.choice("mode", mode, MODES)
    from_tower, into_tower = _tower(source, "source"), _tower(target, "target")
    first = _inflated(from_tower, into_tower, mode)
    scaling = _scaling_in_kernel(source, from_tower, target, into_tower)
    if scaling is not None:
        (kernel, *bias), how = first.made
        kernel = pixels.scaled_kernel(kernel, scaling)
        first = _First(first.layer, ([kernel, *bias], how))
    # A bare tower has no head, and one of several towers has none of its own.
    alone = into_tower is target or len(towers(source)) > 1
    if alone or not copy_head:
        source = from_tower
    old = "" if from_tower is source else f"{from_tower.name}/"
    new = "" if into_tower is target else f"{into_tower.name}/"

    def source_key(path):
        return new + path[len(old) :] if path.startswith(old) else path

    def inflate(layer, wanted):
        return first.made if wanted is first.layer else None

    return copy_layers(
        source,
        target,
        source_key=source_key,
        target_key=lambda path: path,
        inflate=inflate,
    )


def inflate_kernel(kernel, channels, mode="avg"):
    """Returns the kernel of a convolution of colors, converted to another
    number of channels.

    Args:
        kernel: float array `(height, width, colors, filters)`.
        channels: int. Channels of the new kernel.
        mode: str. See `cross_modality`.

    Returns:
        float array `(height, width, channels, filters)` of the same type.
    """
    kernel = np.asarray(kernel)
    colors = kernel.shape[2]
    if mode == "symmetric":
        there_and_back = [*range(colors), *reversed(range(colors))]
        return kernel[:, :, np.resize(there_and_back, channels)]
    mean = kernel.mean(axis=2, keepdims=True, dtype="float64")
    if mode == "scaled":
        mean *= colors / channels
    return np.repeat(mean, channels, axis=2).astype(kernel.dtype)


# The layer to change; its weights and a description of the conversion.
_First = collections.namedtuple("_First", "layer made")


def _inflated(from_tower, into_tower, mode: str) -> _First:
    """Returns the first convolution of `into_tower`, with weights converted
    from those of `from_tower`."""
    (path, layer), (wanted_path, wanted) = (
        _first_convolution(tower) for tower in (from_tower, into_tower)
    )
    kernel, *bias = layer.get_weights()
    if kernel.shape[2] != _COLORS or layer.groups != 1:
        raise ValueError(
            "Expected a `source` of images of three colors. Received: "
            f"source={from_tower.name!r}, whose first convolution {path!r} "
            f"has a kernel of {kernel.shape}"
        )
    channels = wanted.kernel.shape[2]
    made = [inflate_kernel(kernel, channels, mode), *bias]
    have = [weight.shape for weight in made]
    want = [tuple(weight.shape) for weight in wanted.weights]
    if path != wanted_path or have != want:
        raise ValueError(
            "Expected a `target` of the same architecture as the source. "
            f"Received: target={into_tower.name!r}, whose first convolution "
            f"{wanted_path!r} has weights of {want}; {path!r} of the source "
            f"has {have}"
        )
    how = f"{_COLORS} to {channels} channels: {mode}"
    return _First(wanted, (made, how))


def _scaling_in_kernel(source, from_tower, target, into_tower):
    """Returns the `PixelScaling` to include in the first convolution; `None` if
    a layer of the target scales pixels, or the source does not."""
    if not pixels.scales_in_kernel(target, pixels.modality_of(into_tower)):
        return None
    scaling = pixels.scalings_of(source).get(pixels.modality_of(from_tower))
    if scaling is None:
        return None
    # The mean cancels in a difference.
    return PixelScaling(0.0, scaling.std, scaling.channel_order)


def _tower(model, role):
    """Returns a source's rgb tower, a network's only tower, or a bare one."""
    found = towers(model)
    if role == "source" and "rgb" in found:
        return found["rgb"]
    if len(found) > 1:
        raise ValueError(
            f"Expected a `{role}` of one tower; a tower alone will do. "
            f"Received: {role}={model.name!r} of {tuple(found)}"
        )
    return next(iter(found.values()), model)


def _first_convolution(tower):
    for path, layer in layers_by_path(tower).items():
        if isinstance(layer, keras.layers.Conv2D):
            return path, layer
    raise ValueError(
        "Expected towers that begin with a 2-D convolution. Received: "
        f"{tower.name!r} without one"
    )
