import keras
import numpy as np
import pytest

from keras_vidrec import backbones
from keras_vidrec.applications import TSN
from keras_vidrec.applications import TwoStreamConvNet
from keras_vidrec.applications import TwoStreamFusion
from keras_vidrec.backbones import PixelScaling
from keras_vidrec.weights import pixels
from tests.applications.joined_streams import call
from tests.applications.joined_streams import without_values

OTHER = PixelScaling((104.0, 117.0, 123.0), (1.0, 2.0, 4.0), "bgr")


def clips(channels, segments=1, seed=0):
    shape = (2, segments, 32, 32, channels)
    return np.random.default_rng(seed).integers(0, 256, shape).astype("uint8")


def test_what_was_traced_is_made_anew():
    model = TSN(backbone="tiny", include_top=False, pooling="avg")
    video = clips(3)
    before = model.predict(video, verbose=0)
    pixels.scale_pixels(model, {"rgb": OTHER})
    after = model.predict(video, verbose=0)
    frames = video[:, 0, ..., ::-1].astype("float64")
    scaled = (frames - [104, 117, 123]) / [1, 2, 4]
    assert np.abs(after - before).max() > 0.01
    layer = pixels.pixel_layers(model)["rgb"]
    np.testing.assert_allclose(layer(video)[:, 0], scaled, rtol=1e-5, atol=1e-4)
    # The whole network agrees with one that was never traced with the others.
    fresh = TSN(backbone="tiny", include_top=False, pooling="avg")
    fresh.set_weights(model.get_weights())
    pixels.scale_pixels(fresh, {"rgb": OTHER})
    np.testing.assert_allclose(
        after, fresh.predict(video, verbose=0), rtol=1e-5, atol=1e-6
    )


def test_a_saved_model_keeps_it(tmp_path):
    model = TSN(backbone="tiny", classes=2)
    pixels.scale_pixels(model, {"rgb": OTHER})
    model.save(tmp_path / "model.keras")
    layer = keras.models.load_model(tmp_path / "model.keras").get_layer(
        "preprocessing"
    )
    assert layer.mean == (104, 117, 123)
    assert layer.std == (1, 2, 4)
    assert layer.channel_order == "bgr"


def test_nested_networks_of_two_streams():
    model = TwoStreamConvNet(backbone="tiny", classes=2)
    video = {"rgb": clips(3), "flow": clips(20)}
    before = call(model, video)
    flow = PixelScaling(128.0, 0.5)
    pixels.scale_pixels(model, {"flow": flow})
    layers = pixels.pixel_layers(model)
    assert set(layers) == {"rgb", "flow"}
    assert (layers["flow"].mean, layers["flow"].std) == (128, 0.5)
    assert (layers["rgb"].mean, layers["rgb"].std) == (127.5, 127.5)
    assert np.abs(call(model, video) - before).max() > 1e-4


def test_scalings_of_what_a_network_sees():
    both = without_values(TwoStreamFusion, backbone="tiny", classes=7)
    own = PixelScaling(127.5, 127.5)
    assert pixels.scalings_of(both) == {"rgb": own, "flow": own}
    pixels.scale_pixels(both, {"rgb": OTHER, "warped_flow": OTHER})
    assert pixels.scalings_of(both) == {"rgb": OTHER, "flow": own}
    warped = without_values(
        TSN, backbone="tiny", modality="warped_flow", classes=2
    )
    assert pixels.scalings_of(warped) == {"warped_flow": own}
    differences = without_values(
        TSN, backbone="tiny", modality="rgb_diff", classes=2
    )
    pixels.scale_pixels(differences, {"rgb_diff": OTHER})
    assert pixels.scalings_of(differences) == {}


def test_a_scaling_that_does_not_fit_changes_nothing():
    model = without_values(TSN, backbone="tiny", modality="flow", classes=2)
    with pytest.raises(ValueError, match="Expected a multiple of 3 channels"):
        pixels.scale_pixels(model, {"flow": OTHER})
    assert pixels.pixel_layers(model)["flow"].mean == 127.5


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_scaled_kernel(order):
    """A convolution written out: one place of a kernel is a product."""
    rng = np.random.default_rng(3)
    kernel = rng.normal(size=(3, 3, 6, 5)).astype("float32")
    differences = rng.integers(-255, 256, (3, 3, 6)).astype("float64")
    std = np.array([2.0, 50.0, 255.0])
    expected = np.zeros(5)
    for frame in range(2):
        for place in range(3):
            color = 2 - place if order == "bgr" else place
            value = differences[..., 3 * frame + color] / std[place]
            taken = kernel[:, :, 3 * frame + place]
            expected += (value[..., None] * taken).sum((0, 1))
    scaling = PixelScaling(0.0, tuple(std), order)
    made = pixels.scaled_kernel(kernel, scaling)
    assert made.dtype == "float32"
    found = np.einsum("hwc,hwcf->f", differences, made)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_differences_with_a_mean_are_refused():
    with pytest.raises(ValueError, match="scaling of differences with mean 0"):
        pixels.scaled_kernel(np.ones((1, 1, 3, 1)), PixelScaling(1.0))


@pytest.mark.parametrize(
    "arguments, modality",
    [
        ({"name": "rgb_diff"}, "rgb_diff"),
        ({}, "rgb"),
        ({"channels": 10}, "flow"),
    ],
)
def test_what_a_tower_sees(arguments, modality):
    tower = without_values(backbones.get, name_or_model="tiny", **arguments)
    assert pixels.modality_of(tower) == modality


def test_in_words():
    assert pixels.formula(OTHER) == "(BGR - (104, 117, 123)) / (1, 2, 4)"
    assert pixels.formula(PixelScaling(128.0)) == "(pixels - 128) / 1"
