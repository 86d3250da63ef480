"""Checkpoints of random weights with the names and shapes that their authors
publish."""

import re

import numpy as np

from keras_vidrec.weights.published.checkpoint import Checkpoint
from tests.backbones.googlenet_test import TABLE

# Filters of 1x1; reduction and 3x3; reduction and two 3x3; projection, as the
# authors' prototxt has them.
BN_INCEPTION = {
    "3a": (64, 64, 64, 64, 96, 96, 32),
    "3b": (64, 64, 96, 64, 96, 96, 64),
    "3c": (0, 128, 160, 64, 96, 96, 0),
    "4a": (224, 64, 96, 96, 128, 128, 128),
    "4b": (192, 96, 128, 96, 128, 128, 128),
    "4c": (160, 128, 160, 128, 160, 160, 128),
    "4d": (96, 128, 192, 160, 192, 192, 128),
    "4e": (0, 128, 192, 192, 256, 256, 0),
    "5a": (352, 192, 320, 160, 224, 224, 128),
    "5b": (352, 192, 320, 192, 224, 224, 128),
}


class Author:
    """Writes a PyTorch state dict."""

    def __init__(self, seed=0):
        self.tensors = {}
        self._rng = np.random.default_rng(seed)

    def layer(self, name, shape, bias=True):
        """A convolution or a fully connected layer, kernel `shape`."""
        fan_in = int(np.prod(shape[1:]))
        kernel = self._rng.standard_normal(shape, "float32")
        kernel *= (2 / fan_in) ** 0.5
        self.tensors[f"{name}.weight"] = kernel
        if bias:
            self.tensors[f"{name}.bias"] = self._vector(-0.1, 0.1, shape[0])

    def norm(self, name, filters, shape=None):
        """A batch normalization, far from where training begins."""
        shape = shape or (filters,)
        for role, low, high in (
            ("weight", 0.5, 1.5),
            ("bias", -0.5, 0.5),
            ("running_mean", -0.5, 0.5),
            ("running_var", 0.5, 1.5),
        ):
            vector = self._vector(low, high, filters)
            self.tensors[f"{name}.{role}"] = vector.reshape(shape)

    def _vector(self, low, high, length):
        return self._rng.uniform(low, high, length).astype("float32")


def torchvision_resnet(units, channels=3, classes=7, bias=False):
    """State dict of a bottleneck residual network, such as of `units` (3, 4,
    6, 3)."""
    author = Author()

    def layers(name, norm, *shape):
        author.layer(name, shape, bias)
        author.norm(norm, shape[0])
        author.tensors[f"{norm}.num_batches_tracked"] = np.int64(1)

    layers("conv1", "bn1", 64, channels, 7, 7)
    width = 64
    for stage, count in enumerate(units, start=1):
        filters = 32 * 2**stage
        for unit in range(count):
            place = f"layer{stage}.{unit}"
            layers(f"{place}.conv1", f"{place}.bn1", filters, width, 1, 1)
            layers(f"{place}.conv2", f"{place}.bn2", filters, filters, 3, 3)
            layers(f"{place}.conv3", f"{place}.bn3", 4 * filters, filters, 1, 1)
            if unit == 0:
                place = f"{place}.downsample"
                shape = (4 * filters, width, 1, 1)
                layers(f"{place}.0", f"{place}.1", *shape)
            width = 4 * filters
    author.layer("fc", (classes, width))
    return author.tensors


def mmaction2_resnet(units, **kwargs):
    """The same network as mmaction2 names it."""
    renamed = {}
    for name, array in torchvision_resnet(units, **kwargs).items():
        name = re.sub(r"conv(\d)\.", r"conv\1.conv.", name)
        name = re.sub(r"bn(\d)\.", r"conv\1.bn.", name)
        name = name.replace("downsample.0", "downsample.conv")
        name = name.replace("downsample.1", "downsample.bn")
        name = "cls_head.fc_cls" + name[2:] if name[:3] == "fc." else name
        renamed[name if "cls" in name else f"backbone.{name}"] = array
    return renamed


def caffe_resnet(units):
    """The same network as its authors name it in Caffe; only the first
    convolution of 50 layers has a bias."""
    letters = "abcdefgh"
    blobs = {}
    state = torchvision_resnet(units, bias=True)
    for name, array in state.items():
        layer, _, role = name.rpartition(".")
        if layer == "fc":
            blobs[f"fc1000:{'weight bias'.split().index(role)}"] = array
            continue
        place, branch = "_conv1", ""
        if match := re.match(r"layer(\d)\.(\d+)\.(\w+?)(\d|\.\d)$", layer):
            stage, unit, kind, number = match.groups()
            unit = int(unit)
            numbered = max(units) > 8 and stage in "23" and unit
            place = f"{int(stage) + 1}"
            place += f"b{unit}" if numbered else letters[unit]
            branch = (
                "1" if kind == "downsample" else f"2{letters[int(number) - 1]}"
            )
            place += f"_branch{branch}"
        is_norm = "bn" in layer or layer.endswith("downsample.1")
        if not is_norm:
            convolution = f"res{place}" if branch else "conv1"
            if role == "weight":
                blobs[f"{convolution}:0"] = array
            elif convolution == "conv1" and max(units) < 8:
                blobs["conv1:1"] = array
        elif role in ("weight", "bias"):
            blobs[f"scale{place}:{int(role == 'bias')}"] = array
        elif role.startswith("running"):
            # Sums of a moving average that counts as 3.
            index = int(role == "running_var")
            blobs[f"bn{place}:{index}"] = 3 * array
            blobs[f"bn{place}:2"] = np.array([3], "float32")
    return blobs


def matconvnet_resnet(units, kernel, bias, slope, moments):
    """The same network in MatConvNet, with the ends of its names."""
    blobs = caffe_resnet(units)
    params = {}
    for name, array in blobs.items():
        layer, _, index = name.partition(":")
        if layer.startswith("scale"):
            end = (slope, bias)[int(index)]
            params[f"bn{layer[5:]}{end}"] = array[:, None]
        elif layer.startswith("bn"):
            if index == "0":
                mean, variance, weight = (blobs[f"{layer}:{i}"] for i in "012")
                deviation = (variance / weight + 1e-5) ** 0.5
                params[layer + moments] = np.stack(
                    [mean / weight, deviation], axis=1
                )
        elif index == "0":
            array = array.reshape(*array.shape[:2], *array.shape[2:] or (1, 1))
            params[layer + kernel] = array.transpose(2, 3, 1, 0)
        else:
            params[layer + bias] = array[None]
    return params


def bn_inception(channels=3, classes=7, head="fc", norm_rank=1):
    """State dict of BN-Inception as in PyTorch; in the published one batch
    normalizations have two axes."""
    author = Author()

    def layers(name, filters, channels, size):
        author.layer(name, (filters, channels, size, size))
        shape = (1,) * (norm_rank - 1) + (filters,)
        author.norm(f"{name}_bn", filters, shape)

    layers("conv1_7x7_s2", 64, channels, 7)
    layers("conv2_3x3_reduce", 64, 64, 1)
    layers("conv2_3x3", 192, 64, 3)
    width = 192
    for block, filters in BN_INCEPTION.items():
        point, reduce, single, double_reduce, first, second, project = filters
        name = f"inception_{block}"
        if point:
            layers(f"{name}_1x1", point, width, 1)
            layers(f"{name}_pool_proj", project, width, 1)
        layers(f"{name}_3x3_reduce", reduce, width, 1)
        layers(f"{name}_3x3", single, reduce, 3)
        layers(f"{name}_double_3x3_reduce", double_reduce, width, 1)
        layers(f"{name}_double_3x3_1", first, double_reduce, 3)
        layers(f"{name}_double_3x3_2", second, first, 3)
        width = point + single + second + (project or width)
    author.layer(head, (classes, width))
    return author.tensors


def caffe_bn_inception(channels=3, classes=7):
    """Blobs of BN-Inception as in the authors' Caffe."""
    order = ("weight", "bias", "running_mean", "running_var")
    blobs = {}
    state = bn_inception(channels, classes, "fc-action", norm_rank=2)
    for name, array in state.items():
        layer, _, role = name.rpartition(".")
        layer = re.sub(r"^(conv\d|inception_\d\w)_", r"\1/", layer)
        blobs[f"{layer}:{order.index(role)}"] = array
    return blobs


def inception_v3(classes=7):
    """State dict of Inception-v3; batch normalizations scale by 1, as those
    of the published one."""
    author = Author()

    def layers(name, filters, channels, *size):
        size = size or (1, 1)
        author.layer(f"{name}.conv", (filters, channels, *size), bias=False)
        author.norm(f"{name}.bn", filters)
        author.tensors[f"{name}.bn.weight"][:] = 1

    def chain(name, channels, *rows):
        for number, (filters, *size) in enumerate(rows, start=1):
            layers(f"{name}_{number}", filters, channels, *size)
            channels = filters

    def fork(name, channels):
        layers(f"{name}a", 384, channels, 1, 3)
        layers(f"{name}b", 384, channels, 3, 1)

    layers("Conv2d_1a_3x3", 32, 3, 3, 3)
    layers("Conv2d_2a_3x3", 32, 32, 3, 3)
    layers("Conv2d_2b_3x3", 64, 32, 3, 3)
    layers("Conv2d_3b_1x1", 80, 64)
    layers("Conv2d_4a_3x3", 192, 80, 3, 3)
    double = (64,), (96, 3, 3), (96, 3, 3)
    for letter, width, pool in (("b", 192, 32), ("c", 256, 64), ("d", 288, 64)):
        block = f"Mixed_5{letter}"
        layers(f"{block}.branch1x1", 64, width)
        chain(f"{block}.branch5x5", width, (48,), (64, 5, 5))
        chain(f"{block}.branch3x3dbl", width, *double)
        layers(f"{block}.branch_pool", pool, width)
    layers("Mixed_6a.branch3x3", 384, 288, 3, 3)
    chain("Mixed_6a.branch3x3dbl", 288, *double)
    for letter, n in (("b", 128), ("c", 160), ("d", 160), ("e", 192)):
        block = f"Mixed_6{letter}"
        layers(f"{block}.branch1x1", 192, 768)
        chain(f"{block}.branch7x7", 768, (n,), (n, 1, 7), (192, 7, 1))
        turns = (n, 7, 1), (n, 1, 7), (n, 7, 1), (192, 1, 7)
        chain(f"{block}.branch7x7dbl", 768, (n,), *turns)
        layers(f"{block}.branch_pool", 192, 768)
    chain("Mixed_7a.branch3x3", 768, (192,), (320, 3, 3))
    turns = (192, 1, 7), (192, 7, 1), (192, 3, 3)
    chain("Mixed_7a.branch7x7x3", 768, (192,), *turns)
    for letter, width in (("b", 1280), ("c", 2048)):
        block = f"Mixed_7{letter}"
        layers(f"{block}.branch1x1", 320, width)
        chain(f"{block}.branch3x3", width, (384,))
        fork(f"{block}.branch3x3_2", 384)
        chain(f"{block}.branch3x3dbl", width, (448,), (384, 3, 3))
        fork(f"{block}.branch3x3dbl_3", 384)
        layers(f"{block}.branch_pool", 192, width)
    author.layer("fc", (classes, 2048))
    return author.tensors


def torchvision_vgg16(classes=7):
    """State dict of VGG-16."""
    author = Author()
    index, channels = 0, 3
    for filters, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            author.layer(f"features.{index}", (filters, channels, 3, 3))
            index, channels = index + 2, filters
        index += 1
    author.layer("classifier.0", (4096, 512 * 7 * 7))
    author.layer("classifier.3", (4096, 4096))
    author.layer("classifier.6", (classes, 4096))
    return author.tensors


def caffe_vgg16():
    """Blobs of the same network as its authors name it in Caffe."""
    names = [f"conv{stage}_{n}" for stage in (1, 2) for n in (1, 2)]
    names += [f"conv{stage}_{n}" for stage in (3, 4, 5) for n in (1, 2, 3)]
    names += ["fc6", "fc7", "fc8"]
    arrays = list(torchvision_vgg16().values())
    return {
        f"{name}:{blob}": arrays[2 * number + blob]
        for number, name in enumerate(names)
        for blob in (0, 1)
    }


def vgg_m_2048(channels=3, classes=7):
    """Parameters of VGG-M-2048 as in MatConvNet."""
    author = Author()
    author.layer("conv1", (96, channels, 7, 7))
    author.layer("conv2", (256, 96, 5, 5))
    author.layer("conv3", (512, 256, 3, 3))
    author.layer("conv4", (512, 512, 3, 3))
    author.layer("conv5", (512, 512, 3, 3))
    author.layer("fc6", (4096, 512, 6, 6))
    author.layer("fc7", (2048, 4096, 1, 1))
    author.layer("fc8", (classes, 2048, 1, 1))
    return {
        f"{name[:-7]}f" if array.ndim > 1 else f"{name[:-5]}b": (
            array.transpose(2, 3, 1, 0) if array.ndim > 1 else array[None]
        )
        for name, array in author.tensors.items()
    }


def googlenet(classes=7):
    """Blobs of GoogLeNet as in Caffe."""
    author = Author()
    author.layer("conv1/7x7_s2", (64, 3, 7, 7))
    author.layer("conv2/3x3_reduce", (64, 64, 1, 1))
    author.layer("conv2/3x3", (192, 64, 3, 3))
    width = 192
    for block, (point, *three_five, project) in TABLE.items():
        three_reduce, three, five_reduce, five = three_five
        for role, filters, channels, size in (
            ("1x1", point, width, 1),
            ("3x3_reduce", three_reduce, width, 1),
            ("3x3", three, three_reduce, 3),
            ("5x5_reduce", five_reduce, width, 1),
            ("5x5", five, five_reduce, 5),
            ("pool_proj", project, width, 1),
        ):
            shape = (filters, channels, size, size)
            author.layer(f"inception_{block}/{role}", shape)
        width = point + three + five + project
    author.layer("loss3/classifier", (classes, width))
    return {
        name.replace(".weight", ":0").replace(".bias", ":1"): array
        for name, array in author.tensors.items()
    }


def timm_vgg16(classes=7):
    """The same network as timm names it, with convolutions throughout."""
    tensors = torchvision_vgg16(classes)
    for number, size in ((0, 7), (3, 1)):
        for role in ("weight", "bias"):
            array = tensors.pop(f"classifier.{number}.{role}")
            if role == "weight":
                array = array.reshape(4096, -1, size, size)
            tensors[f"pre_logits.fc{1 + number // 3}.{role}"] = array
    for role in ("weight", "bias"):
        tensors[f"head.fc.{role}"] = tensors.pop(f"classifier.6.{role}")
    return tensors


# Kernel size, expansion, filters and blocks of the stages of Lite0 .. Lite4.
EFFICIENTNET_LITE = (
    (3, 1, (16, 16, 16, 24, 24), (1, 1, 1, 1, 1)),
    (3, 6, (24, 24, 24, 32, 32), (2, 3, 3, 3, 4)),
    (5, 6, (40, 40, 48, 48, 56), (2, 3, 3, 3, 4)),
    (3, 6, (80, 80, 88, 96, 112), (3, 4, 4, 5, 6)),
    (5, 6, (112, 112, 120, 136, 160), (3, 4, 4, 5, 6)),
    (5, 6, (192, 192, 208, 232, 272), (4, 5, 5, 6, 8)),
    (3, 6, (320, 320, 352, 384, 448), (1, 1, 1, 1, 1)),
)


def efficientnet_lite(variant=0, classes=7, channels=3):
    """State dict of an EfficientNet-Lite, as in the packages with its
    weights."""
    author = Author()

    def layers(name, norm, *shape):
        author.layer(name, shape, bias=False)
        author.norm(norm, shape[0])
        author.tensors[f"{norm}.num_batches_tracked"] = np.int64(1)

    layers("_conv_stem", "_bn0", 32, channels, 3, 3)
    width, number = 32, 0
    for size, expansion, filters, counts in EFFICIENTNET_LITE:
        for _ in range(counts[variant]):
            place, inside = f"_blocks.{number}.", width * expansion
            if expansion > 1:
                name = f"{place}_expand_conv"
                layers(name, f"{place}_bn0", inside, width, 1, 1)
            name = f"{place}_depthwise_conv"
            layers(name, f"{place}_bn1", inside, 1, size, size)
            width, number = filters[variant], number + 1
            name = f"{place}_project_conv"
            layers(name, f"{place}_bn2", width, inside, 1, 1)
    layers("_conv_head", "_bn1", 1280, width, 1, 1)
    author.layer("_fc", (classes, 1280))
    return author.tensors


_TIMM_NAMES = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_TIMM_OUTER = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_TIMM_FIRST = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}


def timm_efficientnet_lite(variant=0, **kwargs):
    """The same network as timm names it."""
    stages = [
        f"blocks.{stage}.{unit}"
        for stage, (*_, counts) in enumerate(EFFICIENTNET_LITE)
        for unit in range(counts[variant])
    ]
    renamed = {}
    for name, array in efficientnet_lite(variant, **kwargs).items():
        *place, module, role = name.split(".")
        if place:
            first = place[1] == "0"
            module = (_TIMM_FIRST if first else _TIMM_NAMES)[module]
            place = [stages[int(place[1])]]
        else:
            module = _TIMM_OUTER[module]
        renamed[".".join([*place, module, role])] = array
    return renamed


def checkpoint(tensors, format="pytorch", facts=None):
    return Checkpoint("published.file", format, tensors, facts or {})
