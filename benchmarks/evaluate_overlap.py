"""Times the test of 25 snippets x 10 crops against its bare forward passes.

The videos are generated files of 320 x 240 pixels; the network is TSN on
BN-Inception with random weights. One side is `evaluation.score`: reading,
sampling, cropping, and the network. The other side is only the network, on the
clips of the same videos in memory. The two sides alternate after a few videos,
so that changes of the machine's speed affect both. The output is the median
time of a video and the median of the ratios of pairs, as wall-clock time and as
processor time of all threads. (If few processors schedule threads badly, the
wall-clock time may double while the processor time stays the same.) Both sides
use one scorer, so that neither compiles anything.

    python benchmarks/evaluate_overlap.py --pairs 8 --videos 3
"""

import argparse
import os
import pathlib
import tempfile
import time

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from keras_vidrec.applications import TSN
from keras_vidrec.data import opening
from keras_vidrec.data import synthetic
from keras_vidrec.data.clips import reader
from keras_vidrec.evaluation import evaluator
from keras_vidrec.evaluation import protocols
from keras_vidrec.evaluation.scorers import scorer as scorers


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--videos", type=int, default=3, help="in each pair")
    parser.add_argument("--backbone", default="bn_inception")
    parser.add_argument("--modality", default="rgb")
    return parser.parse_args()


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as directory:
        synthetic.generate(
            pathlib.Path(directory),
            train_groups=1,
            test_groups=1,
            clips_per_group=1,
            size=(240, 320),
            num_frames=180,
        )
        _, source, _ = opening.open_dataset(directory)
        model = TSN(
            classes=len(source.classes),
            backbone=options.backbone,
            modality=options.modality,
        )
        test, spec = protocols.of(model, "25x10")
        scorer = scorers.make(model, test)
        videos = range(options.videos)
        clips = [
            reader.read_test_clip(source, i, spec, **test.reading())[
                options.modality
            ]
            for i in videos
        ]
        scorer(clips[0])  # compiles
        whole, bare = [], []
        for _ in range(options.pairs):
            before = _clocks()
            evaluator.score(
                model, source, videos, test, scorer=scorer, verbose=False
            )
            between = _clocks()
            for clip in clips:
                scorer(clip)
            after = _clocks()
            whole.append(between - before)
            bare.append(after - between)
    for clock, test, network in zip(
        ("clock", "processors"), np.transpose(whole), np.transpose(bare)
    ):
        ratios = test / network
        print(
            f"{clock:10} test {np.median(test) / len(clips):.2f} s, network "
            f"{np.median(network) / len(clips):.2f} s a video; ratio "
            f"{np.median(ratios):.3f} ({ratios.min():.3f} to "
            f"{ratios.max():.3f})"
        )


def _clocks():
    return np.array([time.perf_counter(), time.process_time()])


if __name__ == "__main__":
    main()
