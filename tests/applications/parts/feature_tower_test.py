"""The part of a network that makes features, and what tells networks apart."""

import numpy as np
import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.applications.parts import feature_tower
from tests.applications.own_towers import own_towers


def network(**arguments):
    return TSN(
        classes=3,
        backbone=own_towers(rgb=3)["rgb"],
        input_shape=(2, 16, 16, 3),
        dropout=0.5,
        **arguments,
    )


def test_features_are_what_the_classifier_sees():
    model = network()
    tower = feature_tower.features_of(model, "rgb")
    clips = np.random.default_rng(0).integers(0, 256, (2, 2, 16, 16, 3))
    features = tower.predict(clips, verbose=0)
    assert features.shape == (2, 2, 8)
    # The classifier of each snippet, their mean, and its softmax.
    kernel, bias = model.get_layer("logits").get_weights()
    logits = (features @ kernel + bias).mean(axis=1)
    found = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(
        model.predict(clips, verbose=0),
        found / found.sum(axis=1, keepdims=True),
        atol=1e-6,
    )


def test_networks_are_known_by_their_weights():
    model = network()
    tower = feature_tower.features_of(model, "rgb")
    whole, part = map(feature_tower.fingerprint, (model, tower))
    assert len(whole) == 12 and whole != part
    layer = model.get_layer("logits")
    layer.set_weights([w + 1 for w in layer.get_weights()])
    # The classifier makes no features.
    assert feature_tower.fingerprint(tower) == part
    assert feature_tower.fingerprint(model) != whole


def test_other_streams_and_networks_are_refused():
    with pytest.raises(ValueError, match="stream='depth'"):
        feature_tower.features_of(network(), "depth")
    with pytest.raises(ValueError, match="Features of flow are computed by"):
        feature_tower.features_of(network(), "flow")
