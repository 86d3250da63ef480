import numpy as np
import pytest

from keras_vidrec.data.clips import sampling
from keras_vidrec.data.clips.sampling import chunk_indices
from keras_vidrec.data.clips.sampling import valid_positions

SCHEMES = ("tsn_caffe", "tsn_pytorch", "uniform")


def ids(num_frames, num_segments, snippet_length, mode, scheme):
    """1-based frame ids, as the TSN authors count."""
    starts = sampling.segment_indices(
        num_frames, num_segments, snippet_length, mode=mode, scheme=scheme
    )
    assert starts.dtype == np.int64
    assert starts.shape == (num_segments,)
    return (starts + 1).tolist()


@pytest.mark.parametrize(
    "num_frames,snippet_length,caffe,pytorch",
    [
        (100, 1, [17, 50, 83], [17, 51, 84]),
        (100, 5, [15, 48, 81], [17, 49, 81]),
        (8, 1, [2, 4, 6], [2, 5, 7]),
        (8, 5, [1, 1, 1], [1, 3, 4]),
        (2, 1, [1, 1, 1], [1, 1, 1]),
    ],
)
def test_validation_of_the_authors(num_frames, snippet_length, caffe, pytorch):
    case = (num_frames, 3, snippet_length, "validation")
    assert ids(*case, "tsn_caffe") == caffe
    assert ids(*case, "tsn_pytorch") == pytorch


def test_grid_of_25_frames():
    assert ids(100, 25, 1, "test", "tsn_caffe") == list(range(1, 98, 4))
    assert ids(100, 25, 1, "test", "tsn_pytorch") == list(range(3, 100, 4))
    assert ids(100, 25, 5, "test", "tsn_caffe") == list(range(1, 74, 3))
    pytorch = ids(100, 25, 5, "test", "tsn_pytorch")
    assert pytorch[:8] == [2, 6, 10, 14, 18, 22, 25, 29]
    assert pytorch[-1] == 95
    # Shorter than the grid: the step is 0.
    assert ids(20, 25, 1, "test", "tsn_caffe") == [1] * 25


def test_guard_is_for_validation_only():
    assert ids(2, 3, 1, "test", "tsn_pytorch") == [1, 2, 2]
    assert ids(2, 3, 1, "validation", "tsn_pytorch") == [1, 1, 1]


def test_single_test_segment_is_the_middle():
    assert ids(101, 1, 1, "test", "tsn_caffe") == [51]
    assert ids(4, 1, 5, "test", "tsn_caffe") == [1]


def test_pytorch_grid_in_floating_point():
    for num_frames in range(1, 400):
        for num_segments in (3, 7, 25):
            tick = num_frames / float(num_segments)
            expected = [int(tick / 2.0 + tick * k) for k in range(num_segments)]
            starts = ids(num_frames, num_segments, 1, "test", "tsn_pytorch")
            assert starts == [start + 1 for start in expected]


@pytest.mark.parametrize(
    "num_frames,num_segments,expected",
    [
        (100, 25, list(range(5, 78, 3))),
        (250, 25, list(range(5, 222, 9))),
        # An interval of 1 reaches N - 5 and stays there.
        (32, 25, [*range(5, 28), 27, 27]),
        (34, 25, list(range(5, 30))),
        (12, 4, [5, 6, 7, 7]),
        (6, 3, [1, 1, 1]),
        (1, 2, [1, 1]),
    ],
)
def test_grid_of_features(num_frames, num_segments, expected):
    """f = (i - 1) max(1, floor((N - 9) / K)) + 5, at most N - 5."""
    for mode in ("validation", "test"):
        case = (num_frames, num_segments, 1, mode, "feature_grid")
        assert ids(*case) == expected
    drawn = sampling.segment_indices(
        num_frames,
        num_segments,
        scheme="feature_grid",
        rng=np.random.default_rng(0),
    )
    assert (drawn + 1).tolist() == expected


def test_uniform_takes_the_middles_of_bins():
    rng = np.random.default_rng(0)
    for _ in range(200):
        n, k, length = (int(x) for x in rng.integers(1, [400, 30, 12]))
        possible = max(n - length + 1, 1)
        # Exact floor of (i + 1/2) possible / k: the largest start whose
        # double multiple does not exceed it.
        expected = [
            max(
                s
                for s in range(possible)
                if 2 * k * s <= (2 * i + 1) * possible
            )
            for i in range(k)
        ]
        for mode in ("validation", "test"):
            starts = sampling.segment_indices(
                n, k, length, mode=mode, scheme="uniform"
            )
            assert starts.tolist() == expected


@pytest.mark.parametrize("mode", sampling.MODES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_image_exists_and_time_runs_forward(scheme, mode):
    rng = np.random.default_rng(1)
    for _ in range(500):
        n, k, length = (int(x) for x in rng.integers(1, [120, 30, 12]))
        starts = sampling.segment_indices(
            n, k, length, mode=mode, scheme=scheme, rng=rng
        )
        assert starts.shape == (k,)
        assert (np.diff(starts) >= 0).all()
        assert starts.min() >= 0
        # No start makes a snippet leave a video that holds one.
        assert starts.max() <= max(n - length, 0)


@pytest.mark.parametrize(
    "scheme,snippet_length,choices,step",
    [
        # Possible starts of each segment of 40 frames and their distance.
        ("tsn_caffe", 1, 10, 10),
        ("tsn_caffe", 4, 7, 10),
        ("tsn_pytorch", 1, 10, 10),
        ("tsn_pytorch", 4, 9, 9),
        ("uniform", 1, 10, 10),
        ("uniform", 5, 9, 9),
    ],
)
def test_training_draws_cover_their_bins(scheme, snippet_length, choices, step):
    rng = np.random.default_rng(2)
    draws = np.stack(
        [
            sampling.segment_indices(
                40, 4, snippet_length, mode="train", scheme=scheme, rng=rng
            )
            for _ in range(4000)
        ]
    )
    offsets = draws - step * np.arange(4)
    assert offsets.min() == 0
    assert offsets.max() == choices - 1
    for segment in range(4):
        counts = np.bincount(offsets[:, segment], minlength=choices)
        expected = 4000 / choices
        chi_square = ((counts - expected) ** 2 / expected).sum()
        # 99.9 % quantile of 9 degrees of freedom.
        assert chi_square < 27.9
    # Segments are drawn independently of each other.
    assert abs(np.corrcoef(offsets.T)[0, 1:]).max() < 0.06


def test_uniform_bins_cover_every_start():
    rng = np.random.default_rng(3)
    draws = [
        sampling.segment_indices(26, 3, 4, scheme="uniform", rng=rng)
        for _ in range(1000)
    ]
    first, second, third = (set(column) for column in np.stack(draws).T)
    assert first == set(range(0, 7))
    assert second == set(range(7, 15))
    assert third == set(range(15, 23))


def test_short_training_video_of_pytorch_scheme():
    rng = np.random.default_rng(4)
    draws = np.stack(
        [
            sampling.segment_indices(6, 5, 3, scheme="tsn_pytorch", rng=rng)
            for _ in range(300)
        ]
    )
    assert set(draws.ravel()) == {0, 1, 2, 3}
    # Longer than the segments, shorter than the snippet.
    starts = sampling.segment_indices(6, 5, 9, scheme="tsn_pytorch", rng=rng)
    assert starts.tolist() == [0] * 5


@pytest.mark.parametrize("scheme", SCHEMES)
def test_training_is_a_function_of_the_generator(scheme):
    first, again, other = (
        sampling.segment_indices(
            300, 7, 5, scheme=scheme, rng=np.random.default_rng(seed)
        ).tolist()
        for seed in (5, 5, 6)
    )
    assert first == again
    assert first != other


def test_forward_snippets():
    flow = sampling.snippet_indices([0, 4, 8], 5, 5, 10)
    assert flow.tolist() == [
        [0, 1, 2, 3, 4],
        [4, 5, 6, 7, 8],
        [8, 9, 9, 9, 9],
    ]
    assert flow.dtype == np.int64
    difference = sampling.snippet_indices([2], 5, 6, 10)
    assert difference.tolist() == [[2, 3, 4, 5, 6, 7]]


def test_centered_snippets():
    def read(start, num_images, snippet_length=10):
        return sampling.snippet_indices(
            [start], snippet_length, num_images, 30, "centered"
        )[0].tolist()

    assert read(15, 10) == list(range(10, 20))
    assert read(15, 1) == [15]
    assert read(15, 11) == list(range(10, 21))
    assert read(2, 10) == [0, 0, 0, 0, 1, 2, 3, 4, 5, 6]
    assert read(29, 10) == [24, 25, 26, 27, 28, 29, 29, 29, 29, 29]
    assert read(15, 1, snippet_length=1) == [15]


@pytest.mark.parametrize(
    "arguments,received",
    [
        ({"num_frames": 0}, "num_frames=0"),
        ({"num_segments": 0}, "num_segments=0"),
        ({"num_segments": 2.5}, "num_segments=2.5"),
        ({"snippet_length": -1}, "snippet_length=-1"),
        ({"mode": "training"}, "mode='training'"),
        ({"scheme": "chunks"}, "scheme='chunks'"),
        ({"mode": "train"}, "rng=None"),
        ({"mode": "train", "rng": 3}, "rng=3"),
    ],
)
def test_invalid_segment_arguments(arguments, received):
    valid = {"num_frames": 9, "num_segments": 3, "mode": "test"}
    with pytest.raises(ValueError, match=f"Expected .* Received: {received}"):
        sampling.segment_indices(**(valid | arguments))


@pytest.mark.parametrize(
    "arguments,received",
    [
        ({"alignment": "left"}, "alignment='left'"),
        ({"num_images": 0}, "num_images=0"),
        ({"num_frames": 0}, "num_frames=0"),
        ({"snippet_length": 0}, "snippet_length=0"),
    ],
)
def test_invalid_snippet_arguments(arguments, received):
    valid = {"snippet_length": 5, "num_images": 5, "num_frames": 9}
    with pytest.raises(ValueError, match=f"Expected .* Received: {received}"):
        sampling.snippet_indices([0], **(valid | arguments))


def clips(first, last, num_chunks, stride, mode="test", **arguments):
    """Lists of positions, one a clip."""
    found = chunk_indices(
        first, last, num_chunks, stride, mode=mode, **arguments
    )
    assert found.dtype == np.int64 and found.ndim == 1
    return found.reshape(-1, num_chunks).tolist()


@pytest.mark.parametrize(
    "num_frames, length, num_images, alignment, expected",
    [
        # The authors: t = 6 .. N - 5 of N frames counted from 1, which have
        # N - 1 images of flow. Of 30 frames 6 .. 25.
        (29, 10, 10, "centered", (5, 24)),
        (30, 10, 1, "centered", (0, 29)),
        (30, 10, 11, "centered", (5, 24)),
        (29, 5, 5, "centered", (2, 26)),
        (29, 10, 10, "forward", (0, 19)),
        (10, 10, 10, "centered", (5, 5)),
        (9, 10, 10, "centered", (5, 4)),
    ],
)
def test_valid_positions(num_frames, length, num_images, alignment, expected):
    found = valid_positions(num_frames, length, num_images, alignment)
    assert found == expected


def test_clips_by_hand():
    # 31 positions for 5 chunks: 10 apart would take 41, so 7 apart, in one of
    # 3 places.
    assert clips(5, 35, 5, (10, 10)) == [[6, 13, 20, 27, 34]]
    assert clips(5, 35, 5, (10, 10), num_clips=3) == [
        [5, 12, 19, 26, 33],
        [6, 13, 20, 27, 34],
        [7, 14, 21, 28, 35],
    ]
    # With room to spare: 4 apart takes 17, one of 15 places.
    assert clips(5, 35, 5, (3, 6)) == [[12, 16, 20, 24, 28]]
    assert clips(5, 35, 5, (3, 6), "validation") == [[12, 16, 20, 24, 28]]
    assert clips(5, 35, 5, (4, 4), num_clips=4) == [
        [5, 9, 13, 17, 21],
        [9, 13, 17, 21, 25],
        [14, 18, 22, 26, 30],
        [19, 23, 27, 31, 35],
    ]
    # One chunk has no distance; more clips than places repeat them.
    assert clips(5, 35, 1, (1, 9), num_clips=3) == [[5], [20], [35]]
    assert clips(0, 2, 2, (1, 1), num_clips=4) == [[0, 1], [0, 1], [0, 1],
                                                   [1, 2]]  # fmt: skip


@pytest.mark.parametrize("mode", ["train", "validation", "test"])
def test_short_videos(mode):
    def of(first, last, num_chunks):
        rng = np.random.default_rng(0)
        return clips(first, last, num_chunks, (1, 10), mode, rng=rng)

    assert of(5, 9, 5) == [[5, 6, 7, 8, 9]]
    assert of(5, 8, 5) == [[5, 5, 6, 7, 8]]
    assert of(5, 6, 5) == [[5, 5, 5, 5, 6]]
    assert of(5, 5, 5) == [[5] * 5]
    # No position is valid: the middle of 8, of 1, of 3 forward images.
    assert of(5, 3, 4) == [[4] * 4]
    assert of(5, -4, 2) == [[0] * 2]
    assert of(0, -2, 2) == [[0] * 2]


def test_every_clip_of_a_short_video_is_the_same():
    assert clips(5, 8, 5, (1, 1), num_clips=3) == [[5, 5, 6, 7, 8]] * 3


def reference(first, last, num_chunks, stride, num_clips):
    """By search instead of by formula."""
    wanted = (stride[0] + stride[1]) // 2
    places = {
        distance: [
            start
            for start in range(first, last + 1)
            if start + (num_chunks - 1) * distance <= last
        ]
        for distance in range(1, wanted + 1)
    }
    distance = max(d for d, starts in places.items() if starts)
    starts = places[distance]
    chosen = [(len(starts) - 1) // 2]
    if num_clips > 1:
        spread = (len(starts) - 1) / (num_clips - 1)
        # The largest place that does not lie beyond the even spread.
        chosen = [
            max(p for p in range(len(starts)) if p <= clip * spread + 1e-9)
            for clip in range(num_clips)
        ]
    return [
        [starts[place] + k * distance for k in range(num_chunks)]
        for place in chosen
    ]


def test_grids_equal_those_found_by_search():
    rng = np.random.default_rng(1)
    for _ in range(400):
        first, room, chunks, num_clips, low, more = map(
            int, rng.integers([0, 1, 1, 1, 1, 0], [9, 90, 9, 12, 9, 9])
        )
        room = max(room, chunks - 1)
        case = (first, first + room, chunks, (low, low + more))
        expected = reference(*case, num_clips)
        assert clips(*case, num_clips=num_clips) == expected
        if num_clips == 1:
            assert clips(*case, mode="validation") == expected


def test_training_draws_every_stride_and_every_start():
    rng = np.random.default_rng(2)
    # 21 positions, 3 chunks, 2..4 apart: 17, 15 and 13 starts.
    draws = [
        tuple(clips(5, 25, 3, (2, 4), "train", rng=rng)[0])
        for _ in range(20000)
    ]
    counts = {}
    for a, b, c in draws:
        assert b - a == c - b
        counts.setdefault(b - a, {}).setdefault(a, 0)
        counts[b - a][a] += 1
    assert sorted(counts) == [2, 3, 4]
    for distance, of in counts.items():
        num_starts = 21 - 2 * distance
        assert sorted(of) == list(range(5, 5 + num_starts))
        expected = 20000 / 3 / num_starts
        chi_square = sum((n - expected) ** 2 / expected for n in of.values())
        assert chi_square < 45.9  # 99.99 % quantile, 16 degrees of freedom


def test_training_strides_are_clamped():
    rng = np.random.default_rng(3)
    # 9 positions: 3 chunks fit at most 4 apart.
    draws = [clips(0, 8, 3, (3, 9), "train", rng=rng)[0] for _ in range(700)]
    distances = [b - a for a, b, _ in draws]
    # Of 3..9 only 3 stays, the other six become 4.
    assert set(distances) == {3, 4}
    assert 60 < distances.count(3) < 145
    assert {tuple(d) for d in draws if d[1] - d[0] == 4} == {(0, 4, 8)}


def test_chunks_are_a_function_of_the_generator():
    first, again, other = (
        chunk_indices(5, 300, 5, (1, 10), rng=np.random.default_rng(s)).tolist()
        for s in (5, 5, 6)
    )
    assert first == again != other


@pytest.mark.parametrize(
    "arguments, received",
    [
        ({"num_chunks": 0}, "num_chunks=0"),
        ({"num_clips": 0}, "num_clips=0"),
        ({"num_clips": 2, "mode": "validation"}, "num_clips=2, mode='valid"),
        ({"stride": None}, "stride=None"),
        ({"stride": (3, 2)}, r"stride=\(3, 2\)"),
        ({"stride": (0, 2)}, r"stride=\(0, 2\)"),
        ({"stride": (1, 2, 3)}, r"stride=\(1, 2, 3\)"),
        ({"stride": (1.5, 2)}, r"stride=\(1.5, 2\)"),
        ({"mode": "training"}, "mode='training'"),
        ({"mode": "train"}, "rng=None"),
    ],
)
def test_invalid_arguments(arguments, received):
    valid = {"num_chunks": 3, "stride": (1, 10), "mode": "test"}
    with pytest.raises(ValueError, match=f"Expected .* Received: {received}"):
        chunk_indices(0, 9, **(valid | arguments))
