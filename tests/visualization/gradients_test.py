import numpy as np
import pytest
from keras import ops

from keras_vidrec.visualization import gradients


@pytest.mark.parametrize("compiled", [False, True])
def test_values_and_gradients(compiled):
    def function(tensors, factor):
        x, y, _ = tensors
        return ops.sum(factor * x**2 * y)

    x, y = np.float32([[1, 2], [3, 4]]), np.float32([5, -6])
    value, slopes = gradients.differentiate(function, compiled)(
        [x, y, np.ones(3)], np.float32(3)
    )
    assert isinstance(value, float)
    assert value == pytest.approx(3 * (x**2 * y).sum())
    np.testing.assert_allclose(slopes[0], 6 * x * y)
    np.testing.assert_allclose(slopes[1], 3 * (x**2).sum(axis=0))
    np.testing.assert_array_equal(slopes[2], 0)


def test_a_value_that_nothing_changes():
    _, (slope,) = gradients.differentiate(lambda tensors: ops.sum(ops.ones(2)))(
        [np.ones(3)]
    )
    np.testing.assert_array_equal(slope, np.zeros(3))
