"""Times a training step of the spatiotemporal multiplier against its towers.

A step of the multiplier (ResNet-50, gates and filters over time in every stage)
on 2 clips of 5 segments of 112x112 pixels is compared with the steps of its
streams trained separately: `TSN` on the same frames, and on the same flow.

    python benchmarks/multiplier_step.py

The three steps alternate. The output is the medians of the times, and of the
ratio of the multiplier to the sum of the two in each round.
"""

import argparse
import os
import statistics
import sys
import time

CLIPS, CHUNKS, SIZE, LENGTH, CLASSES = 2, 5, 112, 10, 101
# A high rate on one fixed batch leads to denormal numbers, which are slow.
LEARNING_RATE = 1e-6


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=2, help="in a round")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def training_steps(threads):
    """Returns the steps by name."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras
    import numpy as np
    import tensorflow as tf

    from keras_vidrec import applications

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    shape = (CLIPS, CHUNKS, SIZE, SIZE)
    clips = {
        "rgb": tf.constant(rng.integers(0, 256, (*shape, 3), "uint8")),
        "flow": tf.constant(
            rng.integers(0, 256, (*shape, 2 * LENGTH), "uint8")
        ),
    }
    labels = tf.constant(rng.integers(0, CLASSES, CLIPS))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def compiled(model, losses):
        model.compile(keras.optimizers.SGD(LEARNING_RATE, momentum=0.9), losses)
        return model

    common = {
        "classes": CLASSES,
        "classifier_activation": None,
        "backbone": "resnet50",
    }
    multiplier = compiled(
        applications.SpatiotemporalMultiplier(
            num_segments=CHUNKS, auxiliary_outputs=True, **common
        ),
        {"rgb": loss, "flow": loss},
    )
    targets = {name: labels for name in ("predictions", "rgb", "flow")}
    towers = {
        stream: compiled(
            applications.TSN(
                modality=stream,
                num_segments=CHUNKS,
                snippet_length=1 if stream == "rgb" else LENGTH,
                dropout=0.8,
                **common,
            ),
            loss,
        )
        for stream in clips
    }
    return {
        "multiplier": lambda: multiplier.train_on_batch(clips, targets),
        "rgb": lambda: towers["rgb"].train_on_batch(clips["rgb"], labels),
        "flow": lambda: towers["flow"].train_on_batch(clips["flow"], labels),
    }


def seconds_of(step, count):
    """Returns the mean seconds of `count` steps."""
    start = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - start) / count


def main():
    args = arguments()
    steps = training_steps(args.threads)
    for step in steps.values():
        seconds_of(step, 2)  # traces, and allocates
    rounds = [
        {name: seconds_of(step, args.steps) for name, step in steps.items()}
        for _ in range(args.rounds)
    ]
    for name in steps:
        median = statistics.median(one[name] for one in rounds)
        sys.stdout.write(f"{name:10} {median:.3f} s\n")
    ratios = sorted(
        one["multiplier"] / (one["rgb"] + one["flow"]) for one in rounds
    )
    sys.stdout.write(
        f"multiplier / (rgb + flow) {statistics.median(ratios):.2f} "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f})\n"
    )


if __name__ == "__main__":
    main()
