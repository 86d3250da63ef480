import cv2
import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.flow import codec
from keras_vidrec.flow.tvl1 import flow as tvl1
from keras_vidrec.layers import TVL1OpticalFlow
from keras_vidrec.layers import tvl1_optical_flow
from tests.layer_contract import check_layer

SMALL = {
    "scales": 1,
    "warps": 1,
    "outer_iterations": 2,
    "inner_iterations": 5,
    "median_size": 3,
}


def clips(batch=1, segments=2, num_frames=3, height=18, width=22):
    """Smooth colored pictures that wander, uint8, frame-major."""
    rng = np.random.default_rng(0)
    shape = (batch, segments, height + num_frames, width + num_frames, 3)
    scenes = rng.integers(0, 256, shape, "uint8")
    for scene in scenes.reshape(-1, *shape[2:]):
        scene[:] = cv2.GaussianBlur(scene, (0, 0), 2)
    frames = [
        scenes[:, :, i : i + height, 2 * (i % 2) :][..., :width, :]
        for i in range(num_frames)
    ]
    return np.concatenate(frames, axis=-1)


@pytest.mark.large_on_jax
def test_contract():
    check_layer(
        TVL1OpticalFlow,
        {"bound": 10.0, **SMALL},
        input_shape=(1, 2, 16, 17, 9),
        expected_output_shape=(1, 2, 16, 17, 4),
        expected_num_trainable_weights=0,
        run_training_check=False,  # its output does not depend smoothly on it
        run_mixed_precision_check=False,  # always float32, tested below
    )


@pytest.mark.large_on_jax
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_coded_flow_of_gray_neighbors(dtype):
    keras.config.set_dtype_policy("mixed_float16")
    inputs = clips()
    coded = TVL1OpticalFlow(bound=2.0, **SMALL)(inputs.astype(dtype))
    assert keras.backend.standardize_dtype(coded.dtype) == "float32"
    coded = ops.convert_to_numpy(coded)
    assert coded.shape == (1, 2, 18, 22, 4)
    for segment in range(2):
        gray = [
            cv2.cvtColor(
                np.ascontiguousarray(inputs[0, segment, ..., i : i + 3]),
                cv2.COLOR_RGB2GRAY,
            )[None, ..., None]
            for i in (0, 3, 6)
        ]
        for i in range(2):
            flow = tvl1.tvl1_flow(
                gray[i], gray[i + 1], tvl1.Parameters(**SMALL)
            )
            code = codec.encode(ops.convert_to_numpy(flow)[0], bound=2.0)
            result = coded[0, segment, ..., 2 * i : 2 * i + 2]
            assert code.std() > 2
            # The same arithmetic, but for the order of sums in the flow.
            assert (result == code).mean() > 0.99
            assert np.abs(result - code).max() <= 1


def test_gray_is_that_of_opencv():
    colors = np.random.default_rng(1).integers(0, 256, (64, 64, 3), "uint8")
    expected = cv2.cvtColor(colors, cv2.COLOR_RGB2GRAY)
    gray = tvl1_optical_flow.to_gray(ops.cast(colors, "float32"))
    np.testing.assert_array_equal(ops.convert_to_numpy(gray), expected)


def test_stillness_is_128():
    frame = clips(num_frames=1)
    coded = TVL1OpticalFlow(**SMALL)(np.concatenate([frame] * 3, axis=-1))
    np.testing.assert_array_equal(ops.convert_to_numpy(coded), 128)


def build_model():
    video = keras.Input((None, None, None, 9), name="video", dtype="uint8")
    return keras.Model(video, TVL1OpticalFlow(bound=2.0, **SMALL)(video))


@pytest.mark.large_on_jax
def test_sizes_known_at_run_time_only(tmp_path):
    model = build_model()
    assert model.output_shape == (None, None, None, None, 4)
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = keras.models.load_model(path)
    assert loaded.layers[-1].get_config() == model.layers[-1].get_config()
    inputs = clips(batch=2, segments=1)
    for some in (inputs, inputs[:1, :, :16, :17]):
        expected = TVL1OpticalFlow(bound=2.0, **SMALL)(some)
        predicted = loaded.predict(some, verbose=0)
        difference = np.abs(predicted - ops.convert_to_numpy(expected))
        assert (difference == 0).mean() > 0.99
        assert difference.max() <= 1


# Its program for any sizes is in tests/flow/tvl1/flow_test.py.
@pytest.mark.large
@pytest.mark.tensorflow_only
def test_saved_model(tmp_path):
    import tensorflow as tf

    build_model().export(str(tmp_path / "saved"), verbose=False)
    serve = tf.saved_model.load(str(tmp_path / "saved")).serve
    inputs = clips(batch=2, segments=3)
    layer = TVL1OpticalFlow(bound=2.0, **SMALL)
    expected = ops.convert_to_numpy(layer(inputs))
    difference = np.abs(serve(tf.constant(inputs)).numpy() - expected)
    assert (difference == 0).mean() > 0.99 and difference.max() <= 1


@pytest.mark.parametrize("channels", [3, 8, None])
def test_invalid_channels(channels):
    with pytest.raises(ValueError, match=f"input_shape=.*{channels}"):
        TVL1OpticalFlow()(keras.Input((None, None, None, channels)))


def test_invalid_arguments():
    with pytest.raises(ValueError, match="positive `bound`.*bound=0"):
        TVL1OpticalFlow(bound=0)
    with pytest.raises(ValueError, match="`median_size`.*median_size=2"):
        TVL1OpticalFlow(median_size=2)
    with pytest.raises(ValueError, match="clips.*input_shape"):
        TVL1OpticalFlow()(keras.Input((None, None, 9)))
