import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers import PixelNormalization
from tests.layer_contract import check_layer

MEAN = (104.0, 117.0, 123.0)
STD = (2.0, 4.0, 8.0)


def test_contract():
    check_layer(
        PixelNormalization,
        {"mean": MEAN, "std": 2.0, "channel_order": "bgr"},
        input_shape=(2, 3, 6, 6, 3),
        expected_output_shape=(2, 3, 6, 6, 3),
        expected_num_trainable_weights=0,
        run_mixed_precision_check=False,  # always float32, tested below
    )


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_every_frame_of_a_stack_is_scaled_in_its_channel_order(policy):
    keras.config.set_dtype_policy(policy)
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (2, 4, 5, 3), "uint8")
    stacked = np.concatenate(list(frames), axis=-1)
    scaled = PixelNormalization(MEAN, STD, "bgr")(stacked)
    assert keras.backend.standardize_dtype(scaled.dtype) == "float32"
    expected = [(frame[..., ::-1] - np.array(MEAN)) / STD for frame in frames]
    np.testing.assert_allclose(
        ops.convert_to_numpy(scaled),
        np.concatenate(expected, axis=-1),
        atol=1e-5,
    )


def test_one_number_serves_any_channels():
    flow = np.full((1, 4, 4, 10), 128, "uint8")
    np.testing.assert_array_equal(
        ops.convert_to_numpy(PixelNormalization(128.0, 128.0)(flow)), 0
    )


def test_invalid_arguments():
    with pytest.raises(ValueError, match="Received: std=0"):
        PixelNormalization(0, 0)
    with pytest.raises(ValueError, match="channel_order='gbr'"):
        PixelNormalization(channel_order="gbr")
    with pytest.raises(ValueError, match="multiple of 3 channels.*10"):
        PixelNormalization(MEAN)(keras.Input((None, None, 10)))
