"""Measures the memory and time of computing activations twice, with TSN on
ResNet-50.

Each side trains in a process of its own, so that its peak of memory can be
measured; the processes take turns. The output is the peaks, the memory of the
process before training, the median times of a step, and their ratios.

    python benchmarks/rematerialize.py --batch 8 --rounds 3
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

STEPS = 3


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch", type=int, default=8, help="clips a step")
    parser.add_argument("--size", type=int, default=224, help="pixels")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=("kept", "rematerialized"))
    return parser.parse_args()


def train(options):
    """Measures a few steps of one side in this process."""
    import keras
    import numpy as np

    from keras_vidrec.applications import TSN
    from keras_vidrec.applications.parts.head import clip_logits_model
    from keras_vidrec.training.objectives import losses
    from keras_vidrec.training.rematerialization import rematerialize

    model = clip_logits_model(TSN(backbone="resnet50", classes=101))
    if options.side == "rematerialized":
        rematerialize(model)
    # A rate this small keeps the numbers from becoming denormal.
    losses.compile_logits(model, keras.optimizers.SGD(1e-6, momentum=0.9))
    shape = (options.batch, 3, options.size, options.size, 3)
    clips = np.random.default_rng(0).integers(0, 255, shape, "uint8")
    labels = np.zeros(options.batch, "int32")
    before, seconds = peak(), []
    for _ in range(1 + STEPS):
        start = time.perf_counter()
        model.train_on_batch(clips, labels)
        seconds.append(time.perf_counter() - start)
    return {
        "before": before,
        "peak": peak(),
        "seconds": statistics.median(seconds[1:]),
    }


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    options = arguments()
    if options.side:
        print(json.dumps(train(options)))
        return
    figures = {"kept": [], "rematerialized": []}
    for _ in range(options.rounds):
        for side, found in figures.items():
            output = subprocess.run(
                [sys.executable, __file__, "--side", side]
                + ["--batch", str(options.batch), "--size", str(options.size)],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            found.append(json.loads(output.splitlines()[-1]))
    for side, found in figures.items():
        print(
            f"{side:15}"
            + "  ".join(
                f"{name} {statistics.median(one[name] for one in found):.2f}"
                for name in found[0]
            )
        )
    pairs = list(zip(*figures.values()))
    for name in ("peak", "seconds"):
        ratios = [again[name] / kept[name] for kept, again in pairs]
        print(
            f"{name} ratio  {statistics.median(ratios):.2f}  "
            f"({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
