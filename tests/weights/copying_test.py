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


def by_path(model):
    return {
        weight.path: keras.ops.convert_to_numpy(weight)
        for weight in model.weights
    }


def small(*layers, name="small"):
    """A model of dense layers given by name and units."""
    inputs = x = keras.Input((4,))
    for layer, units in layers:
        x = keras.layers.Dense(units, name=layer)(x)
    return randomize(keras.Model(inputs, x, name=name), len(layers))


def test_all_but_the_head_goes_to_a_network_of_other_classes():
    source = randomize(TSN(backbone="tiny", classes=3), 0)
    target = randomize(TSN(backbone="tiny", classes=5), 1)
    have, before = by_path(source), by_path(target)
    report = copy_by_name(source, target)

    head = {"logits/kernel", "logits/bias"}
    after = by_path(target)
    assert after.keys() == have.keys() and head < after.keys()
    for path, weight in after.items():
        expected = before if path in head else have
        np.testing.assert_array_equal(weight, expected[path], err_msg=path)
    (mismatched,) = report.mismatched
    assert mismatched == "logits [(256, 3), (3,)] to [(256, 5), (5,)]"
    # Every layer with weights in the tower, and nothing else.
    tower = [layer for layer in target.get_layer("rgb").layers if layer.weights]
    assert sorted(report.copied) == sorted(f"rgb/{la.name}" for la in tower)
    assert report.missing == report.unused == ()
    assert str(report).startswith(f"{len(tower)} layers copied; mismatched")


def test_what_is_missing_and_what_is_unused():
    source = small(("a", 4), ("old", 4), ("b", 2))
    target = small(("a", 4), ("new", 4), ("other", 4), ("b", 2))
    before = by_path(target)
    report = copy_by_name(source, target)
    assert report.copied == ("a", "b") and report.mismatched == ()
    assert report.missing == ("new", "other") and report.unused == ("old",)
    assert str(report) == ("2 layers copied; missing: new, other; unused: old")
    after, have = by_path(target), by_path(source)
    for path, weight in after.items():
        expected = have if path[0] in "ab" else before
        np.testing.assert_array_equal(weight, expected[path])
    np.testing.assert_array_equal(  # the source stays as it is
        by_path(source)["a/kernel"],
        by_path(small(("a", 4), ("old", 4), ("b", 2)))["a/kernel"],
    )


def test_nothing_fits():
    source, target = small(("a", 4), name="one"), small(("a", 3), name="two")
    before = by_path(target)
    with pytest.raises(ValueError, match=r"'one' with \['a'\].*get='two'"):
        copy_by_name(source, target)
    with pytest.raises(ValueError, match="share layers by name and shape"):
        copy_by_name(small(("b", 3)), target)
    for path, weight in by_path(target).items():
        np.testing.assert_array_equal(weight, before[path])


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
