"""The published networks that can be run in PyTorch."""

import dataclasses
import fnmatch
import functools
import re
import types
import typing

from tests.weights.references import bn_inception
from tests.weights.references import efficientnet_lite
from tests.weights.references import googlenet
from tests.weights.references import inception_v3
from tests.weights.references import residual
from tests.weights.references import vgg16
from tests.weights.references import vgg_m_2048
from tests.weights.references.layers import fully_connected
from tests.weights.references.sources import CaffeSource
from tests.weights.references.sources import ImportedMatConvNetSource
from tests.weights.references.sources import KerasSource
from tests.weights.references.sources import MatConvNetSource
from tests.weights.references.sources import PyTorchSource


@dataclasses.dataclass(frozen=True)
class Network:
    """A row of `NETWORKS`.

    Attributes:
        name: str. What it is, in words.
        source: `Source` class of its tensors.
        feature_map: callable from images `(batch, channels, height, width)`
            and a source to the last feature map, torch float tensors.
        first: str. Name of the first convolution.
        marker: str. Name of a layer that tells it from other rows.
        classifiers: tuple of str. Patterns of the name of the classifier.
        prefix: str. Goes before `first`, `marker` and what `feature_map` asks
            for. Defaults to `""`.
        differences: `None`, or pair of the order of colors, `"rgb"` or
            `"bgr"`, and the divisor of 8-bit pixels in networks of
            differences of frames. Defaults to `None`: there are none.
        config: str. A regular expression that is found in the configuration
            that the checkpoint holds. Defaults to `""`, which fits any.
        strides: dict of int by layer. Strides that the checkpoint must not
            contradict; most do not tell theirs. Defaults to none.
        otherwise: `None`, or str: what the towers of this package do
            otherwise, so that their numbers differ. Defaults to `None`.
    """

    name: str
    source: type
    feature_map: typing.Callable
    first: str
    marker: str
    classifiers: tuple
    prefix: str = ""
    differences: tuple | None = None
    config: str = ""
    strides: dict = dataclasses.field(default_factory=dict)
    otherwise: str | None = None


_PYTORCH = types.MappingProxyType(
    {"stride_on_3x3": True, "epsilon": 1e-5, "stem_padding": 1}
)
_MMACTION2_CAFFE = types.MappingProxyType(
    {"stride_on_3x3": False, "epsilon": 1e-5, "stem_padding": 1}
)
_CAFFE = types.MappingProxyType(
    {"stride_on_3x3": False, "epsilon": 1e-5, "stem_padding": 0}
)
_KERAS = types.MappingProxyType(
    {"stride_on_3x3": False, "epsilon": 1.001e-5, "stem_padding": 1}
)


def _residual(names, style):
    return functools.partial(residual.feature_map, names=names, **style)


def _bn_inception(separator):
    return functools.partial(bn_inception.feature_map, separator=separator)


_inception_v3 = functools.partial(inception_v3.feature_map, count_padding=True)


def _efficientnet_lite(names):
    return functools.partial(efficientnet_lite.feature_map, names=names)


def _vgg16(names, *fully_connected_names):
    return functools.partial(
        vgg16.feature_map,
        names=names,
        fully_connected_names=fully_connected_names,
    )


def _resnets_of_matconvnet():
    for source in (MatConvNetSource, ImportedMatConvNetSource):
        for names, marker in (
            (residual.caffe_names, "res3b_branch2a"),
            (residual.deep_caffe_names, "res3b1_branch2a"),
        ):
            yield Network(
                "ResNet of MatConvNet",
                source,
                _residual(names, _CAFFE),
                first="conv1",
                marker=marker,
                classifiers=("fc1000", "prediction", "layer*"),
                strides={"res3a_branch2b": 1},
            )


# By format, the ones with a prefix before those without.
NETWORKS = (
    Network(
        "ResNet of tsn-pytorch",
        PyTorchSource,
        _residual(residual.torchvision_names, _PYTORCH),
        first="conv1",
        marker="layer1.0.conv1",
        classifiers=("new_fc", "base_model.fc"),
        prefix="base_model.",
        differences=("rgb", 255),
    ),
    Network(
        "Caffe-style ResNet of mmaction2",
        PyTorchSource,
        _residual(residual.mmaction2_names, _MMACTION2_CAFFE),
        first="conv1.conv",
        marker="layer1.0.conv1.conv",
        classifiers=("cls_head.fc_cls",),
        prefix="backbone.",
        config=r"\bstyle\s*=\s*['\"]caffe",
    ),
    Network(
        "ResNet of mmaction2",
        PyTorchSource,
        _residual(residual.mmaction2_names, _PYTORCH),
        first="conv1.conv",
        marker="layer1.0.conv1.conv",
        classifiers=("cls_head.fc_cls",),
        prefix="backbone.",
    ),
    Network(
        "ResNet of mmaction",
        PyTorchSource,
        _residual(residual.torchvision_names, _PYTORCH),
        first="conv1",
        marker="layer1.0.conv1",
        classifiers=("cls_head.fc_cls",),
        prefix="backbone.",
    ),
    Network(
        "ResNet of torchvision or timm",
        PyTorchSource,
        _residual(residual.torchvision_names, _PYTORCH),
        first="conv1",
        marker="layer1.0.conv1",
        classifiers=("fc",),
    ),
    Network(
        "BN-Inception of tsn-pytorch",
        PyTorchSource,
        _bn_inception("_"),
        first="conv1_7x7_s2",
        marker="inception_3a_double_3x3_1",
        classifiers=("new_fc", "base_model.fc"),
        prefix="base_model.",
        differences=("bgr", 1),
    ),
    Network(
        "BN-Inception of mmaction",
        PyTorchSource,
        _bn_inception("_"),
        first="conv1_7x7_s2",
        marker="inception_3a_double_3x3_1",
        classifiers=("cls_head.fc_cls",),
        prefix="backbone.",
        differences=("bgr", 1),
    ),
    Network(
        "BN-Inception of PyTorch",
        PyTorchSource,
        _bn_inception("_"),
        first="conv1_7x7_s2",
        marker="inception_3a_double_3x3_1",
        classifiers=("fc", "last_linear"),
    ),
    Network(
        "VGG-16 of torchvision",
        PyTorchSource,
        _vgg16(vgg16.torchvision_names, "classifier.0", "classifier.3"),
        first="features.0",
        marker="classifier.0",
        classifiers=("classifier.6",),
    ),
    Network(
        "VGG-16 of timm",
        PyTorchSource,
        _vgg16(vgg16.torchvision_names, "pre_logits.fc1", "pre_logits.fc2"),
        first="features.0",
        marker="pre_logits.fc1",
        classifiers=("head.fc",),
    ),
    Network(
        "EfficientNet-Lite of efficientnet-lite-pytorch",
        PyTorchSource,
        _efficientnet_lite(efficientnet_lite.package_names),
        first="_conv_stem",
        marker="_blocks.0._depthwise_conv",
        classifiers=("_fc",),
    ),
    Network(
        "EfficientNet-Lite of timm",
        PyTorchSource,
        _efficientnet_lite(efficientnet_lite.timm_names),
        first="conv_stem",
        marker="blocks.0.0.conv_dw",
        classifiers=("classifier",),
    ),
    Network(
        "Inception-v3 of torchvision or timm",
        PyTorchSource,
        _inception_v3,
        first="Conv2d_1a_3x3.conv",
        marker="Mixed_5b.branch5x5_1.conv",
        classifiers=("fc",),
        otherwise="averages do not count the zeros around an image, as in "
        "keras.applications; torchvision's do",
    ),
    Network(
        "ResNet of Caffe",
        CaffeSource,
        _residual(residual.caffe_names, _CAFFE),
        first="conv1",
        marker="res3b_branch2a",
        classifiers=("fc*",),
    ),
    Network(
        "ResNet of Caffe",
        CaffeSource,
        _residual(residual.deep_caffe_names, _CAFFE),
        first="conv1",
        marker="res3b1_branch2a",
        classifiers=("fc*",),
    ),
    Network(
        "BN-Inception of Caffe",
        CaffeSource,
        _bn_inception("/"),
        first="conv1/7x7_s2",
        marker="inception_3a/double_3x3_1",
        classifiers=("fc*",),
        differences=("bgr", 1),
    ),
    Network(
        "VGG-16 of Caffe",
        CaffeSource,
        _vgg16(vgg16.caffe_names, "fc6", "fc7"),
        first="conv1_1",
        marker="conv1_2",
        classifiers=("fc8*",),
    ),
    Network(
        "VGG-M-2048 of Caffe",
        CaffeSource,
        vgg_m_2048.feature_map,
        first="conv1",
        marker="conv2",
        classifiers=("fc8*",),
    ),
    Network(
        "GoogLeNet of Caffe",
        CaffeSource,
        googlenet.feature_map,
        first="conv1/7x7_s2",
        marker="inception_3a/5x5",
        classifiers=("loss3/classifier*",),
    ),
    Network(
        "VGG-16 of MatConvNet",
        MatConvNetSource,
        _vgg16(vgg16.caffe_names, "fc6", "fc7"),
        first="conv1_1",
        marker="conv1_2",
        classifiers=("fc8", "prediction", "layer*"),
    ),
    Network(
        "VGG-M-2048 of MatConvNet",
        MatConvNetSource,
        vgg_m_2048.feature_map,
        first="conv1",
        marker="conv2",
        classifiers=("fc8", "prediction", "layer*"),
    ),
    *_resnets_of_matconvnet(),
    Network(
        "ResNet of keras.applications",
        KerasSource,
        _residual(residual.keras_names, _KERAS),
        first="conv1_conv",
        marker="conv2_block1_1_conv",
        # The latter in the published files.
        classifiers=("predictions", "probs"),
    ),
    Network(
        "VGG-16 of keras.applications",
        KerasSource,
        _vgg16(vgg16.keras_names, "fc1", "fc2"),
        first="block1_conv1",
        marker="block1_conv2",
        classifiers=("predictions",),
    ),
)


class PublishedNetwork:
    """The network that a checkpoint was trained in, with its weights.

    Args:
        checkpoint: `Checkpoint`.

    Attributes:
        name: str. What it is, in words.
        channels: int. Channels of its images.
        differences: as `Network` has it.
        otherwise: as `Network` has it.

    Raises:
        ValueError: if there is no forward pass of such a network.
    """

    def __init__(self, checkpoint):
        self._row, outer = _find(checkpoint)
        source = self._row.source
        self._source = source(checkpoint.tensors, outer + self._row.prefix)
        self._head = source(checkpoint.tensors, outer)
        self.name = self._row.name
        self.differences = self._row.differences
        self.otherwise = self._row.otherwise
        kernel, _ = self._source.convolution(self._row.first)
        self.channels = kernel.shape[1]

    def feature_map(self, images):
        """The last feature map `(batch, channels, height, width)` of images
        `(batch, channels, height, width)`, torch float tensors."""
        return self._row.feature_map(images, self._source)

    def logits(self, feature_map):
        """Class scores `(batch, classes)` before the softmax, of the average
        over a feature map; `None` without a classifier."""
        for pattern in self._row.classifiers:
            for layer in fnmatch.filter(self._head.layers(), pattern):
                features = feature_map.mean((2, 3), keepdim=True)
                scores = fully_connected(features, self._head, layer)
                return scores.flatten(1)
        return None


def _find(checkpoint):
    """The row of a checkpoint, and what goes before all its names."""
    for row in NETWORKS:
        config = str(checkpoint.facts.get("config", ""))
        if checkpoint.format not in row.source.formats or not re.search(
            row.config, config
        ):
            continue
        strides = checkpoint.facts.get("strides", {})
        if any(
            layer in strides and max(strides[layer]) != stride
            for layer, stride in row.strides.items()
        ):
            continue
        end = f"{row.prefix}{row.marker}{row.source.kernel}"
        for name in checkpoint.tensors:
            outer = name.removesuffix(end)
            if name.endswith(end) and outer[-1:] in ("", ".", "/"):
                return row, outer
    names = ", ".join(dict.fromkeys(row.name for row in NETWORKS))
    raise ValueError(
        f"Expected a checkpoint that can be verified: {names}. Received: "
        f"{checkpoint.path}, a {checkpoint.format} file with tensors "
        f"{sorted(checkpoint.tensors)[:5]}..."
    )
