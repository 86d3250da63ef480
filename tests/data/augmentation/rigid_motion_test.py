"""The flow of augmented frames is augmented flow: of each kind of step, on a
scene that moves as a whole."""

import cv2
import keras
import numpy as np
import pytest

from keras_vidrec.data.augmentation import Augmentation
from keras_vidrec.data.augmentation import ColorJitter
from keras_vidrec.data.augmentation import Crop
from keras_vidrec.data.augmentation import CutMix
from keras_vidrec.data.augmentation import Flip
from keras_vidrec.data.augmentation import RandAugment
from keras_vidrec.data.augmentation import RandomErasing
from keras_vidrec.data.augmentation import Step
from keras_vidrec.data.augmentation import TimeReverse
from keras_vidrec.data.augmentation import warp
from keras_vidrec.data.augmentation.rand_augment import OPERATIONS
from keras_vidrec.data.clips import regions
from keras_vidrec.flow import codec
from keras_vidrec.specs import ClipSpec
from tests.data.augmentation.rigid_scene import BOUND
from tests.data.augmentation.rigid_scene import SIZE
from tests.data.augmentation.rigid_scene import errors
from tests.data.augmentation.rigid_scene import scene
from tests.data.augmentation.rigid_scene import seen_motion
from tests.data.augmentation.rigid_scene import shrunk

MOTION = (3, -2)
# Pixels: a step of the code is 0.06, and DIS sees a shift of whole pixels to
# 0.05, that of turned pictures to 0.2.
MEDIAN, MOST = 0.15, 0.5
WHOLE = np.ones((SIZE, SIZE), bool)
GEOMETRY = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")


def check(frames, flow, shown=WHOLE, median=MEDIAN):
    found = errors(frames, flow, shrunk(shown))
    assert found.size > 500
    assert np.median(found) < median and np.percentile(found, 90) < MOST


def applied(step, seed=0):
    """Frames and flow of the scene through a step, what it has drawn, and the
    vector that most of the flow has."""
    frames, flow = scene(MOTION)
    drawn = step.draw(np.random.default_rng(seed), SIZE)
    assert drawn is not None
    frames = step.on_rgb(frames.copy(), drawn)
    flow = step.on_flow(flow.copy(), drawn)
    assert frames.dtype == flow.dtype == np.uint8
    middle = codec.decode(flow, BOUND)[0, SIZE // 2, SIZE // 2]
    return frames, flow, drawn, middle


def test_the_scene_moves_as_it_says():
    frames, flow = scene(MOTION)
    check(frames, flow, median=0.06)
    with pytest.raises(AssertionError):
        check(frames, codec.encode(-codec.decode(flow, BOUND), BOUND))


def test_flip():
    frames, flow, _, middle = applied(Flip(1.0))
    np.testing.assert_allclose(middle, (-3, -2), atol=0.07)
    check(frames, flow)


def test_time_reverse():
    step = TimeReverse(1.0)
    frames, flow, drawn, middle = applied(step)
    np.testing.assert_allclose(middle, (-3, 2), atol=0.07)
    places = step.on_time(np.array([[0, 1, 2]]), drawn)
    assert places.tolist() == [[2, 1, 0]]
    check(frames[places[0]], flow[::-1])
    # Segments, too.
    assert step.on_time(np.array([[0, 1], [5, 6]]), drawn).tolist() == [
        [6, 5],
        [1, 0],
    ]


def test_crop_keeps_the_length_of_vectors():
    """As published: of a picture that is not resized flow is that of its
    frames, of another one it has the length of the original."""
    frames, flow = scene(MOTION)
    spec = ClipSpec(("rgb", "flow"), snippet_length=2, size=72)
    cropped = []
    for crop in (Crop("tsn", scales=(0.75,)), Crop("tsn", scales=(0.5,))):
        region = crop.draw(np.random.default_rng(4), SIZE, SIZE, spec)
        cropped.append(
            [
                regions.apply(images, region, 72, modality)
                for images, modality in ((frames, "rgb"), (flow, "flow"))
            ]
        )
    shown = shrunk(np.ones((72, 72), bool))
    assert np.median(errors(*cropped[0], shown)) < MEDIAN
    resized, kept = cropped[1]
    np.testing.assert_allclose(
        codec.decode(kept, BOUND), codec.decode(flow, BOUND)[:, :72, :72]
    )
    longer = np.median(seen_motion(resized)[:, shown], axis=(0, 1))
    np.testing.assert_allclose(longer, np.multiply(MOTION, 1.5), atol=0.1)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", GEOMETRY)
def test_rand_augment_of_geometry(name, seed):
    step = RandAugment(8, 1, [name])
    frames, flow, drawn, middle = applied(step, seed)
    ((_, matrix),) = drawn
    turned = matrix[:, :2] @ MOTION
    np.testing.assert_allclose(middle, turned, atol=0.07)
    if "translate" not in name:
        assert np.abs(turned - MOTION).max() > 0.4
    shown = cv2.warpAffine(np.ones((SIZE, SIZE), np.uint8), matrix, (SIZE,) * 2)
    check(frames, flow, shown == 1)
    # What came into view stands still.
    outside = shrunk(shown == 0, 3)
    assert outside.any()
    assert {*np.unique(flow[:, outside])} <= {127, 128}
    assert (frames[:, outside] == 128).all()


def test_a_turn_of_a_right_angle_is_exact():
    step = RandAugment(10, 1, ["rotate"])
    _, flow = scene(MOTION)
    matrix = warp.rotation(90, SIZE)
    turned = step.on_flow(flow, [("rotate", matrix)])
    vectors = codec.decode(turned, BOUND)[:, 1:-1, 1:-1]
    # Clockwise: right becomes down, and up becomes right.
    np.testing.assert_allclose(vectors, np.full_like(vectors, (2, 3)), atol=0.1)


COLORS = [name for name in OPERATIONS if name not in (*GEOMETRY, "identity")]


@pytest.mark.parametrize("name", COLORS)
def test_rand_augment_of_colors_leaves_flow_alone(name):
    """One of the picture's extremes would leave nothing to see: half of it."""
    frames, flow, *_ = applied(RandAugment(5, 1, [name]))
    before, same = scene(MOTION)
    assert (frames != before).mean() > 0.2
    np.testing.assert_array_equal(flow, same)
    check(frames, flow, median=0.3)
    # The same picture has the same colors in every frame.
    x, y = MOTION
    inside = frames[1:, 8:-8, 8:-8]
    moved = frames[:-1, 8 - y : SIZE - 8 - y, 8 - x : SIZE - 8 - x]
    np.testing.assert_array_equal(inside, moved)


def test_color_jitter():
    frames, flow, *_ = applied(ColorJitter(0.4))
    before, same = scene(MOTION)
    assert (frames != before).mean() > 0.5
    np.testing.assert_array_equal(flow, same)
    check(frames, flow)


def test_random_erasing():
    step = RandomErasing(1.0, area=(0.3, 0.3), ratio=(1, 1))
    frames, flow, (rows, columns, _), _ = applied(step)
    hidden = np.zeros((SIZE, SIZE), bool)
    hidden[rows, columns] = True
    assert abs(hidden.mean() - 0.3) < 0.02
    check(frames, flow, ~hidden)
    check(frames, flow, hidden)
    assert (flow[:, hidden] == 128).all()
    # Noise that stands still.
    assert (frames[0, hidden] == frames[1, hidden]).all()
    assert len(np.unique(frames[0, hidden])) == 256


def test_cutmix():
    clips = [
        scene(motion, seed=seed)
        for seed, motion in enumerate([(3, -2), (-2, 0)])
    ]
    step, drawn = CutMix(), (0.7, 0.5, 0.4)  # a side, and the middle
    assert len(step.draw(np.random.default_rng(0))) == len(drawn)
    (frames, share), (flow, _) = (
        step.mix(one, two, drawn) for one, two in zip(*clips)
    )
    window = (flow != clips[0][1]).any(axis=(0, 3))
    assert 0.2 < window.mean() < 0.8
    assert share == pytest.approx(1 - window.mean())
    check(frames, flow, window)
    check(frames, flow, ~window)


@keras.saving.register_keras_serializable("tests")
class Doubled(Step):
    """Shows the middle twice as large: vectors are twice as long."""

    def draw(self, rng, size):
        return slice(size // 4, size - size // 4)

    def on_rgb(self, images, drawn):
        return self._enlarged(images, drawn)

    def on_flow(self, images, drawn):
        return codec.scale(self._enlarged(images, drawn), (2, 2))

    def get_config(self):
        return {}

    @staticmethod
    def _enlarged(images, inside):
        return np.stack(
            [
                cv2.resize(image, images.shape[1:3])
                for image in images[:, inside, inside]
            ]
        )


def test_a_step_of_ones_own():
    frames, flow, _, middle = applied(Doubled())
    np.testing.assert_allclose(middle, (6, -4), atol=0.1)
    check(frames, flow, median=0.3)
    augmentation = Augmentation((Crop(), Doubled()))
    assert augmentation.to_list()[1] == {"tests>Doubled": {}}
    assert Augmentation.from_list(augmentation.to_list()) == augmentation
