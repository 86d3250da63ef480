"""Times clips read from records against one JPEG file per frame.

A sample is a whole training clip: K frames of a video are read, decoded,
cropped and resized to 224x224. On one side the input pipeline of this package,
`data.pipeline.make`, reads them by offset from the records of `vidrec prepare`;
on the other side TensorFlow's own operations read one JPEG file per frame. Both
use the same JPEG images, frames, order, crops (not mirrored) and number of
threads; all files are in the page cache.

    python benchmarks/records.py --videos DIR

DIR contains video files (.avi), which are first prepared as 340x256 frames. The
runs alternate, so that other programs affect both; each run starts when the
other pipeline has filled its buffers and is idle, with its own buffers empty.
The output is the median over rounds of the ratio of records to files (below 1,
records are faster), of wall-clock time and of processor time.
"""

import argparse
import itertools
import os
import pathlib
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

from keras_vidrec.data import pipeline
from keras_vidrec.data.augmentation import Augmentation
from keras_vidrec.data.augmentation import Crop
from keras_vidrec.data.catalogs import catalog
from keras_vidrec.data.clips import reader
from keras_vidrec.data.prepared import shards
from keras_vidrec.data.prepared.records import scan
from keras_vidrec.data.preparing import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.data.sources.records import Records
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FrameSpec

SEED = 1
BATCH = 8
SIZE = 224
# Number of batches in the buffers of a pipeline, and seconds to fill them.
BUFFERED = 4
REST_S = 1.0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--videos", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--segments", type=int, nargs="+", default=[3, 25])
    parser.add_argument("--frames", type=int, default=2400, help="in a round")
    parser.add_argument("--work", type=pathlib.Path, help="kept, if given")
    return parser.parse_args()


def make_files(videos, work):
    """Writes the same JPEG images as records and as one file per frame."""
    rows = ["path,label,split"]
    names = sorted(p.name for p in videos.iterdir() if p.suffix == ".avi")
    rows += [f"{name},video,train" for name in names]
    videos_list = work / "videos.csv"
    videos_list.write_text("\n".join(rows) + "\n", "utf-8")
    found = catalog.from_list(videos_list, videos)
    prepare.prepare(
        found, work / "records", Preparation(flow="none", size="340x256")
    )
    if (work / "frames").exists():
        return
    for shard in shards.find_shards(work / "records", "rgb"):
        content = np.memmap(shard, np.uint8, "r")
        for record in scan(shard):
            folder = work / "frames" / record.video
            folder.mkdir(parents=True)
            for i, (offset, size) in enumerate(
                zip(record.offsets, record.sizes)
            ):
                content[offset : offset + size].tofile(folder / f"{i:06d}.jpg")


class Draws:
    """A source that records what the pipeline reads."""

    def __init__(self, source):
        self._source = source
        for name in ("videos", "labels", "groups", "classes", "modalities"):
            setattr(self, name, getattr(source, name))
        self.num_frames = source.num_frames

    def seen_as(self, _frame):
        return self

    def read(self, index, modality, indices):
        self.asked = index, np.array(indices)
        return np.zeros((len(indices), 256, 340, 3), np.uint8)


def draw_clips(source, spec, augmentation, count):
    """Returns the video, frames and crop of each clip of `pipeline.make`."""
    draws = Draws(source)
    crops = []

    def noted(frames, crop, size, modality):
        crops.append(crop)
        return np.zeros((len(frames), 1, 1, 3), np.uint8)

    apply = reader.regions.apply
    reader.regions.apply = noted
    clips = []
    try:
        length = len(source.videos)
        padded = pipeline.steps_per_epoch(length, BATCH) * BATCH
        for epoch in itertools.count():
            order = np.random.default_rng((SEED, epoch)).permutation(length)
            for position, index in enumerate(np.resize(order, padded)):
                rng = np.random.default_rng((SEED, epoch, position, 1))
                reader.read_training_clip(
                    draws, int(index), spec, augmentation, rng
                )
                clips.append((*draws.asked, crops[-1]))
                if len(clips) == count:
                    return clips
    finally:
        reader.regions.apply = apply


def files_dataset(clips, frames, videos):
    """Returns the pipeline of TensorFlow's operations with one file per
    frame."""
    num_segments = len(clips[0][1])
    if any(len(indices) != num_segments for _, indices, _ in clips):
        raise ValueError(
            "Expected videos of more frames than a clip. Received: one of "
            f"fewer than {num_segments}"
        )
    paths = [
        [str(frames / videos[index] / f"{i:06d}.jpg") for i in indices]
        for index, indices, _ in clips
    ]
    boxes = [(c.top, c.left, c.height, c.width) for _, _, c in clips]

    def load(paths, box):
        top, left, height, width = tf.unstack(box)
        images = tf.stack(
            [
                tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
                for path in tf.unstack(paths, num_segments)
            ]
        )
        images = images[:, top : top + height, left : left + width]
        images = tf.image.resize(images, (SIZE, SIZE))
        return tf.cast(tf.round(images), tf.uint8)

    dataset = tf.data.Dataset.from_tensor_slices((paths, boxes))
    dataset = dataset.map(
        load, num_parallel_calls=os.cpu_count() or 1, deterministic=True
    )
    return dataset.batch(BATCH, drop_remainder=True).prefetch(2)


def seconds(batches, count):
    """Returns wall-clock and processor time of `count` batches."""
    time.sleep(REST_S)
    for _ in range(BUFFERED):
        next(batches)
    start = time.perf_counter(), time.process_time()
    for _ in range(count):
        next(batches)
    return time.perf_counter() - start[0], time.process_time() - start[1]


def compare(source, frames, num_segments, rounds, num_frames):
    spec = ClipSpec(
        num_segments=num_segments, size=SIZE, frame=FrameSpec("340x256")
    )
    augmentation = Augmentation((Crop(),))
    steps = max(num_frames // (num_segments * BATCH), 4)
    count = steps + rounds * (BUFFERED + steps) + 2 * BUFFERED
    clips = draw_clips(source, spec, augmentation, BATCH * count)
    split = range(len(source.videos))
    records = pipeline.make(
        source,
        spec,
        split,
        training=True,
        batch_size=BATCH,
        seed=SEED,
        augmentation=augmentation,
    )
    ours = (images.numpy() for images, _ in records)
    theirs = (x.numpy() for x in files_dataset(clips, frames, source.videos))
    # The same pixels, but for the decoders' and the resizers' rounding.
    for _ in range(steps):
        first, second = next(ours), next(theirs)
        difference = np.abs(first.astype(int) - second).mean()
        assert difference < 2, difference
    times = np.array(
        [(seconds(ours, steps), seconds(theirs, steps)) for _ in range(rounds)]
    )
    clock, processors = np.median(times[:, 0] / times[:, 1], axis=0)
    per_clip = np.median(times[..., 0], axis=0) / (steps * BATCH) * 1000
    print(
        f"K={num_segments}: records/files {clock:.2f}, of the processors' time "
        f"{processors:.2f} ({per_clip[0]:.2f} and {per_clip[1]:.2f} ms a clip; "
        f"{rounds} rounds of {steps * BATCH} clips)",
        flush=True,
    )


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or pathlib.Path(temporary)
        make_files(options.videos.resolve(), work)
        source = Records(work / "records")
        for num_segments in options.segments:
            compare(
                source,
                work / "frames",
                num_segments,
                options.rounds,
                options.frames,
            )


if __name__ == "__main__":
    main()
