import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.layers import ConsensusLayer
from tests.layer_contract import check_layer

MODES = ("avg", "max", "weighted", "top_k")


def numpy_consensus(scores, mode, k=3):
    """One clip, one class at a time."""
    if mode == "max":
        return scores.max(axis=0)
    if mode == "top_k":
        return np.sort(scores, axis=0)[::-1][:k].mean(axis=0)
    return scores.mean(axis=0)


@pytest.mark.parametrize("mode", MODES)
def test_contract(mode):
    check_layer(
        ConsensusLayer,
        {"mode": mode, "k": 2},
        input_shape=(2, 5, 7),
        expected_output_shape=(2, 7),
        expected_num_trainable_weights=int(mode == "weighted"),
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(2, 5, 7), (2, 5, 3, 4, 7)])
def test_equals_numpy(mode, shape):
    scores = np.random.default_rng(0).normal(size=shape).astype("float32")
    expected = [numpy_consensus(clip, mode) for clip in scores]
    np.testing.assert_allclose(
        ops.convert_to_numpy(ConsensusLayer(mode)(scores)), expected, atol=1e-6
    )


def test_weighted_uses_its_weights():
    scores = np.random.default_rng(0).normal(size=(2, 3, 7)).astype("float32")
    layer = ConsensusLayer("weighted")
    layer.build(scores.shape)
    layer.set_weights([np.array([1.0, -2.0, 0.5])])
    expected = scores[:, 0] - 2 * scores[:, 1] + 0.5 * scores[:, 2]
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer(scores)), expected, atol=1e-6
    )


@pytest.mark.parametrize("mode", MODES)
def test_padded_segments_take_no_part(mode):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(3, 5, 7)).astype("float32")
    counts = [5, 2, 1]
    mask = np.arange(5) < np.array(counts)[:, None]
    expected = [
        numpy_consensus(clip[:count], mode)
        for clip, count in zip(scores, counts)
    ]
    # What stands in the padding must not matter, whatever it is.
    for padding in (0.0, 1e6, np.nan):
        padded = np.where(mask[..., None], scores, padding).astype("float32")
        actual = ConsensusLayer(mode)(padded, mask=mask)
        np.testing.assert_allclose(
            ops.convert_to_numpy(actual), expected, atol=1e-5
        )


@pytest.mark.parametrize("mode", MODES)
def test_clip_without_segments_scores_zero(mode):
    actual = ConsensusLayer(mode)(np.ones((1, 3, 2)), mask=[[False] * 3])
    np.testing.assert_array_equal(ops.convert_to_numpy(actual), 0)


@pytest.mark.parametrize("mode", ["avg", "max", "top_k"])
def test_order_of_segments_does_not_matter_and_their_number_may_vary(mode):
    clip = keras.Input((None, 7))
    model = keras.Model(clip, ConsensusLayer(mode)(clip))
    for num_segments in (2, 9):
        scores = np.random.default_rng(0).normal(size=(2, num_segments, 7))
        np.testing.assert_allclose(
            model.predict(scores, verbose=0),
            model.predict(scores[:, ::-1], verbose=0),
            atol=1e-6,
        )


def test_mask_arrives_from_upstream():
    clip = keras.Input((3, 2))
    masked = keras.layers.Masking(-1.0)(clip)
    model = keras.Model(clip, ConsensusLayer("avg")(masked))
    scores = np.array([[[1, 2], [3, 4], [-1, -1]]], "float32")
    np.testing.assert_allclose(model.predict(scores, verbose=0), [[2, 3]])


def test_invalid_arguments():
    with pytest.raises(ValueError, match="Received: mode='median'"):
        ConsensusLayer("median")
    with pytest.raises(ValueError, match="Received: k=0"):
        ConsensusLayer("top_k", k=0)
    with pytest.raises(ValueError, match=r"input_shape=\(None, None, 7\)"):
        ConsensusLayer("weighted")(keras.Input((None, 7)))
    with pytest.raises(ValueError, match="expected min_ndim=3"):
        ConsensusLayer()(np.zeros((2, 7)))
