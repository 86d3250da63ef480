import numpy as np
import pytest
import tensorflow as tf

from keras_vidrec.data import pipeline
from keras_vidrec.data.clips.reader import Augmentation
from keras_vidrec.data.failures import Failures
from keras_vidrec.specs import ClipSpec
from tests.data.memory_source import MemorySource

SPEC = ClipSpec(size=16)


def training(source=None, split=range(8), batch_size=3, **arguments):
    return pipeline.make(
        source or MemorySource(),
        SPEC,
        split,
        training=True,
        batch_size=batch_size,
        **arguments,
    )


def batches(dataset, number):
    return [
        (clips, labels)
        for clips, labels in dataset.take(number).as_numpy_iterator()
    ]


def videos_of(taken):
    return [clips[:, 0, 0, 0, 0].tolist() for clips, _ in taken]


def test_an_epoch_shows_every_video_and_fills_its_last_batch():
    steps = pipeline.steps_per_epoch(8, 3)
    assert steps == 3
    first, second = [
        sum(videos_of(batches(training(initial_epoch=epoch), steps)), [])
        for epoch in (0, 1)
    ]
    for order in (first, second):
        assert sorted(order[:8]) == list(range(8))
        assert order[8:] == order[:1]  # a further draw of the first video
    assert first != second


def test_every_draw_is_a_function_of_seed_epoch_and_position():
    whole = batches(training(seed=3), 9)
    again = batches(training(seed=3), 9)
    resumed = batches(training(seed=3, initial_epoch=2), 3)
    for (a, _), (b, _) in zip(whole, again):
        np.testing.assert_array_equal(a, b)
    for (a, _), (b, _) in zip(whole[6:], resumed):
        np.testing.assert_array_equal(a, b)
    other = batches(training(seed=4), 9)
    assert videos_of(other) != videos_of(whole)


def test_an_epoch_begins_at_any_step():
    whole = batches(training(seed=3), 9)
    begun = training(seed=3, initial_epoch=1, initial_step=2)
    for (a, one), (b, two) in zip(whole[5:], batches(begun, 4), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(one, two)


def test_workers_read_their_rows_of_the_batches_of_one():
    whole = batches(training(batch_size=6, seed=3), 5)
    shares = [
        batches(training(batch_size=6, seed=3, shard=(worker, 3)), 5)
        for worker in range(3)
    ]
    for (clips, labels), *parts in zip(whole, *shares, strict=True):
        assert [len(part) for part, _ in parts] == [2, 2, 2]
        np.testing.assert_array_equal(
            np.concatenate([part for part, _ in parts]), clips
        )
        np.testing.assert_array_equal(
            np.concatenate([part for _, part in parts]), labels
        )


def test_a_worker_begins_at_any_step_too():
    whole = batches(training(batch_size=4, seed=3, shard=(1, 2)), 5)
    begun = training(
        batch_size=4, seed=3, shard=(1, 2), initial_epoch=1, initial_step=1
    )
    for (a, _), (b, _) in zip(whole[3:], batches(begun, 2), strict=True):
        np.testing.assert_array_equal(a, b)


def test_labels_belong_to_their_clips():
    for clips, labels in batches(training(), 6):
        np.testing.assert_array_equal(clips[:, 0, 0, 0, 0] % 2, labels)
        assert clips.dtype == np.uint8 and labels.dtype == np.int32


@pytest.mark.parametrize("is_training", [True, False])
def test_several_labels_are_rows_of_classes(is_training):
    """Also of a video of none of them, and where there is no video."""
    source = MemorySource()
    source.labels = tuple(((), (0,), (1,), (0, 1))[i % 4] for i in range(8))
    dataset = pipeline.make(
        source,
        SPEC,
        range(6),
        training=is_training,
        batch_size=4,
        **({} if is_training else {"pad_tail": True}),
    )
    assert dataset.element_spec[1].shape == (4, 2)
    for clips, labels, *weights in dataset.take(2).as_numpy_iterator():
        videos = clips[:, 0, 0, 0, 0] % 4
        expected = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])[videos]
        if weights:
            expected[weights[0] == 0] = 0
        np.testing.assert_array_equal(labels, expected)
        assert labels.dtype == np.float32


def test_several_modalities_come_by_name():
    spec = ClipSpec(
        modalities=("rgb", "flow"), snippet_length=5, size=16, num_segments=2
    )
    dataset = pipeline.make(
        MemorySource(), spec, range(8), training=True, batch_size=2
    )
    inputs, labels = dataset.element_spec
    assert {name: spec.shape.as_list() for name, spec in inputs.items()} == {
        "rgb": [2, 2, 16, 16, 3],
        "flow": [2, 2, 16, 16, 10],
    }
    assert labels == tf.TensorSpec((2,), tf.int32)
    inputs, _ = next(dataset.as_numpy_iterator())
    assert inputs["flow"].shape == (2, 2, 16, 16, 10)


def test_testing_keeps_the_order_and_the_last_small_batch():
    split = [5, 2, 7, 0]
    dataset = pipeline.make(
        MemorySource(),
        SPEC,
        split,
        training=False,
        batch_size=3,
        num_segments=4,
        crops="ten",
    )
    (first, labels, weights), (last, *_) = dataset.as_numpy_iterator()
    assert first.shape == (3, 40, 16, 16, 3) and len(last) == 1
    assert first[:, 0, 0, 0, 0].tolist() + [last[0, 0, 0, 0, 0]] == split
    assert labels.tolist() == [1, 0, 1] and weights.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    "shard, rows, reads",
    [((0, 1), range(4), 6), ((0, 2), range(2), 4), ((1, 2), range(2, 4), 2)],
)
def test_a_padded_tail_counts_nothing(shard, rows, reads):
    """6 videos in batches of 4: nothing is read to fill the second one up,
    and a mean over 8 weighted clips is one over the 6."""
    source = MemorySource()
    split = [5, 2, 7, 0, 1, 3]
    dataset = pipeline.make(
        source,
        SPEC,
        split,
        training=False,
        batch_size=4,
        shard=shard,
        pad_tail=True,
    )
    assert dataset.element_spec[1].shape == (len(rows),)
    found = list(dataset.as_numpy_iterator())
    videos = [*split, 0, 0]
    counts = np.float32([1, 1, 1, 1, 1, 1, 0, 0]) * 8 / 6
    for number, (clips, labels, weights) in enumerate(found):
        at = [4 * number + row for row in rows]
        expected = [videos[i] for i in at]
        assert clips[:, 0, 0, 0, 0].tolist() == expected
        assert labels.tolist() == [video % 2 for video in expected]
        np.testing.assert_allclose(weights, counts[at])
        assert not clips[weights == 0].any()
    assert (len(found), len(source.reads)) == (2, reads)


def test_a_broken_video_is_replaced_logged_and_counted_once(caplog):
    source = MemorySource(num_videos=40, broken=[7, 30])
    failures = Failures(40)
    dataset = training(source, range(40), batch_size=8, failures=failures)
    taken = batches(dataset, 10)  # two epochs
    seen = sum(videos_of(taken), [])
    assert len(seen) == 80 and not {7, 30} & set(seen)
    assert set(failures.errors) == {"video7", "video30"}
    messages = [record.getMessage() for record in caplog.records]
    assert sorted(messages) == [
        "Skipped a video: Cannot read the video 'video30': it is broken",
        "Skipped a video: Cannot read the video 'video7': it is broken",
    ]
    # The replacement is a draw like any other.
    for (a, _), (b, _) in zip(
        taken, batches(training(source, range(40), batch_size=8), 10)
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "num_videos, broken", [(40, [1, 2, 3]), (2, [0, 1]), (1, [0])]
)
def test_too_many_broken_videos_stop_the_run(num_videos, broken):
    source = MemorySource(num_videos=num_videos, broken=broken)
    failures = Failures(num_videos)
    dataset = training(
        source, range(num_videos), batch_size=1, failures=failures
    )
    with pytest.raises(tf.errors.OpError, match="TooManyFailures"):
        batches(dataset, 2 * num_videos)
    assert f"of {num_videos} videos cannot be read" in str(failures.fatal)
    assert "at most 5 %" in str(failures.fatal)


def test_a_broken_video_counts_nothing_in_testing():
    source = MemorySource(num_videos=3, broken=[1])
    dataset = pipeline.make(
        source, SPEC, range(3), training=False, batch_size=3
    )
    clips, _, weights = next(dataset.as_numpy_iterator())
    assert weights.tolist() == [1, 0, 1]
    assert not clips[1].any() and clips[2].any()


def test_augmentation_is_passed_on():
    plain = training(augmentation=Augmentation(flip=False))
    for clips, _ in batches(plain, 4):
        assert (clips[..., 0, 2] < clips[..., -1, 2]).all()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"split": []}, "at least one video"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"batch_size": 2.0}, "batch_size=2.0"),
        ({"shard": (0, 2)}, r"divides.*shard=\(0, 2\), batch_size=3"),
        ({"shard": (3, 3)}, r"shard=\(3, 3\)"),
    ],
)
def test_invalid_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        training(**arguments)


def test_workers_test_whole_batches():
    with pytest.raises(ValueError, match="Expected pad_tail=True"):
        pipeline.make(
            MemorySource(),
            SPEC,
            range(8),
            training=False,
            batch_size=4,
            shard=(0, 2),
        )


def test_the_source_must_hold_the_modality():
    source = MemorySource()
    source.modalities = ("flow",)
    with pytest.raises(
        ValueError,
        match="of the dataset.*'flow'.*modality='rgb'",
    ):
        training(source)


def test_training_needs_labels():
    source = MemorySource()
    source.labels = (0, 1, -1, 0, 1, 0, 1, 0)
    with pytest.raises(ValueError, match="video 2 without a label"):
        training(source)


CHUNKS = ClipSpec(
    modalities=("rgb", "flow"), snippet_length=10, alignment="centered",
    sampling="chunks", stride=(7, 7), num_segments=5, size=16,
)  # fmt: skip


class ManySizes(MemorySource):
    """Video i has frames of 32 x (40 + i)."""

    def read(self, index, modality, indices):
        frames = super().read(index, modality, indices)
        return np.pad(frames, ((0, 0), (0, 0), (0, index), (0, 0)))


def test_whole_frames_of_many_sizes():
    source = ManySizes(num_videos=40, num_frames=41, broken=[2])
    dataset = pipeline.make(
        source,
        CHUNKS,
        [0, 2, 8],
        training=False,
        batch_size=1,
        num_clips=3,
        crops="frame_and_mirror",
        mode="test",
        failures=Failures(40),
    )
    inputs, _, _ = dataset.element_spec
    assert {name: spec.shape.as_list() for name, spec in inputs.items()} == {
        "rgb": [None, 30, None, None, 3],
        "flow": [None, 30, None, None, 20],
    }
    first, broken, last = dataset.as_numpy_iterator()
    for (clips, _, weight), width in ((first, 22), (last, 27)):
        assert clips["rgb"].shape == (1, 30, 18, width, 3)
        assert clips["flow"].shape == (1, 30, 18, width, 20)
        times = clips["rgb"][0, :, 0, 0, 1].reshape(2, 3, 5)
        assert times[0].tolist() == [
            [5, 12, 19, 26, 33],
            [6, 13, 20, 27, 34],
            [7, 14, 21, 28, 35],
        ]
        assert weight == 1
    clips, label, weight = broken
    assert weight == 0 and label == 0
    assert clips["rgb"].shape[:2] == (1, 30) and not clips["rgb"].any()
    assert clips["flow"].shape[-1] == 20 and not clips["flow"].any()


def test_training_on_chunks_draws_like_all_training():
    def take(epoch):
        dataset = pipeline.make(
            MemorySource(num_frames=41),
            CHUNKS.replace(stride=(1, 7)),
            range(8),
            training=True,
            batch_size=4,
            initial_epoch=epoch,
        )
        return [
            clips["rgb"][:, :, 0, 0, 1].astype(int).tolist()
            for clips, _ in dataset.take(2).as_numpy_iterator()
        ]

    assert take(0) == take(0) != take(1)
    for times in sum(take(0), []):
        assert len(times) == 5 and len(set(np.diff(times))) == 1


@pytest.mark.parametrize(
    "spec, arguments, message",
    [
        (CHUNKS, {"crops": "frame"}, "batch_size=1 for crops='frame'.*=3"),
        (CHUNKS, {"crops": "five"}, "crops='five'"),
        (CHUNKS, {"num_clips": 2}, "num_clips=2, .*mode='validation'"),
        (SPEC, {"num_clips": 2, "mode": "test"}, "sampling='tsn_caffe'"),
    ],
)  # fmt: skip
def test_invalid_tests_are_refused_at_once(spec, arguments, message):
    source = MemorySource()
    with pytest.raises(ValueError, match=message):
        pipeline.make(
            source, spec, range(8), training=False, batch_size=3, **arguments
        )
    assert not source.reads


def test_large_clips_are_read_by_few_at_once(monkeypatch):
    """Or a machine of many processors would run out of memory."""
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    # The snippets of a clip of TSN; 20 clips of 5 chunks and their mirrors,
    # 200 x 298 x 298 x 23 bytes.
    few = [(25, 224, 224, 3)]
    many = [(200, None, None, 3), (200, None, None, 20)]
    assert pipeline._parallel_calls(few, 224) == 64
    assert pipeline._parallel_calls(few, 224, is_remote=True) == 64
    assert pipeline._parallel_calls(many, 224) == 10
    assert pipeline._parallel_calls(many, 22400) == 1
