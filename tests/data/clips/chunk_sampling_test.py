import numpy as np
import pytest

from keras_vidrec.data.clips.chunk_sampling import chunk_indices
from keras_vidrec.data.clips.chunk_sampling import valid_positions


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


def test_training_is_a_function_of_the_generator():
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
