import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers import RGBDifference
from tests.layer_contract import check_layer


def test_contract():
    check_layer(
        RGBDifference,
        {},
        input_shape=(2, 3, 6, 6, 18),
        expected_output_shape=(2, 3, 6, 6, 15),
        expected_num_trainable_weights=0,
        run_mixed_precision_check=False,  # always float32, tested below
    )


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_differences_of_neighboring_frames(policy):
    keras.config.set_dtype_policy(policy)
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (6, 4, 5, 3), "uint8")  # L + 1 frames
    stacked = np.concatenate(list(frames), axis=-1)
    differences = RGBDifference()(stacked[None, None])
    assert keras.backend.standardize_dtype(differences.dtype) == "float32"
    expected = np.diff(frames.astype(int), axis=0)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(differences)[0, 0],
        np.concatenate(list(expected), axis=-1),
    )


@pytest.mark.parametrize("channels", [3, 8, None])
def test_invalid_channels(channels):
    with pytest.raises(ValueError, match=f"input_shape=.*{channels}"):
        RGBDifference()(keras.Input((None, None, None, channels)))
