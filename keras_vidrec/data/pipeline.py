"""Clips for training and testing as a `tf.data.Dataset`."""

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

# Clips read ahead of a network, at most: 20 clips of 5 whole frames, flow and
# mirrors take 400 MB a video, and many processors would read as many videos.
_BYTES_AHEAD = 2**32
# Clips read at once from afar, where reading is mostly waiting.
_REMOTE_CALLS = 32
# The same of batches of features.
_BATCHES_AHEAD = 4

atexit.register(open_iterators.close)


def steps_per_epoch(num_videos: int, batch_size: int) -> int:
    """Batches that show every video of a split once."""
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
    """Clips of a split, decoded, sampled, cropped and batched; of `Features`
    what they hold of them.

    Training: an endless stream of whole batches, epoch after epoch, each in
    its own order; give `fit` `steps_per_epoch=pipeline.steps_per_epoch(...)`.
    The last batch of an epoch is filled up with further draws from its first
    videos. Every draw (order, snippets, each step of the augmentation) is a
    pure function of (seed, epoch, position), so `initial_epoch` and
    `initial_step` start anywhere. A video that cannot be read is logged,
    counted and replaced by another one.

    Testing: the videos in the order of `split`, once, the last batch being
    smaller; yields sample weights too, 0 for a video that cannot be read
    (its pixels are 0).

    Several workers draw the same batches, and each reads its own rows of them:
    the positions, and so the draws, are those of one worker.

    Args:
        source: a `Source`.
        spec: `ClipSpec`. Which frames, how they are resized, which size.
        split: sequence of int. Videos of the source.
        training: bool. Whether to shuffle and to augment.
        batch_size: int. Clips in a batch, over all devices.
        seed: int. Defaults to `0`.
        initial_epoch: int. Where training starts. Defaults to `0`.
        initial_step: int. Batches of `initial_epoch` that are left out. None
            of their clips is read. Training only. Defaults to `0`.
        shard: tuple of int, `(worker, num_workers)`, which read one part each
            of every batch: this one the rows from `worker * batch_size /
            num_workers` on. In testing together with `pad_tail`. Defaults to
            `(0, 1)`.
        pad_tail: bool. Testing only. Whether to fill the last batch up, for
            devices that take equal shares of it, with pixels of 0 of sample
            weight 0. The other weights are `filled length / length` then
            instead of 1: Keras divides the sum of the losses by the former, and
            so reports the mean over the videos. Defaults to `False`.
        augmentation: `None` (TSN's crops, and flips), or `Augmentation`.
            Training only. Features were made of crops already: its crops and
            flips do not apply to them.
        sampling: str. How often each video comes: `"natural"`, `"sqrt"` or
            `"balanced"`, see `VideoOrder`. Training only. Defaults to
            `"natural"`.
        num_segments: `None` (that of `spec`), or int. Testing only.
        num_clips: int. Clips of a video, of `num_segments` chunks or uniform
            segments each, in the mode `"test"`. Testing only. Defaults to
            `1`.
        crops: str. `"center"`, `"ten"`, `"frame"` or `"frame_and_mirror"`,
            see `clip_reader.read_test_clip`; the last two, which differ in
            size from video to video, in batches of one. Testing only.
        mode: `None` or str. Grid of the snippets in testing, `"validation"`
            (the default) or `"test"`.
        failures: `None`, or a `Failures` to share.

    Returns:
        `tf.data.Dataset` of `(inputs, label)` in training and `(inputs,
        label, sample_weight)` in testing. Inputs are uint8 `(batch,
        num_segments, size, size, channels)`, in a dict by modality if there
        are several; labels int32 `(batch,)`, or float32 `(batch,
        classes)` of 0 and 1 where videos have several; `batch` is this
        worker's part. In
        testing there are `num_crops * num_clips * num_segments` segments, and
        whole frames have their height and width instead of `size`. Features
        are float32 `(batch, num_segments, features)`. Where the augmentation
        mixes clips, labels are float32 `(batch, classes)`, shares of classes.

    Raises:
        ValueError: on a modality or frames the source does not hold, segments
            or crops
            that it cannot give, an empty split, a batch size below 1 (or of
            several whole frames) or that the workers do not divide, several
            clips of anything else than chunks or uniform segments,
            unlabeled videos in training, or an augmentation that features do
            not allow, or that mixes clips of batches of an odd number.
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

    whole = training or pad_tail  # of the batches, the last one too
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
            stateful=False,  # else no clips are read at once where
            # operations are to be deterministic
        )
        for clip, shape in zip(clips, reader.shapes):
            clip.set_shape((*leading, *shape))
        label.set_shape((*leading, *labels.shape))
        weight.set_shape(leading)
        if reader.by_batch:
            # Faster here than in NumPy.
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
        # Else no more threads wait for answers than there are processors.
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
    done: int = 0,
    **test: typing.Any,
) -> collections.abc.Iterator[tuple[int, typing.Any]]:
    """Yields `(index, inputs)` of each video of a split that can be read, the
    inputs in a batch of one; the next ones are read meanwhile.

    Args:
        source, spec, split, failures: as for `make`.
        verbose: bool. Whether to show a progress bar.
        name: str. Of the bar.
        done: int. Videos that were read before. Defaults to `0`.
        **test: what of the videos is read, as for `make`.

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
        **test,
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
    """From a callable of one draw to one of a batch of them."""
    each = _waiting().map if is_remote else map

    def read_batch(*draws):
        clips = each(read, *draws)
        return [np.stack(parts) for parts in zip(*clips)]

    return read_batch


@functools.cache
def _waiting():
    return concurrent.futures.ThreadPoolExecutor(_REMOTE_CALLS, "vidrec-read")


def _parallel_calls(shapes, size, is_remote=False):
    """How many clips to read at once. Frames of unknown height and width are
    taken for those of 320 x 240 pixels, shrunk to 256 / 224 of the size."""
    clip = sum(
        math.prod(side or 4 * size // 3 for side in shape) for shape in shapes
    )
    wanted = os.cpu_count() or 1
    if is_remote:
        wanted = max(wanted, _REMOTE_CALLS)
    return max(min(wanted, _BYTES_AHEAD // clip), 1)


def _padded(split, batch_size):
    """A split for whole batches. The videos that fill it up are `_NONE`."""
    return np.pad(split, (0, -len(split) % batch_size), constant_values=_NONE)


class _Reader(typing.NamedTuple):
    """What is read of a video.

    Args:
        shapes: list of tuple. Of the clip of each modality; `None` where it
            differs from video to video.
        dtype: NumPy type of the clips.
        read: callable of the index of a video and a generator (`None` in
            testing). Returns a dict from modality to clip.
        by_batch: bool. Whether clips are so small that calling from
            TensorFlow would take longer than reading: then a call reads a
            batch. They become float32.
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
    def candidates(epoch, position, index):
        yield index
        # Of a large split this takes as long as some decoding.
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
# No video of a source.
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


def _check_single(batch_size, crops):
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
