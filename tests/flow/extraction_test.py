import cv2
import numpy as np
import pytest

from keras_vidrec.flow import camera
from keras_vidrec.flow import extraction
from keras_vidrec.flow import opencv


def textured(seed=0, size=(96, 128)):
    noise = np.random.default_rng(seed).uniform(0, 255, size)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.5)
    return cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype("uint8")


def moved(frame, x):
    return np.roll(frame, x, 1)


def pairs(number, flat=()):
    """Pairs by name; those of `flat` have nothing that could be matched."""
    for i in range(number):
        frame = textured(i) if i not in flat else np.full((96, 128), i, "uint8")
        yield f"pair{i}", frame, moved(frame, i % 4)


@pytest.mark.parametrize(
    "method, function",
    [("dis", opencv.dis_flow), ("farneback", opencv.farneback_flow)],
)
def test_flow_of_each_pair(method, function):
    expected = {key: function(a, b) for key, a, b in pairs(4)}
    found = dict(extraction.flows(pairs(4), method))
    assert found.keys() == expected.keys()
    for key, flow in found.items():
        np.testing.assert_array_equal(flow, expected[key])


def test_tvl1_finds_the_motion():
    # Small enough for one level: each is compiled.
    frame = textured(size=(19, 28))
    given = ((x, frame, moved(frame, x)) for x in (0, 1))
    found = dict(extraction.flows(given, "tvl1"))
    assert sorted(found) == [0, 1]
    for x, flow in found.items():
        assert flow.shape == (19, 28, 2) and flow.dtype == np.float32
        inner = flow[5:-5, 5:-5].mean((0, 1))
        np.testing.assert_allclose(inner, [x, 0], atol=0.2)


def test_warped_flow_is_flow_to_the_aligned_frame():
    for key, flow, warped in extraction.flows_and_warped(pairs(5, [2]), "dis"):
        ((_, first, second),) = (p for p in pairs(5, [2]) if p[0] == key)
        np.testing.assert_array_equal(flow, opencv.dis_flow(first, second))
        aligned = camera.align(first, second, flow)
        assert (aligned is None) == (key == "pair2")
        expected = flow
        if aligned is not None:
            expected = opencv.dis_flow(first, aligned)
            assert np.abs(warped[8:-8, 8:-8]).mean() < 0.2
        np.testing.assert_array_equal(warped, expected)


@pytest.mark.parametrize(
    "flat", [(), range(100), range(20, 90), (0, 99)], ids=str
)
def test_every_pair_comes_once_and_few_wait(flat, monkeypatch):
    # Cheap stand-ins: what is tested is the order and the number held.
    monkeypatch.setattr(
        camera, "align", lambda first, *_: None if first[0, 0] else first
    )
    monkeypatch.setitem(
        extraction._OPENCV_METHODS,
        "dis",
        lambda first, second: np.zeros((*first.shape, 2), np.float32),
    )
    given = returned = most = 0

    def counted():
        nonlocal given
        for i in range(100):
            given += 1
            frame = np.full((4, 4), i in flat, np.uint8)
            yield i, frame, frame

    keys = []
    for key, _, _ in extraction.flows_and_warped(counted(), "dis"):
        most = max(most, given - returned)
        returned += 1
        keys.append(key)
    assert sorted(keys) == list(range(100))
    assert most <= 34


def test_is_lazy():
    def one_then_fail():
        yield 0, textured(), textured()
        raise AssertionError("was asked for more than was needed")

    key, _ = next(extraction.flows(one_then_fail(), "dis"))
    assert key == 0
    key, _, _ = next(extraction.flows_and_warped(one_then_fail(), "dis"))
    assert key == 0


@pytest.mark.parametrize("method", ["dis", "tvl1"])
def test_no_pairs(method):
    assert list(extraction.flows(iter(()), method)) == []
    assert list(extraction.flows_and_warped(iter(()), method)) == []


def test_gray():
    frame = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    gray = extraction.gray(frame)
    assert gray.dtype == np.uint8
    expected = frame @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(gray, expected, atol=0.6)
    np.testing.assert_array_equal(gray, cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))
    np.testing.assert_array_equal(
        extraction.gray(frame[:, ::-1]), gray[:, ::-1]
    )


@pytest.mark.parametrize(
    "frames, received",
    [
        ([np.zeros((8, 8))] * 2, r"float64 of shape \(8, 8\)"),
        ([np.zeros((8, 8, 3), "uint8")] * 2, r"uint8 of shape \(8, 8, 3\)"),
        ([np.zeros((8, 8), "uint8"), np.zeros((8, 9), "uint8")], r"\(8, 9\)"),
    ],
)
def test_invalid_frames(frames, received):
    with pytest.raises(ValueError, match=f"Received: .*{received}"):
        list(extraction.flows([("key", *frames)], "dis"))


def test_frames_of_two_sizes():
    small, large = np.zeros((16, 16), "uint8"), np.zeros((16, 20), "uint8")
    with pytest.raises(ValueError, match=r"\(16, 20\) and \(16, 16\)"):
        list(extraction.flows([(0, small, small), (1, large, large)], "dis"))


@pytest.mark.parametrize(
    "function", [extraction.flows, extraction.flows_and_warped]
)
def test_unknown_method(function, monkeypatch):
    with pytest.raises(ValueError, match="Received: method='deepflow'"):
        function(iter(()), "deepflow")
    # One that is known, and cannot compute here, is refused before a pair.
    monkeypatch.delattr(cv2, "cuda_BroxOpticalFlow", raising=False)
    with pytest.raises(ValueError, match="without cudaoptflow"):
        function(iter(()), "brox")
