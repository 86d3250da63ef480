import cv2
import numpy as np
import pytest
from keras import ops

from keras_vidrec.flow.tvl1 import sampling
from keras_vidrec.flow.tvl1.sampling import median


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (2, 37, 45)).astype("float32")


@pytest.mark.parametrize("size, scale", [((30, 36), 1.25), ((53, 61), None)])
def test_resizes_as_opencv(images, size, scale):
    scales = (37 / size[0], 45 / size[1]) if scale is None else (scale, scale)
    resized = sampling.resize(ops.convert_to_tensor(images), *size, scales)
    for image, result in zip(images, ops.convert_to_numpy(resized)):
        if scale is None:
            expected = cv2.resize(image, size[::-1])
        else:
            expected = cv2.resize(image, None, fx=1 / scale, fy=1 / scale)
        np.testing.assert_allclose(result, expected, atol=1e-3)


def test_warps_as_opencv(images):
    rng = np.random.default_rng(1)
    # Far beyond every border, too.
    flow = rng.normal(0, 25, (2, *images.shape)).astype("float32")
    (warped,) = sampling.warp(
        [ops.convert_to_tensor(images)], *map(ops.convert_to_tensor, flow)
    )
    columns, rows = np.meshgrid(
        np.arange(45, dtype="float32"), np.arange(37, dtype="float32")
    )
    for image, x, y, result in zip(images, *flow, ops.convert_to_numpy(warped)):
        expected = cv2.remap(image, columns + x, rows + y, cv2.INTER_CUBIC)
        np.testing.assert_allclose(result, expected, atol=1e-2)


def test_gradient(images):
    across, down = map(
        ops.convert_to_numpy,
        sampling.gradient(ops.convert_to_tensor(images)),
    )
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)), "edge")
    np.testing.assert_allclose(
        across, (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2, atol=1e-4
    )
    np.testing.assert_allclose(
        down, (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2, atol=1e-4
    )


@pytest.mark.parametrize("size", [1, 3, 5])
def test_median_is_exact(size):
    images = np.random.default_rng(0).normal(size=(3, 17, 23)).astype("float32")
    images[1] = np.round(images[1])  # many of the same value
    filtered = ops.convert_to_numpy(median(ops.convert_to_tensor(images), size))
    for image, result in zip(images, filtered):
        expected = image if size == 1 else cv2.medianBlur(image, size)
        np.testing.assert_array_equal(result, expected)
