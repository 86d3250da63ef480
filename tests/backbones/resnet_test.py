import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec import backbones
from tests.backbones.reference import tower_without_weights


def randomize(model):
    """Weights far from their initial values, BN statistics included."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights(
                [rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()]
            )
        elif isinstance(layer, keras.layers.Conv2D) and layer.use_bias:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, rng.normal(0, 0.1, bias.shape)])


def reference_names(name, unit):
    """Ours and the Keras names of the layers of a residual unit."""
    for branch, number in zip(("1", "2a", "2b", "2c"), range(4)):
        yield f"res{name}_branch{branch}", f"{unit}_{number}_conv"
        yield f"bn{name}_branch{branch}", f"{unit}_{number}_bn"


@pytest.mark.large  # as do its weights of ImageNet, in every run
@pytest.mark.parametrize(
    "name, builder, units",
    [
        ("resnet50", keras.applications.ResNet50, ["abc", "abcd", "abcdef"]),
        (
            "resnet101",
            keras.applications.ResNet101,
            [
                "abc",
                ["a", "b1", "b2", "b3"],
                ["a", *(f"b{i}" for i in range(1, 23))],
            ],
        ),
    ],
)
def test_caffe_style_equals_keras_applications(name, builder, units):
    reference = builder(
        weights=None, include_top=False, input_shape=(70, 65, 3), pooling="avg"
    )
    randomize(reference)
    tower = backbones.get(f"{name}_caffe")
    pairs = [("conv1", "conv1_conv"), ("bn_conv1", "conv1_bn")]
    for stage, letters in enumerate([*units, "abc"], start=2):
        for number, letter in enumerate(letters, start=1):
            pairs += reference_names(
                f"{stage}{letter}", f"conv{stage}_block{number}"
            )
    theirs = {layer.name: layer for layer in reference.layers}
    copied = 0
    for our_name, their_name in pairs:
        if their_name in theirs:
            layer = tower.get_layer(our_name)
            layer.set_weights(theirs[their_name].get_weights())
            copied += len(layer.weights)
    assert copied == len(tower.weights) == len(reference.weights)
    x = np.random.default_rng(1).normal(size=(2, 70, 65, 3))
    expected = ops.convert_to_numpy(reference(x))
    assert expected.std() > 1e-3
    np.testing.assert_allclose(
        ops.convert_to_numpy(tower(x)),
        expected,
        rtol=1e-5,
        atol=1e-5 * np.abs(expected).max(),
    )


def test_the_style_decides_where_the_stride_lies():
    strides = {}
    for name in ("resnet50", "resnet50_caffe", "resnet50_msra"):
        tower = tower_without_weights(name, endpoints=["relu4"])
        strides[name] = [
            tower.get_layer(f"res4a_branch{branch}").strides[0]
            for branch in ("1", "2a", "2b", "2c")
        ]
    assert strides == {
        "resnet50": [2, 1, 2, 1],
        "resnet50_caffe": [2, 2, 1, 1],
        "resnet50_msra": [2, 2, 1, 1],
    }


@pytest.mark.parametrize("style", ["caffe", "msra"])
def test_the_style_decides_where_the_windows_of_the_stem_begin(style):
    """Of 14 x 9 maps: `"caffe"` pads them by 1, `"msra"` rounds sizes up."""
    tower = backbones.get(f"resnet50_{style}", endpoints=["relu2"])
    pooled = keras.Model(
        tower.get_layer("conv1_relu").output, tower.get_layer("pool1").output
    )
    maps = np.random.default_rng(0).normal(size=(2, 14, 9, 64)) ** 2
    padding = (1, 0) if style == "caffe" else (0, 1)
    padded = np.pad(maps, [(0, 0), padding, (padding[0], 0), (0, 0)])
    if style == "caffe":
        padded = np.pad(padded, [(0, 0), (0, 0), (0, 1), (0, 0)])
    expected = np.stack(
        [
            [
                padded[:, y : y + 3, x : x + 3].max(axis=(1, 2))
                for x in range(0, padded.shape[2] - 2, 2)
            ]
            for y in range(0, padded.shape[1] - 2, 2)
        ]
    ).transpose(2, 0, 1, 3)
    np.testing.assert_allclose(pooled(maps), expected, rtol=1e-6)


def residual_unit(x, tower, name, strides):
    """A PyTorch-style unit in inference, written out with NumPy padding."""

    def convolution(x, branch, strides):
        kernel = tower.get_layer(f"res{name}_branch{branch}").kernel
        pad = kernel.shape[0] // 2
        x = np.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)])
        x = ops.convert_to_numpy(
            ops.conv(x.astype("float32"), kernel, strides, "valid")
        )
        norm = tower.get_layer(f"bn{name}_branch{branch}")
        gamma, beta, mean, variance = norm.get_weights()
        return (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta

    y = np.maximum(convolution(x, "2a", 1), 0)
    y = np.maximum(convolution(y, "2b", strides), 0)
    y = convolution(y, "2c", 1)
    return np.maximum(convolution(x, "1", strides) + y, 0)


def test_pytorch_style_unit_equals_its_formula():
    tower = backbones.get("tiny")
    randomize(tower)
    unit = keras.Model(
        tower.get_layer("res2b_relu").output,
        tower.get_layer("res3a_relu").output,
    )
    for size in (8, 7):
        shape = (2, size, size, unit.input.shape[-1])
        x = np.random.default_rng(0).normal(size=shape)
        np.testing.assert_allclose(
            ops.convert_to_numpy(unit(x)),
            residual_unit(x, tower, "3a", 2),
            rtol=1e-4,
            atol=1e-4,
        )


@pytest.mark.parametrize(
    "name, present, absent",
    [
        ("tiny", ["res5b_relu", "conv1_relu"], ["res2c", "res5c"]),
        ("resnet50", ["pool1", "res3d_relu", "res4f"], ["res4g", "res3b1"]),
        ("resnet101", ["res3b3", "res4b22_relu"], ["res4b", "res4b23"]),
        ("resnet152", ["res3b7", "res4b35_branch2c"], ["res3b", "res4b36"]),
    ],
)
def test_caffe_names(name, present, absent):
    names = {layer.name for layer in tower_without_weights(name).layers}
    common = {
        "conv1",
        "bn_conv1",
        "conv1_relu",
        "res2a_branch1",
        "bn2a_branch1",
        "res2a_branch2a",
        "bn2a_branch2a",
        "res2a_branch2a_relu",
        "res2a",
        "res2a_relu",
        "features",
    }
    assert names >= common | set(present)
    assert not names & set(absent)
