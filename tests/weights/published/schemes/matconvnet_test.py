import keras
import numpy as np
import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.applications import SpatiotemporalMultiplier
from keras_vidrec.backbones import PixelScaling
from keras_vidrec.layers import ConvFusion3D
from keras_vidrec.layers import TemporalIdentityConv
from keras_vidrec.weights.published.checkpoint import Checkpoint
from keras_vidrec.weights.published.conversion import convert
from keras_vidrec.weights.published.schemes.matconvnet import MATCONVNET
from keras_vidrec.weights.published.schemes.matconvnet import translate
from keras_vidrec.weights.towers import Slot
from keras_vidrec.weights.towers import slots
from tests.weights.published.readers.matlab_files import write_v7

# Endings of the names: of networks imported from Caffe, and of those that
# were SimpleNN; first kernel and bias, then the batch normalization's.
ENDINGS = {
    "caffe": (("_filter", "_bias"), ("_mult", "_bias", "_moments")),
    "simple": (("f", "b"), ("m", "b", "x")),
}
UNITS = {
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
    "resnet152": (3, 8, 36, 3),
}
VGG16 = [
    *("conv1_1", "conv1_2", "conv2_1", "conv2_2"),
    *("conv3_1", "conv3_2", "conv3_3", "conv4_1", "conv4_2", "conv4_3"),
    *("conv5_1", "conv5_2", "conv5_3", "fc6", "fc7"),
]
VGG_M = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]


def array(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def unit_names(backbone):
    """As in the prototxt of the authors of ResNet."""
    for stage, count in zip("2345", UNITS[backbone]):
        yield f"{stage}a", True
        for unit in range(1, count):
            letter = f"b{unit}"
            if backbone == "resnet50" or stage in "25":
                letter = "abcdef"[unit]
            yield f"{stage}{letter}", False


def residual(rng, backbone, spelling="caffe", width=1 / 32, suffix=""):
    """Parameters of a residual network, `width` times as wide; none but the
    first convolution has a bias, and the classifier has 3 classes."""
    (kernel, bias), normalization = ENDINGS[spelling]
    params = {}

    def add(role, size, channels, filters):
        filters = int(filters * width)
        conv = "conv1" if role == "_conv1" else f"res{role}"
        params[f"{conv}{kernel}"] = array(rng, size, size, channels, filters)
        names = [f"bn{role}{end}" for end in normalization]
        params[names[0]] = array(rng, filters, 1)
        params[names[1]] = array(rng, filters, 1)
        moments = np.abs(array(rng, filters, 2)) + 0.1
        params[names[2]] = moments
        return filters

    channels = add("_conv1", 7, 3, 64)
    params[f"conv1{bias}"] = array(rng, 1, channels)
    for name, first in unit_names(backbone):
        filters = 16 * 2 ** int(name[0])
        inner = channels
        for branch, size, wide in (
            ("2a", 1, filters),
            ("2b", 3, filters),
            ("2c", 1, 4 * filters),
        ):
            inner = add(f"{name}_branch{branch}", size, inner, wide)
        if first:
            add(f"{name}_branch1", 1, channels, 4 * filters)
        channels = inner
    params[f"fc1000{kernel}"] = array(rng, 1, 1, channels, 3)
    params[f"fc1000{bias}"] = array(rng, 1, 3)
    return {f"{name}{suffix}": value for name, value in params.items()}


def plain(rng, layers, channels, head, suffix=""):
    """Parameters of a network without batch normalization, two filters
    wide."""
    params = {}
    for layer in [*layers, head]:
        size = 1 if layer in ("fc7", head) else 3
        params[f"{layer}f{suffix}"] = array(rng, size, size, channels, 2)
        params[f"{layer}b{suffix}"] = array(rng, 1, 2)
        channels = 2
    return params


def checkpoint(tensors, **facts):
    return Checkpoint("net.mat", "matconvnet", tensors, facts)


def arrays(translation):
    return {slot: piece.array for slot, piece in translation.pieces.items()}


@pytest.mark.parametrize("spelling", ENDINGS)
@pytest.mark.parametrize("backbone", UNITS)
def test_residual(backbone, spelling):
    """Every parameter has a place, and every layer that Caffe's style has
    gets all its weights."""
    rng = np.random.default_rng(0)
    tensors = residual(rng, backbone, spelling)
    translation = translate(checkpoint(tensors), f"{backbone}_msra")
    assert translation.unknown == ()
    layers = {"conv1": "kernel bias", "logits": "kernel bias"}
    normalized = "gamma beta moving_mean moving_variance"
    layers["bn_conv1"] = normalized
    for name, first in unit_names(backbone):
        for branch in ("1", "2a", "2b", "2c")[not first :]:
            layers[f"res{name}_branch{branch}"] = "kernel bias"
            layers[f"bn{name}_branch{branch}"] = normalized
    found = arrays(translation)
    zeros = {
        Slot(None, layer, "bias") for layer in layers if layer.startswith("res")
    }
    assert set(translation.zero_biases) == zeros
    assert (
        set(found)
        == {
            Slot(None, layer, variable)
            for layer, variables in layers.items()
            for variable in variables.split()
        }
        - zeros
    )
    (kernel, _), (_, _, moments) = ENDINGS[spelling]
    np.testing.assert_array_equal(
        found[Slot(None, "logits", "kernel")], tensors[f"fc1000{kernel}"][0, 0]
    )
    mean, sigma = tensors[f"bn3a_branch2b{moments}"].T
    one = "bn3a_branch2b"
    np.testing.assert_array_equal(found[Slot(None, one, "moving_mean")], mean)
    np.testing.assert_allclose(
        np.sqrt(found[Slot(None, one, "moving_variance")] + 1e-5),
        sigma,
        rtol=1e-6,
    )


def test_unit_of_two_layers():
    """Convolution, batch normalization and ReLU as MatConvNet computes them:
    by sigma, without epsilon."""
    rng = np.random.default_rng(0)
    tensors = residual(rng, "resnet50", width=1 / 16)
    moments = tensors["bn2a_branch2b_moments"]
    # Smaller than epsilon allows for.
    moments[0, 1] = 0.004
    translation = translate(checkpoint(tensors), "resnet50_msra")
    found = {slot: np.zeros(4) for slot in translation.zero_biases}
    found |= arrays(translation)
    images = array(rng, 1, 5, 6, 4)
    layers = [
        keras.layers.Conv2D(4, 3, padding="same", name="res2a_branch2b"),
        keras.layers.BatchNormalization(epsilon=1e-5, name="bn2a_branch2b"),
        keras.layers.Activation("relu"),
    ]
    model = keras.Sequential([keras.Input((5, 6, 4)), *layers])
    for layer in layers[:2]:
        layer.set_weights(
            [
                found[Slot(None, layer.name, weight.name)]
                for weight in layer.weights
            ]
        )
    kernel = tensors["res2a_branch2b_filter"]
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    maps = np.zeros((1, 5, 6, 4))
    for y in range(3):
        for x in range(3):
            maps += padded[:, y : y + 5, x : x + 6] @ kernel[y, x]
    gamma = tensors["bn2a_branch2b_mult"][:, 0]
    beta = tensors["bn2a_branch2b_bias"][:, 0]
    expected = gamma * (maps - moments[:, 0]) / moments[:, 1] + beta
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(model(images)),
        np.maximum(expected, 0),
        rtol=1e-4,
        atol=1e-4,
    )


def test_variance_of_nothing():
    """No sigma is below sqrt(epsilon) but by rounding: no negative
    variance."""
    tensors = residual(np.random.default_rng(0), "resnet50")
    tensors["bn_conv1_moments"][:, 1] = 1e-4
    found = arrays(translate(checkpoint(tensors), "resnet50_msra"))
    assert not found[Slot(None, "bn_conv1", "moving_variance")].any()


def test_where_the_strides_are():
    """On the 3x3 convolutions there are no biases."""
    tensors = residual(np.random.default_rng(0), "resnet50")
    strides = {"res3a_branch2a": (1, 1), "res3a_branch2b": (2, 2)}
    translation = translate(checkpoint(tensors, strides=strides), "resnet50")
    assert translation.unknown == ("conv1_bias",)
    assert {s.layer for s in translation.pieces if s.variable == "bias"} == {
        "logits"
    }
    variance = arrays(translation)[Slot(None, "bn_conv1", "moving_variance")]
    np.testing.assert_allclose(
        np.sqrt(variance + 1e-5), tensors["bn_conv1_moments"][:, 1], rtol=1e-6
    )
    strides = {"res3a_branch2a_spatial": (2, 2)}
    for backbone, known in (("resnet50", False), ("resnet50_msra", True)):
        found = translate(checkpoint(tensors, strides=strides), backbone)
        assert bool(found.pieces) is known


@pytest.mark.parametrize(
    "backbone, layers, heads",
    [
        ("vgg16", VGG16, ("fc8", "layer38", "prediction")),
        ("vgg_m_2048", VGG_M, ("fc8", "layer22", "prediction")),
    ],
)
def test_plain(backbone, layers, heads):
    for head in heads:
        tensors = plain(np.random.default_rng(0), layers, 20, head)
        translation = translate(checkpoint(tensors), backbone)
        assert translation.unknown == ()
        assert set(translation.pieces) == {
            Slot(None, layer, variable)
            for layer in (*layers, "logits")
            for variable in ("kernel", "bias")
        }
        found = arrays(translation)
        for layer in layers:
            kernel, bias = tensors[f"{layer}f"], tensors[f"{layer}b"]
            np.testing.assert_array_equal(
                found[Slot(None, layer, "kernel")], kernel
            )
            np.testing.assert_array_equal(
                found[Slot(None, layer, "bias")], bias[0]
            )
        assert found[Slot(None, "logits", "kernel")].shape == (2, 2)


def test_fused_in_space_and_time():
    """VGG-16 with both towers: the convolution over time, height and width
    sees what MatConvNet's over height, width and time saw."""
    rng = np.random.default_rng(0)
    tensors = {
        **plain(rng, VGG16, 3, "layer38", "_spatial"),
        **plain(rng, VGG16, 20, "layer38", "_temporal"),
        "conv3Df": array(rng, 3, 3, 3, 4, 2),
        "conv3Db": array(rng, 1, 2),
    }
    average = np.concatenate([np.full(20, 128.5), [120.0, 110.0, 100.0]])
    translation = translate(
        checkpoint(tensors, average_image=average[None, None]), "vgg16"
    )
    assert translation.unknown == ()
    assert set(translation.pieces) == {
        Slot(stream, layer, variable)
        for stream, layers in (
            ("rgb", (*VGG16, "logits")),
            ("flow", (*VGG16, "logits")),
            (None, ("fusion_relu5",)),
        )
        for layer in layers
        for variable in ("kernel", "bias")
    }
    assert translation.scaling["rgb"] == PixelScaling((120.0, 110.0, 100.0))
    assert translation.scaling["flow"] == PixelScaling(128.5)
    found = arrays(translation)
    assert found[Slot("flow", "conv1_1", "kernel")].shape == (3, 3, 20, 2)

    spatial, temporal = array(rng, 2, 1, 4, 5, 6, 2)  # times, height, width
    layer = ConvFusion3D(2)
    layer.build([spatial.shape, temporal.shape])
    layer.set_weights(
        [found[Slot(None, "fusion_relu5", v)] for v in ("kernel", "bias")]
    )
    both = np.concatenate([spatial, temporal], -1)[0]
    padded = np.pad(both, ((1, 1), (1, 1), (1, 1), (0, 0)))
    maps = np.zeros((4, 5, 6, 2)) + tensors["conv3Db"]
    for t, y, x in np.ndindex(3, 3, 3):
        seen = padded[t : t + 4, y : y + 5, x : x + 6]
        maps += seen @ tensors["conv3Df"][y, x, t]
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(layer([spatial, temporal]))[0],
        np.maximum(maps, 0),
        rtol=1e-4,
        atol=1e-4,
    )


def multiplier(rng, width=1 / 32):
    """Parameters of the spatiotemporal multiplier network of ResNet-50s."""
    tensors = {
        **residual(rng, "resnet50", width=width, suffix="_spatial"),
        **residual(rng, "resnet50", width=width, suffix="_temporal"),
    }
    kernel = tensors["conv1_filter_temporal"]
    tensors["conv1_filter_temporal"] = array(rng, 7, 7, 20, kernel.shape[-1])
    for stage in "2345":
        for stream in ("spatial", "temporal"):
            name = f"res{stage}b_branch2b_relu_{stream}_Time"
            filters = int(16 * 2 ** int(stage) * width)
            tensors[f"{name}_f"] = array(rng, 1, 3, filters, filters)
            tensors[f"{name}_b"] = array(rng, 1, filters)
    return tensors


def test_filters_over_time():
    rng = np.random.default_rng(0)
    tensors = multiplier(rng)
    translation = translate(checkpoint(tensors), "resnet50_msra")
    assert translation.unknown == ()
    found = arrays(translation)
    # ST-ResNet's, whose own convolutions span time.
    kernel = array(rng, 1, 3, 16, 4)
    name = "res5b_branch2c_filter_spatial"
    assert name in tensors
    widened = arrays(
        translate(checkpoint({**tensors, name: kernel}), "resnet50_msra")
    )
    place = Slot("rgb", "res5b_branch2c", "kernel")
    np.testing.assert_array_equal(widened[place], kernel[0])
    slot = Slot("flow", "res5b_temporal", "kernel")
    kernel = tensors["res5b_branch2b_relu_temporal_Time_f"]
    bias = tensors["res5b_branch2b_relu_temporal_Time_b"]
    clips = array(rng, 1, 4, 2, 16)
    layer = TemporalIdentityConv()
    layer.build(clips.shape)
    layer.set_weights([found[slot], found[slot._replace(variable="bias")]])
    padded = np.pad(clips, ((0, 0), (1, 1), (0, 0), (0, 0)))
    expected = bias + sum(padded[:, t : t + 4] @ kernel[0, t] for t in range(3))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(layer(clips)), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    "average, channels, rgb, flow",
    [
        (None, 3, (123.68, 116.779, 103.939), 128.0),
        (np.tile([1.0, 2.0, 6.0], (4, 5, 1)), 3, (1.0, 2.0, 6.0), 128.0),
        (np.full((1, 1, 20), 127.0), 20, (123.68, 116.779, 103.939), 127.0),
        # Of the network it was trained from; and none, by Caffe's importer.
        (np.ones((4, 5, 3)), 20, (123.68, 116.779, 103.939), 128.0),
        (np.zeros((1, 2)), 3, (123.68, 116.779, 103.939), 128.0),
    ],
)
def test_scaling(average, channels, rgb, flow):
    tensors = plain(np.random.default_rng(0), VGG_M, channels, "fc8")
    translation = translate(
        checkpoint(tensors, average_image=average), "vgg_m_2048"
    )
    assert translation.scaling == {
        "rgb": PixelScaling(rgb),
        "flow": PixelScaling(flow),
        "rgb_diff": PixelScaling(0.0),
    }


def test_other_names():
    rng = np.random.default_rng(0)
    tensors = {"layer1.0.conv1.weight": array(rng, 2, 2), "x": array(rng, 1)}
    for backbone in MATCONVNET.backbones:
        translation = translate(checkpoint(tensors), backbone)
        assert translation.pieces == {}
        assert translation.unknown == tuple(tensors)


def test_classifier_that_is_not_clear():
    """Two candidates are left to the user."""
    rng = np.random.default_rng(0)
    tensors = plain(rng, VGG_M, 3, "fc8")
    tensors["layer9f"] = array(rng, 1, 1, 2, 2)
    translation = translate(checkpoint(tensors), "vgg_m_2048")
    assert translation.unknown == ("fc8f", "fc8b", "layer9f")


@pytest.mark.parametrize("name", ["conv1_filter", "bn_conv1_moments"])
def test_other_shapes(name):
    """Shapes are told when they are compared with a network's."""
    tensors = residual(np.random.default_rng(0), "resnet50")
    tensors[name] = np.ones((1, 6), "float32")
    translation = translate(checkpoint(tensors), "resnet50_msra")
    shapes = {a.shape for a in arrays(translation).values()}
    assert (1, 6) in shapes and translation.unknown == ()


@pytest.mark.large
def test_file_into_network(tmp_path):
    """ResNet-50 as its authors' file has it, down to the first maps."""
    rng = np.random.default_rng(0)
    tensors = residual(rng, "resnet50", width=1)
    average = np.array([120.0, 110.0, 100.0]).reshape(1, 1, 3)
    params = tuple({"name": n, "value": v} for n, v in tensors.items())
    layer = {"name": "res3a_branch2a", "type": "dagnn.Conv"}
    layer["block"] = {"stride": np.array([[2.0, 2.0]])}
    net = {
        "params": params,
        "layers": (layer,),
        "meta": {"normalization": {"averageImage": average}},
    }
    path = tmp_path / "net.mat"
    write_v7(path, {"net": net}, compressed=False)
    model = TSN(
        backbone="resnet50_msra",
        classes=3,
        input_shape=(1, 32, 48, 3),
    )
    convert(path, model)
    clips = rng.integers(0, 256, (1, 1, 32, 48, 3)).astype("uint8")
    padded = np.pad(clips[0] - average[0], ((0, 0), (3, 3), (3, 3), (0, 0)))
    maps = np.zeros((1, 16, 24, 64)) + tensors["conv1_bias"]
    for y in range(7):
        for x in range(7):
            seen = padded[:, y : y + 32 : 2, x : x + 48 : 2]
            maps += seen @ tensors["conv1_filter"][y, x]
    mean, sigma = tensors["bn_conv1_moments"].T
    maps = tensors["bn_conv1_mult"][:, 0] * (maps - mean) / sigma
    maps = np.maximum(maps + tensors["bn_conv1_bias"][:, 0], 0)
    tower = model.get_layer("rgb")
    first = keras.Model(tower.input, tower.get_layer("conv1_relu").output)
    scaled = model.get_layer("preprocessing")(clips)[0]
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(first(scaled)), maps, rtol=1e-3, atol=1e-2
    )


@pytest.mark.large
def test_multiplier_network():
    """Every weight of the network is filled, each from its own stream."""
    tensors = multiplier(np.random.default_rng(0), width=1)
    model = SpatiotemporalMultiplier(backbone="resnet50_msra", classes=3)
    report = convert(checkpoint(tensors), model)
    assert report.kept == () and report.left_out == {}
    weights = slots(model)
    for stream, name in (("rgb", "spatial"), ("flow", "temporal")):
        for layer, source in (
            ("res4f_branch2c", f"res4f_branch2c_filter_{name}"),
            ("res3b_temporal", f"res3b_branch2b_relu_{name}_Time_f"),
            ("logits", f"fc1000_filter_{name}"),
        ):
            weight = weights[Slot(stream, layer, "kernel")]
            np.testing.assert_array_equal(
                keras.ops.convert_to_numpy(weight),
                tensors[source].reshape(weight.shape),
            )
