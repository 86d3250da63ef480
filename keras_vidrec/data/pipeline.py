"""The input pipeline: clips for training and testing as a `tf.data.Dataset`."""

import atexit
import collections.abc
import concurrent.futures
import functools
import math
import os
import typing

import numpy as np
import tensorflow as tf
import tqdm

from keras_vidrec.data import endless_order
from keras_vidrec.data import mixing
from keras_vidrec.data import open_iterators
from keras_vidrec.data.augmentation import Augmentation
from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.data.clips import feature_reader
from keras_vidrec.data.clips import reader as clip_reader
from keras_vidrec.data.failures import Failures
from keras_vidrec.data.prepared.features import DTYPE
from keras_vidrec.data.sources.source import Source
from keras_vidrec.data.video_order import VideoOrder
from keras_vidrec.specs import TEST_CROPS
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import checks
from keras_vidrec.videos.video import VideoError

# Limit in bytes for clips that are read at the same time on many processors:
# 20 clips of 5 whole frames, flow and mirrors take 400 MB a video.
_BYTES_AHEAD = 2**32
# Clips read at the same time from an object store: reading is mostly waiting.
_REMOTE_CALLS = 32
# Batches of features read at the same time, at most.
_BATCHES_AHEAD = 4

atexit.register(open_iterators.close)


def steps_per_epoch(num_videos: int, batch_size: int) -> int:
    """The number of batches that contain every video of a split once."""
    return math.ceil(num_videos / batch_size)


def make(
    source: Source,
    spec: ClipSpec,
    split: collections.abc.Sequence[int] | np.ndarray,
    *,
    training: bool,
    batch_size: int,
    seed: int = 0,
    initial_epoch: int = 0,
    initial_step: int = 0,
    shard: tuple[int, int] = (0, 1),
    pad_tail: bool = False,
    augmentation: Augmentation | None = None,
    sampling: str = "natural",
    num_segments: int | None = None,
    num_clips: int = 1,
    crops: str = "center",
    mode: str | None = None,
    failures: Failures | None = None,
) -> tf.data.Dataset:
    """Makes a dataset of the clips of a split, or of their stored features.

    Training: endless, epoch after epoch, each in its own order, in batches of
    the same size; pass `steps_per_epoch=pipeline.steps_per_epoch(...)` to
    `fit`. The last batch of an epoch is filled with clips of its first videos.
    All random values (order, snippets, each step of the augmentation) depend
    only on seed, epoch and position, so training can start anywhere with
    `initial_epoch` and `initial_step`. A video that cannot be read is logged,
    counted and replaced by another one.

    Testing: the videos in the order of `split`, once; the last batch may be
    smaller. Sample weights are 1, and 0 for a video that cannot be read, whose
    pixels are 0.

    Several workers share every batch: each reads its own rows of it. Positions,
    and so the random values, are the same as for one worker.

    Args:
        source: a `Source`.
        spec: `ClipSpec`. The frames, their size and the size of crops.
        split: sequence of int. Videos of the source.
        training: bool. Whether to shuffle and to augment.
        batch_size: int. Clips in a batch, over all devices.
        seed: int. Defaults to `0`.
        initial_epoch: int. Where training starts. Defaults to `0`.
        initial_step: int. Batches of `initial_epoch` that are skipped without
            reading their clips. Training only. Defaults to `0`.
        shard: tuple of int, `(worker, num_workers)`. This worker reads the rows
            of every batch from `worker * batch_size / num_workers` on. Several
            workers need `pad_tail` in testing. Defaults to `(0, 1)`.
        pad_tail: bool. Testing only. Whether to fill the last batch, so that
            devices get equal shares of it, with clips of pixels and weights of
            0. The other weights are then `filled length / length`: Keras
            divides the sum of the losses by the filled length, and so reports
            the mean over the videos. Defaults to `False`.
        augmentation: `None` (TSN's crops, and flips), or `Augmentation`.
            Training only. Its crop and flip are not applied to features, which
            were made from crops. Defaults to `None`.
        sampling: str. How often each video occurs: `"natural"`, `"sqrt"` or
            `"balanced"`, see `VideoOrder`. Training only. Defaults to
            `"natural"`.
        num_segments: `None` (that of `spec`), or int. Testing only. Defaults
            to `None`.
        num_clips: int. Clips of a video, each of `num_segments` segments, see
            `clips.reader.read_test_clip`. Testing only. Defaults to `1`.
        crops: str. `"center"`, `"ten"`, `"frame"` or `"frame_and_mirror"`, see
            `clips.reader.read_test_clip`. The last two need a batch size of 1,
            because sizes of frames differ. Testing only. Defaults to
            `"center"`.
        mode: `None` (`"validation"`), or str: the positions of the snippets in
            testing, `"validation"` or `"test"`. Defaults to `None`.
        failures: `None` (a new one), or a `Failures` that counts the videos
            that cannot be read. Defaults to `None`.

    Returns:
        `tf.data.Dataset` of `(inputs, label)` in training and `(inputs, label,
        sample_weight)` in testing; `batch` is this worker's part. Inputs are
        uint8 `(batch, num_segments, size, size, channels)`, in a dict by
        modality if there are several. In testing there are `num_crops *
        num_clips * num_segments` segments, and whole frames have their height
        and width instead of `size`. Features are float32 `(batch, num_segments,
        features)`. Labels are int32 `(batch,)`, or float32 `(batch, classes)`:
        0 and 1 if videos have several, fractions if clips are mixed.

    Raises:
        ValueError: on a modality or frames that the source does not have,
            segments or crops that features do not allow, an empty split, a
            batch size below 1, above 1 for whole frames, or that the number of
            workers does not divide, several clips per video with a sampling
            other than chunks or uniform, unlabeled videos in training, an
            augmentation that features do not allow, or one that mixes clips
            with an odd number of clips in a worker's part of the batch.
    """
    split = np.asarray(split, np.int64)
    labels = label_sets.Arrays(source.labels, len(source.classes))
    _check(source, spec, split, batch_size)
    _check_shard(shard, batch_size, whole=training or pad_tail)
    protocol = {
        "num_segments": num_segments or spec.num_segments,
        "num_clips": num_clips,
        "crops": crops,
        "mode": mode or "validation",
    }
    if training:
        _check_labels(source.labels, split)
        protocol["num_segments"] = spec.num_segments
        augmentation = augmentation or Augmentation()
        augmentation.check_registered()
        mixing.check(augmentation, batch_size, shard[1])
    mixes = training and bool(augmentation and augmentation.of_batches)
    if feature_reader.are_features(source):
        if training and augmentation is not None:
            augmentation.check_features()
        reader = _feature_reader(source, spec, training, protocol)
    else:
        reader = _image_reader(source, spec, training, protocol, augmentation)
        if crops in clip_reader.WHOLE_FRAMES and not training:
            _check_single(batch_size, crops)
    if failures is None:
        failures = Failures(len(split))
    share = batch_size // shard[1]
    if training:
        videos = VideoOrder(split, source.labels, seed, sampling)
        length = steps_per_epoch(len(split), batch_size) * batch_size
        order = endless_order.of(
            videos, length, batch_size, initial_epoch, shard
        )
        order = order.skip(initial_step * share)
        read = _training_draws(
            source, labels, split, seed, reader.read, failures
        )
    else:
        weight = _ONE
        if pad_tail:
            padded = _padded(split, batch_size)
            weight = np.float32(len(padded) / len(split))
            split = padded[endless_order.rows(len(padded), batch_size, shard)]
        order = tf.data.Dataset.from_tensor_slices(split)
        order = order.map(lambda index: (np.int64(0), np.int64(0), index))
        read = _test_draws(source, labels, spec, reader, failures, weight)

    whole = training or pad_tail  # whether the last batch has full size
    leading: tuple = ()
    if reader.by_batch:
        leading = (share if whole else None,)
        order = order.batch(share, drop_remainder=whole)
        read = _stacked(read, is_remote=getattr(source, "is_remote", False))

    def load(*draw):
        *clips, label, weight = tf.numpy_function(
            lambda *draw: (*read(*draw),),
            draw,
            [reader.dtype] * len(reader.shapes) + [labels.dtype, tf.float32],
            # TensorFlow's determinism would call a stateful one sequentially.
            stateful=False,
        )
        for clip, shape in zip(clips, reader.shapes):
            clip.set_shape((*leading, *shape))
        label.set_shape((*leading, *labels.shape))
        weight.set_shape(leading)
        if reader.by_batch:
            # The cast is faster in TensorFlow than in NumPy.
            clips = [tf.cast(clip, tf.float32) for clip in clips]
        inputs = dict(zip(spec.modalities, clips))
        inputs = clips[0] if len(clips) == 1 else inputs
        if mixes:
            return inputs, label, *draw[:2]
        return (inputs, label) if training else (inputs, label, weight)

    is_remote = getattr(source, "is_remote", False)
    calls = _parallel_calls(reader.shapes, spec.size, is_remote)
    if reader.by_batch:
        calls = min(calls, _BATCHES_AHEAD)
    dataset = order.map(load, num_parallel_calls=calls, deterministic=True)
    if not reader.by_batch:
        dataset = dataset.batch(share, drop_remainder=whole)
    if mixes:
        dataset = mixing.mixed(dataset, augmentation, seed, len(source.classes))
    dataset = dataset.prefetch(2)
    if is_remote:
        # The default, a thread for each processor, limits the requests.
        options = tf.data.Options()
        threads = max(calls, os.cpu_count() or 1)
        options.threading.private_threadpool_size = threads
        dataset = dataset.with_options(options)
    return dataset


def read_each(
    source: Source,
    spec: ClipSpec,
    split: collections.abc.Sequence[int] | np.ndarray,
    failures: Failures,
    verbose: bool,
    *,
    name: str,
    reading: collections.abc.Mapping[str, typing.Any],
    done: int = 0,
) -> collections.abc.Iterator[tuple[int, typing.Any]]:
    """Yields `(index, inputs)` for each video of a split that can be read, with
    inputs in a batch of one. The next videos are read in the background.

    Args:
        source, spec, split, failures: as for `make`.
        verbose: bool. Whether to show a progress bar on a terminal.
        name: str. Name of the progress bar.
        reading: mapping, as `TestProtocol.reading` returns it.
        done: int. Videos that were read before, for the progress bar. Defaults
            to `0`.

    Raises:
        TooManyFailures: if over 5 % of the videos cannot be read.
    """
    clips = make(
        source,
        spec,
        split,
        training=False,
        batch_size=1,
        failures=failures,
        **reading,
    )
    progress = tqdm.tqdm(
        zip(split, clips.as_numpy_iterator()),
        desc=name,
        initial=done,
        total=done + len(split),
        unit="video",
        disable=None if verbose else True,  # None: shown on a terminal
    )
    try:
        for index, (inputs, _, weight) in progress:
            if weight[0]:
                yield index, inputs
    except Exception as error:
        if failures.fatal is not None:
            raise failures.fatal from error
        raise


def _stacked(read, is_remote):
    """Converts a function that reads a clip to one that reads a batch."""
    each = _waiting().map if is_remote else map

    def read_batch(*draws):
        clips = each(read, *draws)
        return [np.stack(parts) for parts in zip(*clips)]

    return read_batch


@functools.cache
def _waiting():
    """The threads that read clips from an object store."""
    return concurrent.futures.ThreadPoolExecutor(_REMOTE_CALLS, "vidrec-read")


def _parallel_calls(shapes, size, is_remote=False):
    """The number of clips to read at the same time.

    Unknown heights and widths are assumed to be 4 / 3 of `size`: about as many
    pixels as in frames of 4:3 whose height is 256 / 224 of `size`."""
    clip = sum(
        math.prod(side or 4 * size // 3 for side in shape) for shape in shapes
    )
    wanted = os.cpu_count() or 1
    if is_remote:
        wanted = max(wanted, _REMOTE_CALLS)
    return max(min(wanted, _BYTES_AHEAD // clip), 1)


def _padded(split: np.ndarray, batch_size: int) -> np.ndarray:
    """A split, filled with `_NONE` up to a multiple of the batch size."""
    return np.pad(split, (0, -len(split) % batch_size), constant_values=_NONE)


class _Reader(typing.NamedTuple):
    """How the clips of videos are read.

    Args:
        shapes: list of tuple. The shape of the clip of each modality; `None`
            for sides that differ from video to video.
        dtype: NumPy type of the clips.
        read: callable that takes the index of a video and a random generator
            (`None` in testing), and returns a dict from modality to clip.
        by_batch: bool. Whether each call from TensorFlow reads a whole batch
            and converts it to float32, because clips are small.
    """

    shapes: list
    dtype: type
    read: typing.Callable
    by_batch: bool


def _image_reader(source, spec, training, protocol, augmentation):
    crops = protocol["crops"]
    source = source.seen_as(spec.frame)
    clip_reader.check_protocol(
        spec, crops, protocol["num_clips"], protocol["mode"]
    )
    num_segments = protocol["num_segments"]
    size = (spec.size, spec.size)
    if training:

        def read(index, rng):
            return clip_reader.read_training_clip(
                source, index, spec, augmentation, rng
            )

    else:
        num_segments *= TEST_CROPS[crops] * protocol["num_clips"]
        if crops in clip_reader.WHOLE_FRAMES:
            size = (None, None)

        def read(index, _rng):
            return clip_reader.read_test_clip(source, index, spec, **protocol)

    shapes = [
        (num_segments, *size, spec.channels(modality))
        for modality in spec.modalities
    ]
    return _Reader(shapes, np.uint8, read, by_batch=False)


def _feature_reader(source, spec, training, protocol):
    feature_reader.check_protocol(source, spec, **protocol)
    num_segments = protocol["num_segments"]
    if training:

        def read(index, rng):
            return feature_reader.read_training_features(
                source, index, spec, rng
            )

    else:
        num_segments *= protocol["num_clips"]

        def read(index, _rng):
            return feature_reader.read_test_features(
                source,
                index,
                spec,
                num_segments=protocol["num_segments"],
                num_clips=protocol["num_clips"],
                mode=protocol["mode"],
            )

    shapes = [
        (num_segments, source.num_features[stream])
        for stream in spec.modalities
    ]
    return _Reader(shapes, DTYPE.type, read, by_batch=True)


def _training_draws(source, labels, split, seed, read, failures):
    """Returns a function from `(epoch, position, index)` to the clips, label
    and weight of a video, or of another one if it cannot be read."""

    def candidates(epoch, position, index):
        yield index
        # The permutation of a large split is only computed if it is needed.
        replacements = np.random.default_rng((seed, epoch, position, 0))
        yield from map(int, replacements.permutation(split))

    def draw(*numbers):
        epoch, position, index = map(int, numbers)
        for index in candidates(epoch, position, index):
            rng = np.random.default_rng((seed, epoch, position, 1))
            try:
                clip = read(index, rng)
            except (VideoError, OSError) as error:
                failures.add(source.videos[index], error)
                continue
            return *clip.values(), labels[index], _ONE
        raise failures.give_up()

    return draw


def _test_draws(source, labels, spec, reader, failures, weight):
    """Returns a function like that of `_training_draws`, for testing. A video
    that cannot be read gives pixels of 0 with weight 0."""

    def nothing(label):
        empty = [
            np.zeros([side or spec.size for side in shape], reader.dtype)
            for shape in reader.shapes
        ]
        return *empty, label, np.float32(0)

    def draw(_epoch, _position, index):
        index = int(index)
        if index == _NONE:
            return nothing(labels.none)
        label = labels[index]
        try:
            clip = reader.read(index, None)
        except (VideoError, OSError) as error:
            failures.add(source.videos[index], error)
            return nothing(label)
        return *clip.values(), label, weight

    return draw


_ONE = np.float32(1)
# The index that stands for no video.
_NONE = -1


def _check(source, spec, split, batch_size):
    for modality in spec.modalities:
        checks.choice(
            "modality", modality, source.modalities, " of the dataset"
        )
    if split.ndim != 1 or not split.size:
        raise ValueError(
            "Expected a split of at least one video. Received: an array of "
            f"shape {split.shape}"
        )
    checks.count("batch_size", batch_size)


def _check_shard(shard, batch_size, whole):
    worker, num_workers = shard
    if not 0 <= worker < num_workers or batch_size % num_workers:
        raise ValueError(
            "Expected a worker and a number of workers that divides the batch "
            f"size. Received: shard={shard}, batch_size={batch_size}"
        )
    if num_workers > 1 and not whole:
        raise ValueError(
            "Several workers need whole batches. Expected pad_tail=True for "
            f"testing. Received: shard={shard}, pad_tail=False"
        )


def _check_single(batch_size: int, crops: str) -> None:
    if batch_size != 1:
        raise ValueError(
            "Whole frames differ in size from video to video. Expected "
            f"batch_size=1 for crops={crops!r}. Received: "
            f"batch_size={batch_size}"
        )


def _check_labels(labels, split):
    for index in split:
        if labels[index] == -1:
            raise ValueError(
                "Expected a class for every training video. Received: video "
                f"{index} without a label"
            )
