import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers.probability_fusion import ProbabilityFusion
from tests.layer_contract import check_layer


def test_contract():
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


def test_errors():
    with pytest.raises(ValueError, match="logits of one shape"):
        ProbabilityFusion()([np.ones((2, 3)), np.ones((2, 4))])
    with pytest.raises(ValueError, match=r"stream_weights=\(1, 0\)"):
        ProbabilityFusion((1, 0))
    with pytest.raises(ValueError, match="3 streams for stream_weights="):
        ProbabilityFusion((1, 1))([np.ones((2, 3))] * 3)
