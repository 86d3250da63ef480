import cv2
import numpy as np
import pytest
from keras import ops

from keras_vidrec.flow.tvl1.median import median


@pytest.mark.parametrize("size", [1, 3, 5])
def test_median_is_exact(size):
    images = np.random.default_rng(0).normal(size=(3, 17, 23)).astype("float32")
    images[1] = np.round(images[1])  # many of the same value
    filtered = ops.convert_to_numpy(median(ops.convert_to_tensor(images), size))
    for image, result in zip(images, filtered):
        expected = image if size == 1 else cv2.medianBlur(image, size)
        np.testing.assert_array_equal(result, expected)
