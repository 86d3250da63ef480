import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers import stream_padding


def test_overlaid_shape():
    for spatial, temporal, overlaid in [
        ((2, 4), (2, 9), (2,)),
        ((2, 5, 4), (2, 5, 4), (2, 5)),
        ((2, 13, 14, 4), (2, 14, 13, 6), (2, 14, 14)),
        ((2, 7, 7, 4), (2, 5, 9, 4), (2, 7, 9)),
        ((None, 7, None, 4), (3, None, None, 4), (3, None, None)),
        ((2, 5, 6, 7, 4), (None, None, 7, 6, 4), (2, 5, 7, 7)),
    ]:
        assert stream_padding.overlaid_shape([spatial, temporal]) == overlaid
        assert stream_padding.overlaid_shape([temporal, spatial]) == overlaid


def test_what_does_not_fit():
    for shapes, message in [
        ((2, 5, 5, 4), r"\[spatial, temporal\]. Received: input_shape=\(2, 5"),
        ([(2, 4)], r"Received: input_shape=\[\(2, 4\)\]"),
        ([(2, 4)] * 3, "Expected a list of two streams"),
        ([(4,), (4,)], r"at least 2. Received: spatial=\(4,\)"),
        ([(2, 4), (2, 5, 4)], r"equal rank.*temporal=\(2, 5, 4\)"),
        ([(2, 5, 5, 4), (2, 8, 5, 4)], r"2 rows or columns.*\(2, 8, 5, 4\)"),
        ([(2, 9, 5, 4), (2, 9, None, 4), (2, 4)], "list of two streams"),
        ([(2, 5, 5, 4), (3, 5, 5, 4)], r"height, width.*spatial=\(2, 5, 5, 4"),
        ([(2, 5, 4), (2, 6, 4)], r"height, width.*temporal=\(2, 6, 4\)"),
        ([(2, 5, 6, 6, 4), (2, 1, 6, 6, 4)], r"height, width.*\(2, 1, 6"),
    ]:
        with pytest.raises(ValueError, match=message):
            stream_padding.overlaid_shape(shapes)


def test_zeros_at_the_bottom_and_on_the_right():
    spatial = np.random.default_rng(0).normal(size=(1, 3, 14, 12, 2))
    temporal = np.random.default_rng(1).normal(size=(1, 3, 13, 14, 5))
    padded = stream_padding.overlay(
        ops.convert_to_tensor(spatial), ops.convert_to_tensor(temporal)
    )
    expected_spatial = np.zeros((1, 3, 14, 14, 2))
    expected_spatial[..., :12, :] = spatial
    expected_temporal = np.zeros((1, 3, 14, 14, 5))
    expected_temporal[:, :, :13] = temporal
    for found, expected in zip(padded, (expected_spatial, expected_temporal)):
        np.testing.assert_allclose(ops.convert_to_numpy(found), expected)


def test_equal_maps_are_not_copied():
    streams = [keras.ops.ones((2, 5, 5, 3)), keras.ops.zeros((2, 5, 5, 4))]
    padded = stream_padding.overlay(*streams)
    assert all(found is given for found, given in zip(padded, streams))
