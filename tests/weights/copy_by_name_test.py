import keras
import numpy as np
import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.applications import TwoStreamFusion
from keras_vidrec.backbones import PixelScaling
from keras_vidrec.weights import copy_by_name
from keras_vidrec.weights import pixels


def randomize(model, seed):
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(size=w.shape) for w in model.weights])
    return model


def test_a_tower_is_found_by_its_stream():
    """Whatever it is called, and in another stream's place if so told."""

    def network(tower, seed):
        inner_inputs, inputs = keras.Input((4,)), keras.Input((4,))
        outputs = keras.layers.Dense(4, name="a")(inner_inputs)
        inner = keras.Model(inner_inputs, outputs, name=tower)
        return randomize(keras.Model(inputs, inner(inputs)), seed)

    source, target = network("flow_tower", 0), network("flow", 1)
    assert copy_by_name(source, target).copied == ("flow/a",)
    np.testing.assert_array_equal(
        source.get_weights()[0], target.get_weights()[0]
    )
    warped = network("warped_flow", 2)
    with pytest.raises(ValueError, match="share layers by name and shape"):
        copy_by_name(source, warped)
    report = copy_by_name(source, warped, {"flow": "warped_flow"})
    assert report.copied == ("warped_flow/a",)
    np.testing.assert_array_equal(
        source.get_weights()[0], warped.get_weights()[0]
    )


COLORS = PixelScaling((104.0, 117.0, 123.0), (1.0, 2.0, 4.0), "bgr")
MOTION = PixelScaling(128.0, 0.5)
# Of the tiny backbone.
OWN = PixelScaling(127.5, 127.5)


def scaled(**arguments):
    model = TSN(backbone="tiny", classes=2, **arguments)
    pixels.scale_pixels(model, {"rgb": COLORS, "flow": MOTION})
    return model


def test_pixels_are_scaled_as_in_the_source():
    source, target = scaled(), TSN(backbone="tiny", classes=2)
    clips = np.random.default_rng(0).integers(0, 256, (2, 1, 32, 32, 3))
    # A trace of the old scaling.
    target.predict(clips, verbose=0)
    copy_by_name(source, target)
    assert pixels.scalings_of(target) == {"rgb": COLORS}
    expected = source.predict(clips, verbose=0)
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(
        target.predict(clips, verbose=0), expected, atol=1e-6
    )


def test_pixels_of_other_towers_are_scaled_as_before():
    source = scaled(modality="flow")
    warped = TSN(backbone="tiny", modality="warped_flow", classes=2)
    copy_by_name(source, warped, {"flow": "warped_flow"})
    assert pixels.scalings_of(warped) == {"warped_flow": MOTION}
    both = TwoStreamFusion(backbone="tiny", classes=2, snippet_length=5)
    copy_by_name(source, both)
    assert pixels.scalings_of(both) == {"rgb": OWN, "flow": MOTION}
    copy_by_name(scaled(include_preprocessing=False), both)
    assert pixels.scalings_of(both) == {"rgb": OWN, "flow": MOTION}
