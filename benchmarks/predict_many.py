"""Times the prediction of many videos in one call and in single calls.

    python benchmarks/predict_many.py VIDEOS [--backbone NAME] [--protocol 3x1]

VIDEOS is a directory of clips. The network has random weights. One side is
`Predictor.many` of all videos, the other one call of the same `Predictor` per
video. The two sides alternate, so that changes of the machine's speed affect
both. The output is the videos per second of each side and the median of the
ratios of pairs by wall-clock time, and the processor time, which shows whether
a busy machine had two cores available.
"""

import argparse
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from keras_vidrec.applications import TSN
from keras_vidrec.data.catalogs import video_tree
from keras_vidrec.evaluation.predictor import Predictor


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("videos", type=pathlib.Path)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--protocol", default="3x1")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--pairs", type=int, default=5)
    return parser.parse_args()


def main():
    options = arguments()
    videos = video_tree.find_videos(options.videos)
    videos = [options.videos / name for name in videos]
    model = TSN(
        classes=101,
        backbone=options.backbone,
        input_shape=(None, options.size, options.size, 3),
    )
    predictor = Predictor(model, options.protocol)
    sides = {
        "one by one": lambda: [predictor(video) for video in videos],
        "many": lambda: list(predictor.many(videos)),
    }
    for side in sides.values():
        side()  # compiles
    times = {name: [] for name in sides}
    for _ in range(options.pairs):
        for name, side in sides.items():
            before = time.perf_counter(), time.process_time()
            answers = side()
            times[name].append(
                (
                    time.perf_counter() - before[0],
                    time.process_time() - before[1],
                )
            )
            assert len(answers) == len(videos)
    print(f"{len(videos)} videos, {options.backbone}, {options.protocol}")
    clock = {name: np.array(rows) for name, rows in times.items()}
    for name, rows in clock.items():
        seconds, busy = np.median(rows, axis=0)
        print(
            f"{name:11} {len(videos) / seconds:6.2f} videos/s, "
            f"{busy / seconds:.2f} cores busy"
        )
    ratios = clock["one by one"] / clock["many"]
    print(f"many is {np.median(ratios[:, 0]):.2f} times as fast")
    print(f"  pairs: {np.array2string(ratios[:, 0], precision=2)}")
    print(f"processor time of one by one / many: {np.median(ratios[:, 1]):.2f}")


if __name__ == "__main__":
    main()
