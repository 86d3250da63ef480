import numpy as np
import pytest

from keras_vidrec.evaluation.scorers.windows import Windows
from keras_vidrec.specs import SAMPLINGS
from keras_vidrec.specs import ClipSpec


def absolute(windows, number, modality="rgb"):
    return windows.start(number) + windows.indices[modality][:, 0]


@pytest.mark.parametrize(
    "sampling, stride, frames, segments, starts",
    [
        # 2 s at 25 frames: (50 - 1) // 24 = 2 frames apart, so that windows
        # begin at even frames: 25 becomes 26, 75 76.
        ("tsn_caffe", 1.0, 50, 25, [0, 26, 50, 76, 100]),
        ("tsn_pytorch", 1.0, 50, 25, [0, 26, 50, 76, 100]),
        ("uniform", 1.0, 50, 25, [0, 26, 50, 76, 100]),
        ("tsn_caffe", 0.04, 50, 25, [0, 1, 2, 3, 4]),
        ("tsn_caffe", 3.0, 50, 25, [0, 76, 150, 226, 300]),
    ],
)
def test_windows_begin_on_the_grid(sampling, stride, frames, segments, starts):
    spec = ClipSpec(sampling=sampling)
    windows = Windows(spec, 25, 2.0, stride)
    assert (windows.num_frames, windows.num_segments) == (frames, segments)
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
def test_snippets_are_evenly_spaced(sampling, rate, window, modalities):
    length = 1 if modalities == ("rgb",) else 5
    spec = ClipSpec(modalities, snippet_length=length, sampling=sampling)
    windows = Windows(spec, rate, window, 1.0)
    wanted = round(window * rate)
    assert 0.9 * wanted <= windows.num_frames <= wanted
    assert windows.num_segments <= 25
    if wanted > 40:
        assert windows.num_segments > 12
    places = absolute(windows, 0, *modalities)
    if wanted > 10:
        (distance,) = set(np.diff(places))
        assert distance > 0 and not distance % windows.grid
    else:  # hardly more than a snippet
        assert windows.grid == 1
    for number in range(200):
        start = windows.start(number)
        assert not start % windows.grid
        assert abs(start - number * rate) <= windows.grid / 2


def test_few_frames_give_few_snippets():
    windows = Windows(ClipSpec(), 25, 0.16, 0.04)
    assert windows.num_frames == windows.num_segments == 4
    windows = Windows(ClipSpec(), 25, 2.0, 1.0, num_segments=1)
    assert windows.num_segments == windows.grid == 1
    np.testing.assert_array_equal(windows.indices["rgb"], [[24]])


def test_ordered_networks_get_their_clips():
    spec = ClipSpec(
        sampling="chunks", stride=(15, 15), num_segments=5, ordered=True
    )
    windows = Windows(spec, 25, 2.0, 0.5, num_segments=5)
    np.testing.assert_array_equal(
        windows.indices["rgb"][:, 0], [0, 12, 24, 36, 48]
    )
    assert [windows.start(k) for k in range(4)] == [0, 13, 25, 38]


def test_flow_is_of_a_frame_and_the_next():
    spec = ClipSpec(("flow",), snippet_length=2)
    windows = Windows(spec, 10, 1.0, 1.0, num_segments=2)
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
