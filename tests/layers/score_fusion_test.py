import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers import ProbabilityFusion
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


def test_contract_of_probabilities():
    check_layer(
        ProbabilityFusion,
        {"stream_weights": (1, 3)},
        input_shape=[(2, 3, 4), (2, 3, 4)],
        expected_output_shape=(2, 3, 4),
        expected_num_trainable_weights=0,
        run_training_check=False,  # cannot feed a list
        run_mixed_precision_check=False,  # always float32, tested below
    )


def softmax(x):
    exponentials = np.exp(x - x.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


@pytest.mark.parametrize("num_streams", [1, 2, 3])
def test_mean_of_probabilities(num_streams):
    rng = np.random.default_rng(0)
    logits = [rng.normal(0, 3, (4, 5)) for _ in range(num_streams)]
    fused = ops.convert_to_numpy(ProbabilityFusion()(logits))
    expected = np.mean([softmax(x) for x in logits], axis=0)
    np.testing.assert_allclose(np.exp(fused), expected, atol=1e-6)
    np.testing.assert_allclose(softmax(fused), expected, atol=1e-6)


def test_weighted_mean_of_probabilities():
    logits = np.random.default_rng(0).normal(0, 3, (3, 4, 5))
    fused = ops.convert_to_numpy(ProbabilityFusion((2, 1, 5))(list(logits)))
    expected = np.tensordot((0.25, 0.125, 0.625), softmax(logits), 1)
    np.testing.assert_allclose(np.exp(fused), expected, atol=1e-6)


def test_probabilities_of_nearly_zero_stay_finite():
    sure = np.array([[1000.0, 0.0]])
    fused = ops.convert_to_numpy(ProbabilityFusion()([sure, sure]))
    np.testing.assert_allclose(fused, [[0.0, -1000.0]])


def test_float32_under_any_policy():
    layer = ProbabilityFusion(dtype="mixed_bfloat16")
    fused = layer([np.ones((2, 3), "float16")] * 2)
    assert "float32" in str(fused.dtype)


def test_logits_and_weights_that_do_not_fit():
    with pytest.raises(ValueError, match="logits of the same shape"):
        ProbabilityFusion()([np.ones((2, 3)), np.ones((2, 4))])
    with pytest.raises(ValueError, match=r"stream_weights=\(1, 0\)"):
        ProbabilityFusion((1, 0))
    with pytest.raises(ValueError, match="3 streams for stream_weights="):
        ProbabilityFusion((1, 1))([np.ones((2, 3))] * 3)
