import numpy as np
import pytest

from keras_vidrec.data.clips.reader import image_indices
from keras_vidrec.evaluation.scorers.windows import Windows
from keras_vidrec.specs import SAMPLINGS
from keras_vidrec.specs import ClipSpec


def absolute(windows, number, modality="rgb"):
    return windows.start(number) + windows.indices[modality][:, 0]


@pytest.mark.parametrize(
    "sampling, stride, starts",
    [
        # 2 s at 25 frames: (50 - 1) // 24 = 2 frames apart, so that windows
        # begin at even frames: 25 becomes 26, 75 76.
        ("tsn_caffe", 1.0, [0, 26, 50, 76, 100]),
        ("tsn_pytorch", 1.0, [0, 26, 50, 76, 100]),
        ("uniform", 1.0, [0, 26, 50, 76, 100]),
        ("tsn_caffe", 0.04, [0, 1, 2, 3, 4]),
        ("tsn_caffe", 3.0, [0, 76, 150, 226, 300]),
    ],
)
def test_windows_begin_on_the_grid(sampling, stride, starts):
    spec = ClipSpec(sampling=sampling, num_segments=25)
    windows = Windows(spec, 25, 2.0, stride)
    assert windows.num_frames == 50
    assert windows.indices["rgb"].shape == (25, 1)
    assert [windows.start(k) for k in range(5)] == starts
    places = absolute(windows, 0)
    assert set(np.diff(places)) == {2}
    # The first two share what lies in both.
    if stride == 1.0:
        shared = set(places) & set(absolute(windows, 1))
        assert len(shared) == 12


@pytest.mark.parametrize("sampling", sorted(set(SAMPLINGS) - {"chunks"}))
@pytest.mark.parametrize("rate", [12, 23.976, 29.97, 30, 50])
@pytest.mark.parametrize("window", [0.5, 2.0, 7.3])
@pytest.mark.parametrize("modalities", [("rgb",), ("rgb_diff",), ("flow",)])
def test_a_window_shows_what_a_video_would(sampling, rate, window, modalities):
    """All segments of the test, evenly spaced where a tenth less allows it."""
    length = 1 if modalities == ("rgb",) else 5
    spec = ClipSpec(
        modalities, num_segments=25, snippet_length=length, sampling=sampling
    )
    windows = Windows(spec, rate, window, 1.0)
    wanted = round(window * rate)
    assert 0.9 * wanted <= windows.num_frames <= wanted
    counts = {m: windows.num_frames - (m == "flow") for m in modalities}
    expected = image_indices(counts, spec, 25, "test")
    for modality, rows in windows.indices.items():
        np.testing.assert_array_equal(rows, expected[modality])
    distances = set(np.diff(absolute(windows, 0, *modalities)).tolist())
    if len(distances) > 1 or 0 in distances:
        assert windows.grid == 1
    else:
        assert not distances.pop() % windows.grid
    for number in range(200):
        start = windows.start(number)
        assert not start % windows.grid
        assert abs(start - number * rate) <= windows.grid / 2


def test_one_segment_lies_in_the_middle():
    windows = Windows(ClipSpec(num_segments=1), 25, 2.0, 1.0)
    assert windows.grid == 1
    np.testing.assert_array_equal(windows.indices["rgb"], [[24]])


def test_ordered_networks_get_their_clips():
    spec = ClipSpec(
        sampling="chunks", stride=(15, 15), num_segments=5, ordered=True
    )
    windows = Windows(spec, 25, 2.0, 0.5)
    np.testing.assert_array_equal(
        windows.indices["rgb"][:, 0], [0, 12, 24, 36, 48]
    )
    assert [windows.start(k) for k in range(4)] == [0, 13, 25, 38]
    spec = spec.replace(num_segments=2)
    windows = Windows(spec, 25, 2.0, 0.5, num_clips=3)
    np.testing.assert_array_equal(
        windows.indices["rgb"][:, 0], [0, 15, 17, 32, 34, 49]
    )


def test_flow_is_of_a_frame_and_the_next():
    spec = ClipSpec(("flow",), snippet_length=2, num_segments=2)
    windows = Windows(spec, 10, 1.0, 1.0)
    np.testing.assert_array_equal(windows.indices["flow"], [[0, 1], [7, 8]])
    needed = [t for t in range(10) if windows.needs(t)]
    assert needed == [0, 1, 2, 7, 8, 9] and windows.needs(1) == ["flow"]


@pytest.mark.parametrize(
    "rate, stride", [(25, 0.025), (25, 0.03), (29.97, 0.03)]
)
def test_a_stride_of_less_than_a_frame_is_one_frame(rate, stride):
    windows = Windows(ClipSpec(num_segments=1), rate, 2 / rate, stride)
    assert [windows.start(k) for k in range(100)] == list(range(100))


@pytest.mark.parametrize(
    "modality, window, stride",
    [("rgb", 0.01, 1.0), ("rgb", 1.0, 0.01), ("flow", 0.04, 1.0)],
)
def test_a_window_has_frames(modality, window, stride):
    with pytest.raises(ValueError, match=f"window={window:g} s, stride="):
        Windows(ClipSpec((modality,)), 25, window, stride)
