import numpy as np
import pytest

from keras_vidrec.weights.published.schemes import scalings

TABLES = {
    name: getattr(scalings, name)
    for name in ("TORCH", "SYMMETRIC", "BN_INCEPTION")
}


def scaled(pixels, scaling):
    colors = pixels[..., ::-1] if scaling.channel_order == "bgr" else pixels
    return (colors - np.array(scaling.mean)) / np.array(scaling.std)


@pytest.mark.parametrize("table", TABLES)
def test_differences_are_those_of_scaled_images(table):
    one, two = np.random.default_rng(0).integers(0, 256, (2, 5, 3))
    images = TABLES[table]["rgb"]
    np.testing.assert_allclose(
        scaled(two - one, TABLES[table]["rgb_diff"]),
        scaled(two, images) - scaled(one, images),
    )


def test_images_of_torch():
    """Of 0..1, less ImageNet's mean, by its deviation."""
    pixels = np.random.default_rng(0).integers(0, 256, (5, 3))
    expected = (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    found = scaled(pixels, scalings.TORCH["rgb"])
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_the_code_of_no_motion():
    for table in ("TORCH", "BN_INCEPTION"):
        assert scaled(np.array(128), TABLES[table]["flow"]) == 0
