import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers import ScoreFusion
from tests.layer_contract import check_layer


def test_contract():
    check_layer(
        ScoreFusion,
        {"stream_weights": (1, 1.5)},
        input_shape=[(2, 3, 4), (2, 3, 4)],
        expected_output_shape=(2, 3, 4),
        expected_num_trainable_weights=0,
        run_training_check=False,  # cannot feed a list
        run_mixed_precision_check=False,  # always float32, tested below
    )


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_weighted_mean(policy):
    keras.config.set_dtype_policy(policy)
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 100, (3, 2, 5)).astype("float32")
    fused = ScoreFusion((1, 1, 0.5))(list(scores))
    assert keras.backend.standardize_dtype(fused.dtype) == "float32"
    expected = np.tensordot((0.4, 0.4, 0.2), scores.astype("float64"), 1)
    np.testing.assert_allclose(
        ops.convert_to_numpy(fused), expected, rtol=1e-5, atol=1e-4
    )


def test_place_by_place():
    one, two = np.ones((2, 3, 4), "float32"), np.ones((2, 4), "float32")
    snippets, clips = ScoreFusion((1, 3))([[one, two], [5 * one, -3 * two]])
    np.testing.assert_allclose(ops.convert_to_numpy(snippets), 4 * one)
    np.testing.assert_allclose(ops.convert_to_numpy(clips), -2 * two)


@pytest.mark.parametrize(
    "weights, streams, message",
    [
        ((1, 0), 2, r"stream_weights=\(1, 0\)"),
        ((1, float("nan")), 2, "positive numbers"),
        ((1, "2"), 2, "positive numbers"),
        ((1, 1), 3, "3 streams for stream_weights="),
    ],
)
def test_what_does_not_fit(weights, streams, message):
    with pytest.raises(ValueError, match=message):
        ScoreFusion(weights)([np.zeros((1, 2))] * streams)
