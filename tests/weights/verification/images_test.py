import numpy as np
import pytest

from keras_vidrec import backbones
from keras_vidrec.applications import TSN
from keras_vidrec.weights.verification.images import random_images


def test_both_see_what_the_model_makes_of_pixels():
    model = TSN(backbone="tiny", classes=3)
    ours, theirs = random_images(model, model.get_layer("rgb"), None, 0)
    assert ours is theirs and ours.shape == (2, 224, 224, 3)
    pixels = ours * 127.5 + 127.5
    np.testing.assert_allclose(pixels, pixels.round(), atol=1e-4)
    assert (pixels.round().min(), pixels.round().max()) == (0, 255)


@pytest.mark.parametrize("order, divisor", [("rgb", 255), ("bgr", 1)])
def test_differences_are_the_author_s_in_one_of_them(order, divisor):
    """Of five pairs of frames, of all colors."""
    model = TSN(modality="rgb_diff", backbone="tiny", classes=3)
    tower = model.get_layer("rgb_diff")
    ours, theirs = random_images(model, tower, (order, divisor), 0)
    assert ours.shape == theirs.shape == (2, 224, 224, 15)
    np.testing.assert_array_equal(ours, ours.round())
    assert ours.min() < -200 and ours.max() > 200
    for frame in range(5):
        for color in range(3):
            place = 2 - color if order == "bgr" else color
            np.testing.assert_allclose(
                theirs[..., 3 * frame + place],
                ours[..., 3 * frame + color] / divisor,
                rtol=1e-6,
            )
    with pytest.raises(ValueError, match="nobody published"):
        random_images(model, tower, None, 0)


def test_a_tower_has_its_size():
    tower = backbones.get("tiny", channels=10, input_shape=(40, 48))
    ours, theirs = random_images(tower, tower, None, 0)
    assert ours is theirs and ours.shape == (2, 40, 48, 10)
    again, _ = random_images(tower, tower, None, 0)
    other, _ = random_images(tower, tower, None, 1)
    np.testing.assert_array_equal(ours, again)
    assert (ours != other).any()
