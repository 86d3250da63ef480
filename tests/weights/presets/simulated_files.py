"""Files of random tensors, of exactly the names and shapes of published ones,
as the libraries that published them write them."""

import re
import zipfile

import h5py
import keras
import numpy as np

from tests.weights.published.readers import caffe_messages
from tests.weights.published.readers.matlab_files import write_v7
from tests.weights.references import imports
from tests.weights.references import published

UNITS = {
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
    "resnet152": (3, 8, 36, 3),
}
# Of the file of a backbone.
_IMAGENET = 1000


def write(preset, directory, classes=None):
    """Writes what the addresses of a preset have.

    Args:
        preset: `Preset`.
        directory: pathlib.Path.
        classes: `None`, or int: another number than the published one, for
            smaller files. Defaults to `None`.

    Returns:
        Path of the file, of a preset with a `member` the archive.
    """
    classes = classes or preset.classes or _IMAGENET
    path = directory / preset.file
    _WRITERS[preset.scheme](preset, path, classes)
    if preset.member is None:
        return path
    archive = path.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as file:
        file.write(path, preset.member)
        file.writestr("deploy.prototxt", 'name: "net"')
    path.unlink()
    return archive


def _channels(preset):
    length = preset.arguments.get("snippet_length")
    return 3 if preset.modality == "rgb" else 2 * length


def _units(preset):
    return UNITS[re.match(r"resnet\d+", preset.arguments["backbone"])[0]]


def _mmaction2(preset, path, classes):
    tensors = published.mmaction2_resnet(
        _units(preset), channels=_channels(preset), classes=classes
    )
    meta = {"config": "model = dict(backbone=dict(style='pytorch'))"}
    imports.saved_by_mmaction2(tensors, path, meta)


def _torchvision(preset, path, classes):
    backbone = preset.arguments["backbone"]
    if backbone == "vgg16":
        tensors = published.torchvision_vgg16(classes)
    elif backbone == "inception_v3":
        tensors = published.inception_v3(classes)
        tensors["AuxLogits.fc.weight"] = np.zeros((classes, 768), "float32")
    else:
        tensors = published.torchvision_resnet(_units(preset), classes=classes)
    _save(tensors, path)


def _tsn_pytorch(preset, path, classes):
    _save(published.bn_inception(_channels(preset), classes, norm_rank=2), path)


def _caffe(preset, path, classes):
    tensors = published.caffe_bn_inception(_channels(preset), classes)
    layers = {}
    for name, tensor in tensors.items():
        name = name.rpartition(":")[0]
        kind = "BN" if name.endswith("_bn") else "Convolution"
        layers.setdefault(name, (kind, []))[1].append(tensor)
    caffe_messages.write(path, caffe_messages.network(layers))


def _matconvnet(preset, path, classes):
    if preset.application == "SpatiotemporalMultiplier":
        params = _multiplier(preset, classes)
    elif preset.arguments["backbone"] == "vgg16":
        params = _vgg16(_channels(preset), classes)
    else:
        params = _residual(_units(preset), _channels(preset), classes)
    layer = {"name": "res3a_branch2a", "type": "dagnn.Conv"}
    layer["block"] = {"stride": np.array([[2.0, 2.0]])}
    net = {
        "params": tuple({"name": n, "value": v} for n, v in params.items()),
        "layers": (layer,),
        "meta": {"normalization": {"averageImage": np.zeros((0, 0))}},
    }
    write_v7(path, {"net": net}, compressed=False)


def _residual(units, channels, classes):
    params = published.matconvnet_resnet(
        units, "_filter", "_bias", "_mult", "_moments"
    )
    params["conv1_filter"] = _random(7, 7, channels, 64)
    params["conv1_bias"] = _random(1, 64)
    params["fc1000_filter"] = _random(1, 1, 2048, classes)
    params["fc1000_bias"] = _random(1, classes)
    return params


def _multiplier(preset, classes):
    backbones = preset.arguments["backbone"]
    if isinstance(backbones, str):
        backbones = dict.fromkeys(("rgb", "flow"), backbones)
    params = {}
    for stream, ending, channels in (
        ("rgb", "spatial", 3),
        ("flow", "temporal", 20),
    ):
        units = UNITS[backbones[stream].removesuffix("_msra")]
        own = _residual(units, channels, classes)
        for stage in "2345":
            unit = "b1" if max(units) > 8 and stage in "34" else "b"
            filters = 16 * 2 ** int(stage)
            name = f"res{stage}{unit}_branch2b_relu"
            own[f"{name}_{ending}_Time_f"] = _random(1, 3, filters, filters)
            own[f"{name}_{ending}_Time_b"] = _random(1, filters)
        params |= {
            name if "_Time_" in name else f"{name}_{ending}": value
            for name, value in own.items()
        }
    return params


def _vgg16(channels, classes):
    tensors = published.caffe_vgg16()
    params = {}
    for name, array in tensors.items():
        layer, _, blob = name.partition(":")
        if blob == "1":
            params[f"{layer}b"] = array[None]
            continue
        if layer == "fc6":
            array = array.reshape(4096, 512, 7, 7)
        array = array.reshape(*array.shape, *(1,) * (4 - array.ndim))
        params[f"{layer}f"] = array.transpose(2, 3, 1, 0)
    params["conv1_1f"] = _random(3, 3, channels, 64)
    # Put in place of the classifier of ImageNet, without its name.
    params |= {"layer38f": _random(1, 1, 4096, classes)}
    params |= {"layer38b": _random(1, classes)}
    del params["fc8f"], params["fc8b"]
    return params


def _keras_applications(preset, path, classes):
    """As Keras 2 kept weights: a group a layer."""
    backbone = preset.arguments["backbone"]
    builders = {"vgg16": "VGG16", "inception_v3": "InceptionV3"}
    builder = builders.get(
        backbone, f"ResNet{backbone[6:].removesuffix('_caffe')}"
    )
    network = getattr(keras.applications, builder)(
        weights=None, include_top="notop" not in path.name, classes=classes
    )
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [
            one.name.encode() for one in network.layers
        ]
        for layer in network.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{w.name}:0" for w in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.weights):
                group[name] = keras.ops.convert_to_numpy(weight)


def _lite(preset, path, classes):
    _save(published.efficientnet_lite(_variant(preset), classes=classes), path)


def _timm_lite(preset, path, classes):
    tensors = published.timm_efficientnet_lite(
        _variant(preset), classes=classes
    )
    _save(tensors, path)


def _variant(preset):
    return int(preset.arguments["backbone"][-1])


def _save(tensors, path):
    state = {
        name: imports.torch.tensor(array) for name, array in tensors.items()
    }
    imports.torch.save(state, path)


def _random(*shape):
    scale = (2 / np.prod(shape[:-1])) ** 0.5
    return np.random.default_rng(0).normal(0, scale, shape).astype("float32")


_WRITERS = {
    "mmaction2": _mmaction2,
    "torchvision or timm": _torchvision,
    "torchvision": _torchvision,
    "tsn-pytorch": _tsn_pytorch,
    "caffe": _caffe,
    "matconvnet": _matconvnet,
    "keras.applications": _keras_applications,
    "efficientnet-lite-pytorch": _lite,
    "timm": _timm_lite,
}
