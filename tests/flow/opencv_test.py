import concurrent.futures

import cv2
import numpy as np
import pytest

from keras_vidrec.flow import codec
from keras_vidrec.flow import extraction
from keras_vidrec.flow import opencv

METHODS = (opencv.dis_flow, opencv.farneback_flow)
PRESETS = tuple(opencv.DIS_PRESETS)


def textured(height, width, shift=0):
    """A smooth random frame, moved to the right by whole pixels."""
    rng = np.random.default_rng(0)
    noise = rng.uniform(0, 255, (height + 8, width + 40)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    low, high = smooth.min(), smooth.max()
    frame = (255 * (smooth - low) / (high - low)).astype(np.uint8)
    return np.roll(frame, shift, 1)[4 : 4 + height, 20 : 20 + width]


@pytest.fixture
def cv2_threads():
    before = cv2.getNumThreads()
    yield
    cv2.setNumThreads(before)


@pytest.mark.parametrize(
    "method, preset, rubber_whale, dimetrodon",
    [
        (opencv.dis_flow, "medium", 0.225, 0.155),
        (opencv.dis_flow, "fast", 0.45, 0.31),
        (opencv.dis_flow, "ultrafast", 0.55, 0.38),
        (opencv.farneback_flow, None, 0.430, 1.131),
    ],
)
def test_error_on_middlebury(
    real_data, method, preset, rubber_whale, dimetrodon
):
    for scene, most in (
        ("RubberWhale", rubber_whale),
        ("Dimetrodon", dimetrodon),
    ):
        folder = real_data / "optical_flow" / scene
        first, second = (
            cv2.imread(str(folder / f"frame{k}.png"), cv2.IMREAD_GRAYSCALE)
            for k in (10, 11)
        )
        truth = codec.read_flo(folder / "flow10.flo")
        known = (np.abs(truth) <= 1e9).all(-1)
        presets = () if preset is None else (preset,)
        flow = method(first, second, *presets)
        assert flow.dtype == np.float32 and flow.shape == truth.shape
        error = np.linalg.norm((flow - truth)[known], axis=-1).mean()
        assert error <= most


@pytest.mark.parametrize("method", METHODS)
def test_direction_and_unit(method):
    flow = method(textured(96, 128), textured(96, 128, shift=3))
    inner = flow[16:-16, 16:-16]
    np.testing.assert_allclose(inner.mean((0, 1)), [3, 0], atol=0.1)
    upright = method(textured(96, 128).T, textured(96, 128, shift=3).T)
    inner = upright[16:-16, 16:-16]
    np.testing.assert_allclose(inner.mean((0, 1)), [0, 3], atol=0.1)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(
    "size",
    [(1, 1), (2, 9), (7, 5), (8, 300), (12, 12), (3, 1000), (24, 24), (64, 80)],
)
def test_small_frames(size, preset):
    still = textured(*size)
    flow = opencv.dis_flow(still, still, preset)
    assert flow.shape == (*size, 2) and flow.flags.c_contiguous
    np.testing.assert_allclose(flow, 0, atol=0.05)
    flow = opencv.dis_flow(still, 255 - still, preset)
    assert np.isfinite(flow).all()
    assert np.isfinite(opencv.farneback_flow(still, 255 - still)).all()


@pytest.mark.parametrize("preset", PRESETS)
def test_small_frames_move(preset):
    first, second = textured(64, 80), textured(64, 80, shift=2)
    flow = opencv.dis_flow(first, second, preset)[8:-8, 8:-8]
    np.testing.assert_allclose(np.median(flow, (0, 1)), [2, 0], atol=0.3)


@pytest.mark.parametrize("method", METHODS)
def test_same_numbers_on_any_number_of_threads(method, cv2_threads):
    pairs = [
        (textured(*size), textured(*size, shift=2))
        for size in ((100, 140), (40, 60), (240, 320), (16, 200))
    ]
    cv2.setNumThreads(1)
    expected = [method(*pair) for pair in pairs]
    for threads in (2, 3, 7):
        cv2.setNumThreads(threads)
        for pair, flow in zip(pairs, expected):
            np.testing.assert_array_equal(method(*pair), flow)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        flows = list(pool.map(lambda pair: method(*pair), pairs * 5))
    for flow, same in zip(flows, expected * 5):
        np.testing.assert_array_equal(flow, same)


class Card:
    """Stands in for the memory of a GPU."""

    def upload(self, image):
        assert image.dtype == np.float32 and image.flags.c_contiguous
        self.image = image

    def download(self):
        return self.image


class Brox:
    """Stands in for OpenCV's class, which needs a GPU: takes what its
    documentation says, and finds the flow by another method."""

    @classmethod
    def create(
        cls,
        alpha=0.197,
        gamma=50.0,
        scale_factor=0.8,
        inner_iterations=5,
        outer_iterations=150,
        solver_iterations=10,
    ):
        algorithm = cls()
        algorithm.iterations = (
            inner_iterations, outer_iterations, solver_iterations
        )  # fmt: skip
        algorithm.model = (alpha, gamma, scale_factor)
        return algorithm

    def calc(self, first, second, flow):
        # Those of gpu_flow and of TS-LSTM's optical_flow.cpp.
        assert self.iterations == (10, 77, 10) and flow is None
        assert self.model == (0.197, 50.0, 0.8)
        grays = []
        for card in (first, second):
            assert 0 <= card.image.min() and 0.5 < card.image.max() <= 1
            grays.append(np.rint(255 * card.image).astype(np.uint8))
        found = Card()
        found.image = opencv.farneback_flow(*grays)
        return found


def test_brox_is_that_of_an_opencv_that_has_it(monkeypatch):
    monkeypatch.delattr(cv2, "cuda_BroxOpticalFlow", raising=False)
    first, second = textured(96, 128), textured(96, 128, shift=3)
    message = (
        r"Expected an OpenCV .* with CUDA .*`opencv-contrib-python`.*, and a "
        rf"GPU; or .*Received: OpenCV {cv2.__version__} without cudaoptflow$"
    )
    with pytest.raises(ValueError, match=message):
        opencv.brox_flow(first, second)
    monkeypatch.setattr(cv2, "cuda_BroxOpticalFlow", Brox, raising=False)
    monkeypatch.setattr(cv2.cuda, "getCudaEnabledDeviceCount", lambda: 0)
    for refused in (opencv.check_brox, lambda: opencv.brox_flow(first, second)):
        with pytest.raises(ValueError, match="no GPU that it can use$"):
            refused()
    monkeypatch.setattr(cv2.cuda, "getCudaEnabledDeviceCount", lambda: 1)
    monkeypatch.setattr(cv2, "cuda_GpuMat", Card)
    expected = opencv.farneback_flow(first, second)
    for views in ((first, second), (first.T.copy().T, second.T.copy().T)):
        found = opencv.brox_flow(*views)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)
    (one,) = extraction.flows([("pair", first, second)], "brox")
    np.testing.assert_array_equal(one[1], expected)


def test_unknown_preset():
    with pytest.raises(ValueError, match="Received: preset='slow'"):
        opencv.dis_flow(textured(16, 16), textured(16, 16), "slow")
