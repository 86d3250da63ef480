"""Flow of the file alone is that of the package."""

import cv2
import numpy as np
import pytest

from keras_vidrec.data.sources import video_files
from keras_vidrec.export.standalone import motion
from keras_vidrec.export.standalone.decoding import Problem
from keras_vidrec.flow import extraction
from keras_vidrec.specs import FlowSpec


def moving(height, width, number):
    """A textured picture that drifts, with a square that goes its own way:
    R G B frames."""
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (height + 40, width + 40, 3), "uint8")
    picture = cv2.GaussianBlur(picture, (0, 0), 1.5)
    picture = cv2.normalize(picture, None, 0, 255, cv2.NORM_MINMAX)
    frames = []
    for t in range(number):
        frame = picture[2 * t : 2 * t + height, t : t + width].copy()
        frame[height // 3 : height // 2, 3 * t + 2 : 3 * t + 12] = 255
        frames.append(frame)
    return frames


@pytest.mark.parametrize("method", ["dis", "farneback"])
@pytest.mark.parametrize(
    "modality, size",
    [("flow", (48, 64)), ("flow", (11, 40)), ("warped_flow", (96, 120))],
)
def test_codes_are_those_of_the_package(method, modality, size):
    frames = moving(*size, 3)
    pairs = list(zip(frames, frames[1:]))
    grays = [extraction.gray(frame) for frame in frames]
    spec = FlowSpec(method, 15.0)
    numbered = [(i, *pair) for i, pair in enumerate(zip(grays, grays[1:]))]
    expected = dict(video_files.flow_codes(numbered, modality, spec))
    found = motion.flow_codes(pairs, modality, spec.to_dict(), None)
    assert len(found) == 2
    for number, code in enumerate(found):
        np.testing.assert_array_equal(code, expected[number])
    if modality == "warped_flow":
        plain = motion.flow_codes(pairs, "flow", spec.to_dict(), None)
        steps = [np.median(code, (0, 1)) for code in (plain[0], found[0])]
        # The drift is gone.
        assert np.abs(steps[1] - 127.5).max() < np.abs(steps[0] - 127.5).max()


def test_tvl1_of_the_network_gets_every_pair(monkeypatch):
    monkeypatch.setattr(motion, "PAIRS_A_CALL", 2)
    sizes = []

    def inside(first, second):
        sizes.append(len(first))
        mean = (second.astype("float32") - first).mean((1, 2))
        return np.broadcast_to(
            mean[:, None, None, None], (*first.shape, 2)
        ).astype("float32")

    frames = [np.full((4, 5, 3), value, "uint8") for value in (9, 10, 13, 11)]
    pairs = list(zip(frames, frames[1:]))
    spec = FlowSpec(bound=127.5).to_dict()
    codes = motion.flow_codes(pairs, "flow", spec, inside)
    assert sizes == [2, 1]
    # Halves are rounded to the even number.
    assert [int(code[0, 0, 0]) for code in codes] == [128, 130, 126]


def test_tvl1_without_it_is_one_clear_error():
    frames = moving(16, 16, 2)
    with pytest.raises(Problem, match="opencv-contrib-python-headless"):
        motion.flow_codes([frames], "flow", FlowSpec().to_dict(), None)
