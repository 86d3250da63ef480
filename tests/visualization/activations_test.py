import cv2
import keras
import numpy as np
import pytest

from keras_vidrec import applications
from keras_vidrec.visualization import activations
from keras_vidrec.visualization import figures
from keras_vidrec.visualization import tower_layers
from keras_vidrec.visualization.grad_cam import Clip
from tests.applications.joined_streams import SMALL
from tests.applications.joined_streams import without_values
from tests.visualization.grad_cam_test import tsn
from tests.visualization.trained_fusion import clips
from tests.visualization.trained_fusion import tower
from tests.visualization.trained_fusion import trained_fusion


def clip():
    return {stream: images[0] for stream, images in clips(1).items()}


def test_maps_are_those_of_the_towers_alone():
    model, images = trained_fusion(), clip()
    for segment in (1, 2):
        found = activations.compute(model, images, "relu1", segment)
        assert found.layers == {"rgb": "relu1", "flow": "relu1"}
        for stream, maps in found.maps.items():
            part = model.get_layer(f"{stream}_tower")
            alone = keras.Model(part.input, part.get_layer("relu1").output)
            (expected,) = alone.predict_on_batch(
                images[stream][segment - 1 : segment]
            )
            assert maps.shape == (7, 7, 6) and maps.max() > 0
            np.testing.assert_allclose(maps, expected, rtol=1e-5, atol=1e-6)
    # The one in the middle, and the last maps.
    assert activations.compute(model, images).segment == 2
    before = activations.compute(model, images, "conv1")
    np.testing.assert_allclose(
        np.maximum(before.maps["flow"], 0), found.maps["flow"], rtol=1e-5
    )


def maps(rgb, flow):
    """Maps of 2 x 2 that have these means, in one place."""
    found = {}
    for stream, means in (("rgb", rgb), ("flow", flow)):
        found[stream] = np.zeros((2, 2, len(means)), np.float32)
        found[stream][1, 0] = 4 * np.array(means)
    layers = dict.fromkeys(found, "relu1")
    return activations.Activations(1, layers, found)


def test_channels_that_respond_most():
    # As shares of the stream's mean: 0, 2, 1 and 1.5, 0, 1.5.
    found = maps([0, 20, 10], [0.3, 0, 0.3])
    assert activations.choose(found, 2) == [2, 1]
    assert activations.choose(found, 9) == [2, 1, 0]
    # Only those that both have.
    assert activations.choose(maps([1, 1], [0, 0, 5]), 3) == [0, 1]
    assert activations.choose(maps([0, 0], [0, 0]), 1) == [0]
    header, rows = activations.table(found)
    rows = list(rows)
    assert header == ("stream", "channel", "mean", "highest", "active")
    assert len(rows) == 6
    assert rows[1] == ("rgb", 1, "20", "80", "0.25")
    assert rows[4] == ("flow", 1, "0", "0", "0")


def test_channels_of_one_number_stand_below_each_other(tmp_path):
    images = clip()
    found = activations.compute(trained_fusion(), images, segment=1)
    shown = Clip("a.avi", images)
    figure = activations.draw(shown, found, [3, 0])
    rows = np.reshape(figure.axes, (2, 3))
    picture = rows[0, 0].images[0].get_array()
    np.testing.assert_array_equal(picture, images["rgb"][0])
    for row, stream in zip(rows, ("rgb", "flow")):
        for axes, channel in zip(row[1:], (3, 0)):
            one = found.maps[stream][..., channel]
            np.testing.assert_array_equal(axes.images[0].get_array(), one)
            assert axes.get_title() == f"{channel}: {one.max():.3g}"
    assert "2 of 6 channels" in figure.get_suptitle().replace("\n", " ")
    path = tmp_path / "maps.png"
    figures.save(activations.draw(shown, found), path)
    assert cv2.imread(str(path)).shape[1] > 800


def test_endpoints_are_found_in_every_kind_of_network():
    multiplier = without_values(applications.SpatiotemporalMultiplier, **SMALL)
    assert {
        stream: layer.name
        for stream, layer in tower_layers.find(multiplier, "relu3").items()
    } == {"rgb": "rgb_res3b_relu", "flow": "flow_res3b_relu"}
    (layer,) = tower_layers.find(tsn(), "relu4").values()
    assert layer is tower_layers.find(tsn(), "res4b_relu")["rgb"]
    with pytest.raises(ValueError, match="no such layer.*Received: 'relu9'"):
        tower_layers.find(tsn(), "relu9")


def test_what_cannot_be_drawn_is_refused():
    towers = {
        "rgb": tower("rgb"),
        "flow": tower("flow", activation="elu1"),
    }
    unlike = applications.TwoStreamFusion(
        classes=2,
        backbone=towers,
        fusion_layer={"rgb": "relu1", "flow": "elu1"},
        num_segments=1,
        snippet_length=2,
    )
    activations.check(unlike, "conv1")
    with pytest.raises(ValueError, match="'relu1', .* in rgb and not in flow"):
        activations.check(unlike, "relu1")
    model, images = trained_fusion(), clip()
    with pytest.raises(ValueError, match="1 to 2. Received: segment=3"):
        activations.compute(model, images, segment=3)
    found = activations.compute(model, images)
    with pytest.raises(ValueError, match=r"0 to 5. Received: channels=\[6\]"):
        activations.draw(Clip("a.avi", images), found, [6])
