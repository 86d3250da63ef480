import keras
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from keras_vidrec.applications import TSN
from keras_vidrec.applications.parts.head import snippet_logits_model
from keras_vidrec.evaluation.scorers import sliding_pooling
from keras_vidrec.evaluation.scorers.scorer import ClipScorer
from keras_vidrec.evaluation.scorers.scorer import SnippetScorer
from keras_vidrec.evaluation.scorers.sliding_pooling import (
    SlidingAveragePooling2D,
)
from tests.applications.joined_streams import wake
from tests.evaluation.mean_color_network import mean_color_network
from tests.evaluation.mean_color_network import softmax
from tests.evaluation.ordered_network import ordered_network


@pytest.mark.parametrize(
    "shape, window", [((8, 11), 7), ((7, 7), 7), ((3, 9), 4), ((2, 2), 7)]
)
def test_the_mean_over_all_positions_of_the_window(shape, window):
    maps = np.random.default_rng(0).normal(size=(2, *shape, 3))
    sides = [min(window, side) for side in shape]
    windows = sliding_window_view(maps, sides, axis=(1, 2))
    expected = windows.mean(axis=(-2, -1)).mean(axis=(1, 2))
    layer = SlidingAveragePooling2D(window)
    found = keras.ops.convert_to_numpy(layer(maps.astype("float32")))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert layer.compute_output_shape((None, None, None, 3)) == (None, 3)


def test_places_at_the_border_count_less():
    """As in the authors' program on maps of 8 x 11."""
    places = np.eye(88, dtype="float32").reshape(88, 8, 11, 1)
    layer = SlidingAveragePooling2D(7)
    shares = keras.ops.convert_to_numpy(layer(places)).reshape(8, 11) * 88
    assert shares[0, 0] == pytest.approx(0.18, abs=5e-3)
    assert shares[4, 5] == pytest.approx(1.80, abs=5e-3)
    assert shares.sum() == pytest.approx(88)


def test_maps_of_any_size_in_one_graph():
    images = keras.Input((None, None, 2))
    model = keras.Model(images, SlidingAveragePooling2D(3)(images))
    for shape in ((4, 5), (9, 2)):
        maps = np.ones((1, *shape, 2), "float32")
        np.testing.assert_allclose(model.predict_on_batch(maps), [[1, 1]], 1e-6)


def test_a_network_with_a_window():
    """The mean of the logits at all positions of the window."""
    model = TSN(classes=3, backbone="tiny")
    wake(model)
    before = snippet_logits_model(model)
    clip = np.random.default_rng(0).integers(0, 256, (2, 3, 96, 160, 3))
    clip = clip.astype("uint8")
    assert sliding_pooling.slide(before, None) is before
    whole = np.asarray(before(clip, training=False))
    slid = sliding_pooling.slide(before, 2)
    found = np.asarray(slid(clip, training=False))
    # By hand, from the last maps, of 6 x 10 places.
    tower = model.get_layer("rgb")
    maps = keras.Model(tower.input, tower.get_layer("features").input)
    scaled = model.get_layer("preprocessing")(clip.reshape(-1, *clip.shape[2:]))
    seen = np.asarray(maps(scaled, training=False))
    assert seen.shape[1:3] == (6, 10)
    windows = sliding_window_view(seen, (2, 2), axis=(1, 2))
    kernel, bias = model.get_layer("logits").get_weights()
    expected = windows.mean(axis=(-2, -1)) @ kernel + bias
    expected = expected.mean(axis=(1, 2)).reshape(2, 3, 3)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    assert np.abs(found - whole).max() > 1e-2
    # The network itself is as it was, and can be asked again.
    again = snippet_logits_model(model)(clip, training=False)
    np.testing.assert_allclose(again, whole, rtol=1e-5)
    np.testing.assert_allclose(
        sliding_pooling.slide(before, 10)(clip, training=False), whole, 1e-3
    )


def test_a_network_without_such_an_average():
    with pytest.raises(ValueError, match="pooling_window=7"):
        sliding_pooling.slide(mean_color_network(("a", "b")), 7)


def test_means_of_probabilities():
    """Of a score the softmax is the mean of the views' own."""
    clip = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), "uint8")
    scorer = SnippetScorer(mean_color_network(("a", "b", "c")), "probabilities")
    logits = 9 * scorer.logits(clip)
    scorer.logits = lambda clip: logits
    expected = softmax(logits).mean(axis=0)
    np.testing.assert_allclose(softmax(scorer(clip)), expected, rtol=1e-5)
    assert np.abs(softmax(logits.mean(axis=0)) - expected).max() > 1e-3
    # Certain of the others: no infinity, no NaN.
    logits = np.array([[900.0, 0, -900]] * 2, "float32")
    assert np.isfinite(scorer(clip)).all() and scorer(clip).argmax() == 0
    ordered = ordered_network(("a", "b", "c"))
    views = [ClipScorer(ordered, 3)(clip[i : i + 3]) for i in (0, 3)]
    found = ClipScorer(ordered, 3, "probabilities")(clip)
    np.testing.assert_allclose(
        softmax(found), softmax(np.array(views)).mean(axis=0), rtol=1e-5
    )
