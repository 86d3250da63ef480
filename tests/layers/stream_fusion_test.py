import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers import StreamFusion
from tests.layer_contract import check_layer
from tests.layers import harness

MODES = ("sum", "max", "concat", "conv", "bilinear")


def streams(*shapes):
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype("float32") for shape in shapes]


def padded(stream, size):
    """To height and width `size`, with zeros at the far ends."""
    if stream.ndim < 4:
        return stream
    result = np.zeros((*stream.shape[:-3], *size, stream.shape[-1]))
    result[..., : stream.shape[-3], : stream.shape[-2], :] = stream
    return result


def numpy_fusion(spatial, temporal, mode, kernel=None, bias=0):
    """The equations, one position at a time where there is one."""
    size = np.maximum(spatial.shape[-3:-1], temporal.shape[-3:-1])
    spatial, temporal = padded(spatial, size), padded(temporal, size)
    if mode == "sum":
        return spatial + temporal
    if mode == "max":
        return np.where(spatial > temporal, spatial, temporal)
    if mode == "bilinear":
        rows = []
        for one, other in zip(spatial, temporal):
            total = sum(
                np.outer(one[i, j], other[i, j]) for i, j in np.ndindex(*size)
            ).ravel()
            root = np.copysign(np.abs(total) ** 0.5, total)
            rows.append(root / np.sqrt((root**2).sum()))
        return np.array(rows)
    stacked = np.concatenate([spatial, temporal], axis=-1)
    if mode == "concat":
        return stacked
    return np.tensordot(stacked, kernel, 1) + bias


@pytest.mark.parametrize(
    "config, shape, num_weights",
    [
        ({"mode": "sum"}, (2, 5, 5, 3), 0),
        ({"mode": "max", "activation": "relu"}, (2, 5, 5, 3), 0),
        ({"mode": "concat"}, (2, 5, 5, 6), 0),
        ({"mode": "conv", "activation": "relu"}, (2, 5, 5, 3), 2),
        ({"mode": "conv", "initialization": "random"}, (2, 5, 5, 3), 2),
        ({"mode": "bilinear"}, (2, 9), 0),
    ],
)
def test_contract(config, shape, num_weights):
    check_layer(
        StreamFusion,
        config,
        input_shape=[(2, 5, 4, 3), (2, 4, 5, 3)],
        expected_output_shape=shape,
        expected_num_trainable_weights=num_weights,
        run_training_check=False,  # cannot feed a list
    )


def test_equals_numpy():
    for mode in MODES:
        for shapes in [
            [(2, 6, 5, 3)] * 2,
            [(2, 14, 14, 3), (2, 13, 13, 3)],
            [(2, 5, 7, 3), (2, 6, 5, 3)],
            [(2, 3)] * 2,
            [(2, 4, 3, 5, 3), (2, 4, 5, 3, 3)],
        ]:
            if mode == "bilinear" and len(shapes[0]) != 4:
                continue  # there are no positions to sum over
            layer = StreamFusion(mode)
            inputs = streams(*shapes)
            layer.build(shapes)
            weights = streams((6, 3), (3,)) if mode == "conv" else []
            layer.set_weights(weights)
            np.testing.assert_allclose(
                ops.convert_to_numpy(layer(inputs)),
                numpy_fusion(*inputs, mode, *weights),
                atol=1e-5,
            )


def test_conv_starts_as_sum():
    inputs = streams((2, 6, 6, 5), (2, 6, 5, 5))
    expected = ops.convert_to_numpy(StreamFusion("sum")(inputs))
    conv = StreamFusion("conv")
    np.testing.assert_allclose(
        ops.convert_to_numpy(conv(inputs)), expected, atol=1e-6
    )
    assert conv.count_params() == 2 * 5 * 5 + 5
    rectified = StreamFusion("conv", activation="relu")(inputs)
    np.testing.assert_allclose(
        ops.convert_to_numpy(rectified), np.maximum(expected, 0), atol=1e-6
    )


def test_random_conv_is_he_normal():
    conv = StreamFusion("conv", "random")
    conv.build([(1, 2, 2, 256), (1, 2, 2, 144)])
    kernel = ops.convert_to_numpy(conv.kernel)
    assert kernel.shape == (400, 256)
    assert kernel.std() == pytest.approx(np.sqrt(2 / 400), rel=0.02)
    assert not np.any(ops.convert_to_numpy(conv.bias))


def test_streams_of_different_channels():
    for mode in ["concat", "conv", "bilinear"]:
        inputs = streams((2, 5, 5, 3), (2, 5, 5, 4))
        layer = StreamFusion(mode, "random")
        found = ops.convert_to_numpy(layer(inputs))
        assert found.shape == layer.compute_output_shape(
            [x.shape for x in inputs]
        )
        np.testing.assert_allclose(
            found,
            numpy_fusion(*inputs, mode, *layer.get_weights()),
            atol=1e-5,
        )


def test_sizes_unknown_until_called():
    for mode in MODES:
        layer = StreamFusion(mode)
        fuse = harness.without_sizes(layer, streams(*[(2, 6, 6, 3)] * 2))
        for shapes in (
            [(2, 6, 5, 3)] * 2,
            [(1, 14, 14, 3), (1, 13, 13, 3)],
            [(3, 2, 4, 3), (3, 4, 2, 3)],
        ):
            inputs = streams(*shapes)
            np.testing.assert_allclose(
                fuse(inputs),
                numpy_fusion(*inputs, mode, *layer.get_weights()),
                atol=1e-5,
            )


@pytest.mark.tensorflow_only
@pytest.mark.parametrize("mode", MODES)
def test_sizes_unknown_until_called_and_too_different(mode):
    import tensorflow as tf

    fuse = harness.without_sizes(
        StreamFusion(mode), streams(*[(2, 6, 6, 3)] * 2)
    )
    with pytest.raises(tf.errors.InvalidArgumentError):
        fuse(streams((2, 6, 6, 3), (2, 6, 3, 3)))


def test_gradients_arrive():
    for mode in MODES:
        layer = StreamFusion(mode)
        layer.build([(2, 4, 4, 3)] * 2)
        harness.assert_gradients_arrive(
            layer, streams((2, 4, 4, 3), (2, 3, 4, 3))
        )


def test_bilinear_gradients_of_dead_channels_are_finite():
    spatial, temporal = streams((3, 4, 4, 3), (3, 4, 4, 3))
    spatial[0] = 0
    spatial[1, ..., 1] = 0
    temporal[1, ..., 2] = 0
    layer = StreamFusion("bilinear")
    layer.build([spatial.shape, temporal.shape])
    assert not np.any(ops.convert_to_numpy(layer([spatial, temporal]))[0])
    harness.assert_gradients_arrive(layer, [spatial, temporal])


def test_bilinear_is_computed_in_float32():
    inputs = [100 * np.abs(x) for x in streams((2, 6, 6, 3), (2, 6, 6, 3))]
    found = StreamFusion("bilinear", dtype="mixed_float16")(inputs)
    assert keras.backend.standardize_dtype(found.dtype) == "float16"
    np.testing.assert_allclose(
        ops.convert_to_numpy(found),
        numpy_fusion(*inputs, "bilinear"),
        atol=1e-3,
    )


def test_invalid_arguments():
    for config, received in [
        ({"mode": "mean"}, "mode='mean'"),
        ({"mode": "conv", "initialization": "zeros"}, "initialization='zeros'"),
        ({"mode": "sum", "activation": "tanh"}, "activation='tanh'"),
    ]:
        with pytest.raises(ValueError, match=f"Received: {received}"):
            StreamFusion(**config)


def test_what_does_not_fit():
    for mode, shapes, message in [
        ("sum", [(2, 5, 5, 3), (2, 5, 5, 4)], "same number of channels"),
        ("max", [(2, 3), (2, 4)], r"mode='max'.*\[\(2, 3\), \(2, 4\)\]"),
        ("conv", [(2, 3), (2, 4)], "initialization='identity'"),
        ("bilinear", [(2, 3), (2, 3)], r"Received: input_shape=\[\(2, 3\)"),
        ("concat", [(2, 3), (2, None)], "known number of channels"),
        ("concat", [(2, 7, 7, 3), (2, 4, 7, 3)], "2 rows or columns"),
        ("concat", [(2, 7, 3), (2, 7, 7, 3)], "equal rank"),
    ]:
        with pytest.raises(ValueError, match=message):
            StreamFusion(mode).build(shapes)


def test_one_tensor_is_no_two_streams():
    with pytest.raises(ValueError, match=r"two streams, \[spatial, temporal\]"):
        StreamFusion("sum")(np.zeros((2, 5, 5, 3)))
