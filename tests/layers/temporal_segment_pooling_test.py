import itertools

import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers.temporal_segment_pooling import TemporalSegmentPooling
from tests.layer_contract import check_layer
from tests.layers import harness

MODES = ("max", "avg")


def features(*shape):
    # Far below zero, where a maximum with zeros would show.
    return np.random.default_rng(0).normal(-9, 1, size=shape).astype("float32")


def numpy_pool(clip, mask, segments, mode):
    """One segment of one clip at a time, over its real frames."""
    length = len(clip) // segments
    rows = []
    for start in range(0, segments * length, length):
        frames = slice(start, start + length)
        part = clip[frames][mask[frames]]
        if len(part) == 0:
            part = np.zeros((1, clip.shape[-1]))
        rows.append(part.max(axis=0) if mode == "max" else part.mean(axis=0))
    return np.stack(rows)


def test_contract():
    check_layer(
        TemporalSegmentPooling,
        {"segments": 3, "mode": "avg"},
        input_shape=(2, 10, 4),
        expected_output_shape=(2, 3, 4),
        expected_num_trainable_weights=0,
    )


def test_equals_numpy():
    for mode in MODES:
        for segments, num_frames in ((1, 25), (3, 25), (5, 25), (3, 3), (3, 5)):
            x = features(2, num_frames, 6)
            all_real = np.ones(num_frames, bool)
            np.testing.assert_allclose(
                ops.convert_to_numpy(TemporalSegmentPooling(segments, mode)(x)),
                [numpy_pool(clip, all_real, segments, mode) for clip in x],
                rtol=1e-6,
            )


def test_twenty_fifth_frame_is_dropped():
    for mode in MODES:
        x = features(2, 25, 6)
        layer = TemporalSegmentPooling(3, mode)
        layer.build(x.shape)
        _, (gradient,) = harness.gradients(layer, x)
        taken = np.abs(gradient).max(axis=(0, 2)) > 0
        assert not taken[24]
        # The borders of the segments are after 8 and 16 frames.
        pooled = ops.convert_to_numpy(layer(np.arange(25.0)[None, :, None]))
        expected = [7, 15, 23] if mode == "max" else [3.5, 11.5, 19.5]
        np.testing.assert_array_equal(pooled[0, :, 0], expected)


def test_padded_frames_take_no_part():
    for mode, known in itertools.product(MODES, (True, False)):
        x = features(4, 11, 6)
        # The whole clip, half of a segment, nothing past the first segment, and
        # no real frame at all.
        mask = np.arange(11) < np.array([11, 5, 2, 0])[:, None]
        clip = keras.Input((11 if known else None, 6))
        frames = keras.Input((11 if known else None,), dtype="bool")
        pooled = TemporalSegmentPooling(3, mode)(clip, mask=frames)
        model = keras.Model([clip, frames], pooled)
        expected = [numpy_pool(*pair, 3, mode) for pair in zip(x, mask)]
        assert not np.any(expected[-1])
        for padding in (0.0, 1e6, np.nan):
            padded = np.where(mask[..., None], x, padding).astype("float32")
            actual = model([padded, mask])
            np.testing.assert_allclose(
                ops.convert_to_numpy(actual), expected, rtol=1e-6
            )


def test_mask_arrives_from_upstream():
    for mode in MODES:
        clip = keras.Input((7, 2))
        masked = keras.layers.Masking(-1.0)(clip)
        model = keras.Model(clip, TemporalSegmentPooling(3, mode)(masked))
        x = np.full((1, 7, 2), -1.0, "float32")
        x[0, 0], x[0, 1], x[0, 2] = (1, 2), (3, 4), (7, 6)
        first = (3, 4) if mode == "max" else (2, 3)
        np.testing.assert_allclose(
            ops.convert_to_numpy(model(x)), [[first, (7, 6), (0, 0)]]
        )


def test_number_of_frames_unknown_until_called():
    for mode in MODES:
        pool = harness.without_sizes(
            TemporalSegmentPooling(3, mode), features(2, 9, 6)
        )
        for num_frames in (3, 8, 25):
            x = features(2, num_frames, 6)
            all_real = np.ones(num_frames, bool)
            expected = [numpy_pool(clip, all_real, 3, mode) for clip in x]
            np.testing.assert_allclose(pool(x), expected, rtol=1e-6)


@pytest.mark.tensorflow_only
def test_number_of_frames_unknown_until_called_and_too_small():
    import tensorflow as tf

    pool = harness.without_sizes(TemporalSegmentPooling(3), features(2, 9, 6))
    with pytest.raises(tf.errors.InvalidArgumentError):
        pool(features(2, 2, 6))


def test_gradients_of_padded_clips_are_finite():
    for mode in MODES:
        layer = TemporalSegmentPooling(2, mode)
        layer.build((2, 5, 3))
        harness.assert_gradients_arrive(layer, features(2, 5, 3))
        masked = keras.Sequential([keras.layers.Masking(0.0), layer])
        x = features(2, 5, 3)
        x[0, 1:] = 0
        masked.build(x.shape)
        harness.assert_gradients_arrive(masked, x)
        _, (gradient,) = harness.gradients(masked, x)
        assert not np.any(gradient[0, 1:])


def test_mixed_precision():
    for mode in MODES:
        x = features(2, 6, 4)
        mask = np.arange(6) < np.array([[6], [2]])
        layer = TemporalSegmentPooling(2, mode, dtype="mixed_float16")
        y = ops.convert_to_numpy(layer(x, mask=mask))
        assert y.dtype == "float16"
        expected = [numpy_pool(*pair, 2, mode) for pair in zip(x, mask)]
        np.testing.assert_allclose(y, expected, rtol=2e-3)


def test_invalid_arguments():
    with pytest.raises(ValueError, match="Received: segments=0"):
        TemporalSegmentPooling(0)
    with pytest.raises(ValueError, match="Received: mode='sum'"):
        TemporalSegmentPooling(3, "sum")


def test_what_does_not_fit():
    with pytest.raises(ValueError, match=r"3 frames.*\(None, 2, 7\)"):
        TemporalSegmentPooling(3)(keras.Input((2, 7)))
    with pytest.raises(ValueError, match="expected ndim=3"):
        TemporalSegmentPooling(3)(keras.Input((7,)))
