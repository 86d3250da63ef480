import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers import ConvFusion3D
from tests.layer_contract import check_layer
from tests.layers import harness


def streams(*shapes):
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype("float32") for shape in shapes]


def numpy_fusion(spatial, temporal, kernel, bias):
    """A convolution as a sum over the places of its kernel."""
    size = np.maximum(spatial.shape, temporal.shape)[:4]
    border = len(kernel) // 2
    stacked = np.zeros((*(size + [0, *[2 * border] * 3]), kernel.shape[3]))
    channels = spatial.shape[-1]
    for part, stream in (
        (slice(channels), spatial),
        (slice(channels, None), temporal),
    ):
        time, height, width = (
            slice(border, border + extent) for extent in stream.shape[1:4]
        )
        stacked[:, time, height, width, part] = stream
    total = np.zeros((*size, kernel.shape[4]))
    for place in np.ndindex(*kernel.shape[:3]):
        window = stacked[
            (
                slice(None),
                *(slice(at, at + n) for at, n in zip(place, size[1:])),
            )
        ]
        total += window @ kernel[place]
    return np.maximum(total + bias, 0)


@pytest.mark.parametrize(
    "config",
    [
        {"filters": 3},
        {"filters": 3, "kernel_size": 5, "temporal_ratio": 1, "sigma": 0.5},
    ],
)
def test_contract(config):
    check_layer(
        ConvFusion3D,
        config,
        input_shape=[(2, 4, 6, 5, 3), (2, 4, 5, 6, 3)],
        expected_output_shape=(2, 4, 6, 6, 3),
        expected_num_trainable_weights=2,
        run_training_check=False,  # cannot feed a list
    )


def test_equals_numpy():
    for kernel_size in [1, 3, 5]:
        for shapes in [
            [(2, 5, 6, 7, 3)] * 2,
            [(2, 4, 6, 5, 3), (2, 4, 5, 7, 3)],
            [(1, 1, 2, 2, 3)] * 2,
        ]:
            layer = ConvFusion3D(3, kernel_size)
            layer.build(shapes)
            weights = streams((kernel_size,) * 3 + (6, 3), (3,))
            layer.set_weights(weights)
            inputs = streams(*shapes)
            np.testing.assert_allclose(
                ops.convert_to_numpy(layer(inputs)),
                numpy_fusion(*inputs, *weights),
                atol=1e-4,
            )


def test_initial_kernel():
    layer = ConvFusion3D(4, kernel_size=3, temporal_ratio=3.0, sigma=1.0)
    layer.build([(1, 5, 6, 6, 4)] * 2)
    kernel, bias = layer.get_weights()
    assert not np.any(bias)
    total = sum(
        np.exp(-(x * x + y * y + z * z) / 2)
        for x in (-1, 0, 1)
        for y in (-1, 0, 1)
        for z in (-1, 0, 1)
    )
    for (t, y, x, channel, output), value in np.ndenumerate(kernel):
        distance = (t - 1) ** 2 + (y - 1) ** 2 + (x - 1) ** 2
        share = 0.25 if channel < 4 else 0.75
        expected = share * np.exp(-distance / 2) / total
        expected *= channel % 4 == output
        assert value == pytest.approx(expected, abs=1e-7)


def test_starts_as_a_weighted_mean_of_constant_maps():
    for ratio, spatial_share in [(3, 0.25), (1, 0.5), (0, 1)]:
        rng = np.random.default_rng(0)
        a, b = rng.uniform(0, 9, (2, 4)).astype("float32")
        size = (1, 5, 6, 6, 4)
        layer = ConvFusion3D(4, temporal_ratio=ratio, sigma=0.8)
        fused = ops.convert_to_numpy(
            layer([np.broadcast_to(a, size), np.broadcast_to(b, size)])
        )
        inside = fused[:, 1:-1, 1:-1, 1:-1]
        expected = spatial_share * a + (1 - spatial_share) * b
        np.testing.assert_allclose(
            inside, np.broadcast_to(expected, inside.shape), rtol=1e-5
        )
        # The zeros around the clip darken its corners.
        assert np.all(fused[:, 0, 0, 0] < 0.9 * expected)


def test_sizes_unknown_until_called():
    layer = ConvFusion3D(3)
    fuse = harness.without_sizes(layer, streams(*[(2, 5, 6, 6, 3)] * 2))
    for shapes in (
        [(2, 5, 6, 6, 3)] * 2,
        [(1, 1, 7, 5, 3), (1, 1, 6, 6, 3)],
        [(3, 8, 3, 2, 3), (3, 8, 2, 4, 3)],
    ):
        inputs = streams(*shapes)
        np.testing.assert_allclose(
            fuse(inputs), numpy_fusion(*inputs, *layer.get_weights()), atol=1e-5
        )


def test_gradients_arrive():
    layer = ConvFusion3D(3)
    inputs = streams((2, 4, 5, 5, 3), (2, 4, 4, 5, 3))
    layer.build([x.shape for x in inputs])
    harness.assert_gradients_arrive(layer, inputs)


def test_invalid_arguments():
    for config, received in [
        ({"filters": 0}, "filters=0"),
        ({"filters": 3, "kernel_size": 2}, "kernel_size=2"),
        ({"filters": 3, "kernel_size": -1}, "kernel_size=-1"),
        ({"filters": 3, "temporal_ratio": -1}, "temporal_ratio=-1"),
        ({"filters": 3, "temporal_ratio": float("inf")}, "temporal_ratio=inf"),
        ({"filters": 3, "sigma": 0}, "sigma=0"),
    ]:
        with pytest.raises(ValueError, match=f"Received: {received}"):
            ConvFusion3D(**config)


def test_what_does_not_fit():
    for shapes, message in [
        ([(2, 5, 6, 6, 3), (2, 5, 6, 6, 4)], r"6, 4\)\], filters=3"),
        ([(2, 5, 6, 6, 4)] * 2, "filters=3"),
        ([(2, 6, 6, 3)] * 2, r"Expected two streams \(batch, time"),
        ([(2, 5, 6, 6, 3), (2, 4, 6, 6, 3)], "height, width and channels"),
        ([(2, 5, 6, 6, 3), (2, 5, 6, 9, 3)], "2 rows or columns"),
    ]:
        with pytest.raises(ValueError, match=message):
            ConvFusion3D(3).build(shapes)
