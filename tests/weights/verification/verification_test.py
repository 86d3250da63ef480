import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs keras-vidrec[torch]")


def test_the_largest_of_the_differences():
    from keras_vidrec.weights.verification.verification import Difference

    found = np.array([[1.0, -4.5], [2.0, 0.5]], "float32")
    expected = torch.tensor([[1.25, -5.0], [2.0, 0.5]])
    np.testing.assert_allclose(Difference.between(found, expected), (0.5, 0.1))
    assert str(Difference.between(found, expected)) == (
        "5.0e-01 (1.0e-01 of the largest)"
    )


def test_nothing_is_proved_by_zeros_or_by_what_is_no_number():
    from keras_vidrec.weights.verification.verification import Difference

    zeros = np.zeros((2, 3), "float32")
    assert Difference.between(zeros, torch.zeros(2, 3)).relative == math.inf
    found = Difference.between(zeros + np.nan, torch.ones(2, 3))
    assert math.isnan(found.relative)
    with pytest.raises(ValueError, match=r"Received: \(2, 3\), \(3, 2\)"):
        Difference.between(zeros, torch.ones(3, 2))
