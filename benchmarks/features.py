"""Times training of TS-LSTM from features on disk against one batch in memory.

The features are generated. They have the size of those of UCF101's training
videos by two ResNets: 9,537 videos of 25 frames of 2 x 2,048 features, in the
format of `vidrec features` (2 GB of float16). A step is one of `fit`, with
Adam, on a batch of 64 videos: read and batched by `data.pipeline`, or always
the same batch from memory.

    python benchmarks/features.py --dir DIR

DIR is kept and can be used again; without it the features are written to a
temporary directory. The two sides alternate. Before each round of reading, the
files are dropped from the page cache (`POSIX_FADV_DONTNEED`, as far as the
system supports it), so that the disk is read; `--warm` leaves them in the page
cache. The output is the median time of a step, as wall-clock and processor
time, and the median of the ratios of rounds, reading divided by memory; the
speed of the pipeline without a network; and the peak memory of the process,
including TensorFlow and the network. The pipeline's threads use the same
processors as the network's.
"""

import argparse
import contextlib
import os
import pathlib
import resource
import shutil
import sys
import tempfile
import time

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.applications.tslstm import TSLSTM
from keras_vidrec.data import pipeline
from keras_vidrec.data.catalogs import catalog as catalogs
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.prepared.features import FeatureSettings
from keras_vidrec.data.preparing.feature_writer import FeatureWriter
from keras_vidrec.data.sources.features import Features

CLASSES, FRAMES, WIDTH = 101, 25, 2048
VIDEO_BYTES = 2 * FRAMES * WIDTH * 2
# Steps of a round that are not timed, in which the pipeline fills its buffers.
WARM_UP = 5


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dir", type=pathlib.Path, help="kept, if given")
    parser.add_argument("--videos", type=int, default=9537)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=40, help="in a round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--warm", action="store_true")
    return parser.parse_args()


def make_features(directory, num_videos):
    """Writes generated features of a number of videos, or of as many as there
    is disk space for."""
    if (directory / "dataset.json").exists():
        return Features(directory)
    directory.mkdir(parents=True, exist_ok=True)
    room = shutil.disk_usage(directory).free * 0.9
    if num_videos * VIDEO_BYTES > room:
        num_videos = int(room / VIDEO_BYTES)
        print(f"The disk has room for {num_videos} videos only.")
    names = tuple(f"{i:05d}.avi" for i in range(num_videos))
    everything = tuple(range(num_videos))
    catalog = catalogs.Catalog(
        root=directory,
        videos=names,
        labels=tuple(i % CLASSES for i in everything),
        groups=names,
        classes=tuple(f"class {i:03d}" for i in range(CLASSES)),
        splits={1: Split(everything, ())},
    )
    settings = FeatureSettings(
        features={"rgb": WIDTH, "flow": WIDTH},
        networks={"rgb": "generated", "flow": "generated"},
        crops={"rgb": 224, "flow": 224},
        num_frames=FRAMES,
    )
    rng = np.random.default_rng(0)
    values = rng.gamma(0.5, 1, 2**22).astype("float16")
    size = FRAMES * WIDTH
    with FeatureWriter(catalog, directory, settings) as writer:
        for name in writer.todo:
            begins = rng.integers(len(values) - size, size=2)
            versions = {
                stream: [values[begin : begin + size].reshape(FRAMES, WIDTH)]
                for stream, begin in zip(settings.features, begins)
            }
            writer.add(name, versions)
        writer.finish()
    return Features(directory)


def drop_from_cache(directory):
    for path in directory.rglob("*.tfrecord"):
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Clock(keras.callbacks.Callback):
    """Measures seconds per step, as wall-clock and processor time, from the end
    of the warm-up to the end of the epoch."""

    def on_train_batch_end(self, batch, logs=None):
        if batch == WARM_UP - 1:
            self._begin = now()

    def on_epoch_end(self, epoch, logs=None):
        self.step = (now() - self._begin) / (self.params["steps"] - WARM_UP)


def now():
    return np.array([time.perf_counter(), time.process_time()])


def main():
    options = arguments()
    with contextlib.ExitStack() as stack:
        directory = options.dir
        if directory is None:
            directory = pathlib.Path(
                stack.enter_context(tempfile.TemporaryDirectory())
            )
        begin = time.perf_counter()
        source = make_features(directory, options.videos)
        print(
            f"{len(source.videos)} videos, "
            f"{len(source.videos) * VIDEO_BYTES / 2**30:.2f} GiB, there in "
            f"{time.perf_counter() - begin:.0f} s"
        )
        measure(directory, source, options)


def measure(directory, source, options):
    keras.utils.set_random_seed(0)
    model = TSLSTM(classes=CLASSES, num_segments=FRAMES, features=WIDTH)
    spec = describe(model).clip_spec
    network = clip_logits_model(model)
    network.compile(
        keras.optimizers.Adam(5e-5, clipvalue=5),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )

    def read(seed):
        """Returns the pipeline of a round, with other videos in each round."""
        return pipeline.make(
            source,
            spec,
            range(len(source.videos)),
            training=True,
            batch_size=options.batch,
            seed=seed,
        )

    memory = tf.data.Dataset.from_tensors(next(iter(read(0)))).repeat()

    steps = WARM_UP + options.steps
    clock = Clock()

    def step(dataset):
        network.fit(
            dataset,
            steps_per_epoch=steps,
            callbacks=[clock],
            shuffle=False,
            verbose=0,
        )
        return clock.step

    step(memory)  # compiles
    times = {"memory": [], "reading": []}
    for number in range(options.rounds):
        for name in sorted(times, reverse=number % 2):
            if name == "reading" and not options.warm:
                drop_from_cache(directory)
            dataset = memory if name == "memory" else read(1 + number)
            times[name].append(step(dataset))
    times = {name: np.array(found) for name, found in times.items()}
    print("                 clock  processors")
    for name, found in times.items():
        show(f"{name}, a step", 1000 * np.median(found, axis=0), "ms")
    ratios = times["reading"] / times["memory"]
    show("ratio", np.median(ratios, axis=0))
    show("  from", ratios.min(axis=0))
    show("  to", ratios.max(axis=0))
    show("reading alone", 1000 * alone(read(0), steps), "ms")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak *= 1 if sys.platform == "darwin" else 1024
    print(f"memory at its peak: {peak / 2**30:.2f} GiB")


def alone(dataset, steps):
    """Returns the seconds per batch of the pipeline without a network."""
    batches = iter(dataset)
    for _ in range(WARM_UP):
        next(batches)
    begin = now()
    for _ in range(steps):
        next(batches)
    return (now() - begin) / steps


def show(name, values, unit=""):
    clock, processors = values
    form = "7.1f" if unit else "7.3f"
    print(f"{name:15}{clock:{form}} {processors:{form}} {unit}")


if __name__ == "__main__":
    main()
