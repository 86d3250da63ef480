"""Times the test of 25 snippets x 10 crops against its bare forward passes.

The videos are real files of 320 x 240 pixels, generated; the network is TSN on
BN-Inception with random weights. The one side is `evaluation.score`: reading,
sampling, cropping, and the network; the other the network alone, on the clips
of the same videos, which lie in memory. The two alternate; printed are the
median times of a video and of each round's ratios.

    python benchmarks/evaluate_overlap.py --videos 4 --rounds 3
"""

import argparse
import os
import pathlib
import statistics
import tempfile
import time

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from keras_vidrec.applications import TSN
from keras_vidrec.applications.head import describe
from keras_vidrec.data import clip_reader
from keras_vidrec.data import opening
from keras_vidrec.data import synthetic
from keras_vidrec.evaluation import evaluator
from keras_vidrec.evaluation import protocols
from keras_vidrec.evaluation import scorer as scorers
from keras_vidrec.training.sections import Test


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--videos", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backbone", default="bn_inception")
    parser.add_argument("--modality", default="rgb")
    return parser.parse_args()


def main():
    options = arguments()
    test = Test(**protocols.get("25x10").settings)
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
        spec = describe(model).clip_spec
        scorer = scorers.make(model, test.num_segments, test.crops)
        videos = range(options.videos)
        clips = [
            clip_reader.read_test_clip(
                source, i, spec, num_segments=25, crops="ten"
            )[options.modality]
            for i in videos
        ]
        scorer(clips[0])  # compiles
        whole, bare = [], []
        for _ in range(options.rounds):
            start = time.perf_counter()
            evaluator.score(model, source, videos, test, verbose=False)
            middle = time.perf_counter()
            for clip in clips:
                scorer(clip)
            bare.append(time.perf_counter() - middle)
            whole.append(middle - start)
    ratios = [a / b for a, b in zip(whole, bare)]
    for name, times in (("test", whole), ("network", bare)):
        seconds = statistics.median(times) / len(clips)
        print(f"{f'{name}, seconds a video':25} {seconds:.2f}")
    print(f"ratio of each round       {' '.join(f'{r:.3f}' for r in ratios)}")
    print(f"median ratio              {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main()
