import itertools

import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers.cross_stream_fusion import CrossStreamFusion
from tests.layer_contract import check_layer
from tests.layers import harness

OPERATIONS = ("avg", "max", "multiply")
DIRECTIONS = ("both", "appearance_to_motion", "motion_to_appearance")


def streams(*shape):
    pair = np.random.default_rng(0).normal(size=(2, *shape))
    return list(pair.astype("float32"))


def numpy_fusion(appearance, motion, operation, direction):
    """Equations 4 to 6, and figure 5."""
    fused = {
        "avg": 0.5 * appearance + 0.5 * motion,
        "max": np.where(appearance > motion, appearance, motion),
        "multiply": appearance * motion,
    }[operation]
    return {
        "both": (fused, fused),
        "appearance_to_motion": (appearance, fused),
        "motion_to_appearance": (fused, motion),
    }[direction]


def test_contract():
    check_layer(
        CrossStreamFusion,
        {"operation": "multiply", "direction": "appearance_to_motion"},
        input_shape=[(2, 5, 3)] * 2,
        expected_output_shape=[(2, 5, 3)] * 2,
        expected_num_trainable_weights=0,
        run_training_check=False,  # cannot feed a list
    )


def test_equals_numpy():
    for operation, direction, shape in itertools.product(
        OPERATIONS, DIRECTIONS, [(2, 5, 3), (2, 3)]
    ):
        inputs = streams(*shape)
        outputs = CrossStreamFusion(operation, direction)(inputs)
        assert len(outputs) == 2
        expected = numpy_fusion(*inputs, operation, direction)
        for actual, desired in zip(outputs, expected):
            np.testing.assert_allclose(
                ops.convert_to_numpy(actual), desired, rtol=1e-6
            )


def test_contract_of_trained_weights():
    check_layer(
        CrossStreamFusion,
        {"feature_weights": "trained"},
        input_shape=[(2, 5, 3)] * 2,
        expected_output_shape=[(2, 5, 3)] * 2,
        expected_num_trainable_weights=1,
        run_training_check=False,  # cannot feed a list
    )


def test_weighted_means_equal_numpy():
    appearance, motion = streams(2, 5, 3)
    fuse = CrossStreamFusion("avg", "both", [1, 3])
    expected = (1 * appearance + 3 * motion) / 4
    for actual in fuse([appearance, motion]):
        np.testing.assert_allclose(
            ops.convert_to_numpy(actual), expected, rtol=1e-5, atol=1e-6
        )
    fuse = CrossStreamFusion("avg", "motion_to_appearance", "trained")
    plain = CrossStreamFusion("avg", "motion_to_appearance")
    for one, two in zip(
        fuse([appearance, motion]), plain([appearance, motion])
    ):
        np.testing.assert_allclose(
            ops.convert_to_numpy(one), ops.convert_to_numpy(two), rtol=1e-6
        )
    fuse.set_weights([np.array([0.5, -2], "float32")])
    fused, untouched = fuse([appearance, motion])
    np.testing.assert_allclose(
        ops.convert_to_numpy(fused),
        (0.5 * appearance - 2 * motion) / 2,
        rtol=1e-5,
        atol=1e-6,
    )
    np.testing.assert_array_equal(ops.convert_to_numpy(untouched), motion)
    inputs = [keras.Input((5, 3)) for _ in range(2)]
    layer = CrossStreamFusion(feature_weights="trained")
    model = keras.Model(inputs, layer(inputs)[0])
    harness.assert_gradients_arrive(model, [appearance, motion])


def test_time_unknown_until_called():
    for direction in DIRECTIONS:
        inputs = [keras.Input((None, 3)) for _ in range(2)]
        outputs = CrossStreamFusion("multiply", direction)(inputs)
        assert [x.shape for x in outputs] == [(None, None, 3)] * 2
        model = keras.Model(inputs, outputs)
        for num_segments in (1, 7):
            clips = streams(2, num_segments, 3)
            expected = numpy_fusion(*clips, "multiply", direction)
            for actual, desired in zip(model(clips), expected):
                np.testing.assert_allclose(
                    ops.convert_to_numpy(actual), desired, rtol=1e-6
                )


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_gradients_arrive_where_the_direction_points(direction):
    inputs = [keras.Input((5, 3)) for _ in range(2)]
    outputs = CrossStreamFusion("max", direction)(inputs)
    for index, own in enumerate(("appearance", "motion")):
        # The stream that goes on at this index, alone.
        model = keras.Model(inputs, outputs[index])
        clips = streams(2, 5, 3)
        if direction in ("both", DIRECTIONS[2 - index]):
            harness.assert_gradients_arrive(model, clips)
            continue
        _, found = harness.gradients(model, clips)
        assert np.all(np.abs(found[index]) > 0), own
        assert not np.any(found[1 - index]), own


def test_invalid_arguments():
    with pytest.raises(ValueError, match="Received: operation='sum'"):
        CrossStreamFusion("sum")
    with pytest.raises(ValueError, match="Received: direction='left'"):
        CrossStreamFusion("avg", "left")
    for operation, weights, message in (
        ("avg", "learned", 'None, "trained", or two positive numbers'),
        ("avg", (1, 0), r"Received: feature_weights=\(1, 0\)"),
        ("avg", (1,), r"Received: feature_weights=\(1,\)"),
        ("max", "trained", "operation='max' is not a mean"),
    ):
        with pytest.raises(ValueError, match=message):
            CrossStreamFusion(operation, feature_weights=weights)


def test_what_does_not_fit():
    for shapes, message in (
        ([(2, 5, 3), (2, 5, 4)], r"equal shape.*motion=\(2, 5, 4\)"),
        ([(2, 5, 3), (2, 4, 3)], r"appearance=\(2, 5, 3\)"),
        ([(2, 5, 3), (2, 3)], "equal shape"),
        ([(2, 5, 3)] * 3, r"two streams, \[appearance, motion\]"),
        ((2, 5, 3), r"two streams.*Received: input_shape=\(2, 5, 3\)"),
    ):
        with pytest.raises(ValueError, match=message):
            CrossStreamFusion().build(shapes)
