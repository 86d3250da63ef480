import concurrent.futures

import cv2
import numpy as np
import pytest

from keras_vidrec.flow import camera
from keras_vidrec.flow.opencv import dis_flow

# Pans, turns, zooms and tilts a little.
MOTION = np.array(
    [[1.01, 0.012, -4.3], [-0.012, 1.01, 2.6], [1e-5, -8e-6, 1.0]]
)
TOP, LEFT, SIDE = 150, 240, 90
PATCH = (slice(TOP, TOP + SIDE), slice(LEFT, LEFT + SIDE))
PATCH_MOTION = (5, 3)


@pytest.fixture
def scene(real_data):
    """A real frame, and the next one: the camera has moved by MOTION, and a
    patch by PATCH_MOTION besides."""
    path = real_data / "optical_flow" / "RubberWhale" / "frame10.png"
    first = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    noise = np.random.default_rng(0).integers(0, 2, (SIDE, SIDE), np.uint8)
    first[PATCH] = cv2.GaussianBlur(255 * noise, (0, 0), 2.5)
    x, y = PATCH_MOTION
    moved = first.copy()
    moved[TOP + y : TOP + y + SIDE, LEFT + x : LEFT + x + SIDE] = first[PATCH]
    height, width = first.shape
    second = cv2.warpPerspective(
        moved, MOTION, (width, height), borderMode=cv2.BORDER_REFLECT
    )
    return first, second


@pytest.mark.parametrize("features", camera.FEATURES)
def test_only_the_patch_moves(scene, features):
    first, second = scene
    flow = dis_flow(first, second)
    inner = np.zeros(first.shape, bool)
    inner[30:-30, 30:-30] = True
    background = inner.copy()
    background[TOP - 20 : TOP + SIDE + 20, LEFT - 20 : LEFT + SIDE + 20] = False
    assert np.linalg.norm(flow[background], axis=-1).mean() > 2.5

    aligned = camera.align(first, second, flow, features)
    assert aligned.shape == first.shape and aligned.dtype == np.uint8
    left = dis_flow(first, aligned)
    assert np.linalg.norm(left[background], axis=-1).mean() < 0.1
    patch = left[TOP + 20 : TOP + SIDE - 20, LEFT + 20 : LEFT + SIDE - 20]
    np.testing.assert_allclose(patch.mean((0, 1)), PATCH_MOTION, atol=0.3)
    # The corners of the frame too: what the camera no longer sees is still.
    assert np.linalg.norm(left[:20, :20], axis=-1).max() < 1.5


def test_same_frames_same_result_in_any_thread(scene):
    first, second = scene
    flow = dis_flow(first, second)
    expected = camera.align(first, second, flow)
    threads = cv2.getNumThreads()

    def align(seed):
        cv2.setRNGSeed(seed)
        return camera.align(first, second, flow)

    try:
        for number in (1, 3):
            cv2.setNumThreads(number)
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                for aligned in pool.map(align, range(4)):
                    np.testing.assert_array_equal(aligned, expected)
    finally:
        cv2.setNumThreads(threads)


def squares(number):
    """A frame of separate dots, each of which is four corners or so."""
    frame = np.full((240, 320), 128, np.uint8)
    for i in range(number):
        row, column = divmod(i, 8)
        frame[20 + 40 * row : 24 + 40 * row, 20 + 36 * column :][:, :4] = 255
    return frame


@pytest.mark.parametrize("features", camera.FEATURES)
def test_too_few_matches(features):
    for frame in (np.full((240, 320), 128, np.uint8), squares(2)):
        flow = np.zeros((*frame.shape, 2), np.float32)
        assert camera.align(frame, frame, flow, features) is None


def test_matches_that_do_not_agree():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 256, (2, 240, 320), dtype=np.uint8)
    flow = rng.uniform(-100, 100, (240, 320, 2)).astype(np.float32)
    assert camera.align(first, second, flow) is None


@pytest.mark.parametrize("size", [(1, 1), (5, 9), (16, 16)])
@pytest.mark.parametrize("features", camera.FEATURES)
def test_tiny_frames(size, features):
    frame = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    flow = np.zeros((*size, 2), np.float32)
    assert camera.align(frame, frame, flow, features) is None


def test_unknown_features():
    frame = np.zeros((8, 8), np.uint8)
    with pytest.raises(ValueError, match="Received: features='surf'"):
        camera.align(frame, frame, np.zeros((8, 8, 2)), features="surf")
