r"""What each value that recipes may add is worth to `scratch`.

    python benchmarks/ablation.py ut VIDEOS OUT [--directions 12,21]
    python benchmarks/ablation.py few VIDEOS OUT
        [--seeds 0,1,2] [--variants "scratch; warm-up; ..."]

`ut`: VIDEOS is the directory with `segmented_set1` and `segmented_set2` of the
UT-Interaction dataset; trained on one set and tested on the other. A fifth of
the training groups, other ones for each seed, is the validation part.

`few`: VIDEOS is a directory of clips `v_<Class>_g<group>_c<clip>.avi`, of which
those of classes with several groups are used. Groups of a class take turns to
be in one half or the other; each half is recognized by a network trained on the
other. There is no validation part: most classes have one training clip.

Each variant is `scratch` as it stood before (rgb, random weights) and one value
more. Printed are the test accuracy of `model.keras`, which is the best epoch by
validation where there is a validation part, and the validation accuracy and
loss, means over the last epochs, because the few clips of one epoch say little.
Repeating the command goes on where it stopped.
"""

import argparse
import csv
import pathlib
import subprocess
import sys

import few_clips
import numpy as np
import ut_interaction

from keras_vidrec.evaluation.scores import score_naming
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.training.run import Run

VARIANTS = {
    "scratch": (),
    "warm-up": ("schedule.warmup=5 epochs",),
    "smoothing": ("loss.label_smoothing=0.1",),
    "mixup": ("augmentation=[{crop: tsn}, {flip: 0.5}, {mixup: 0.2}]",),
    "RandAugment": (
        "augmentation=[{crop: tsn}, {flip: 0.5}, {rand_augment: 9}]",
    ),
    "EMA": ("optimizer.ema=0.99",),
    "balanced": ("data.sampling=balanced",),
}
LAST_EPOCHS = 20


def trained(data, out, seed, variant, validation):
    """The run of a variant, with its scores; trained unless it is there."""
    if not (out / "scores").exists():
        settings = (
            *ut_interaction.SCRATCH,
            *VARIANTS[variant],
            f"seed={seed}",
            f"validation.fraction={validation}",
            f"validation.seed={seed}",
            ut_interaction.CLIP[0],
        )
        subprocess.run(
            [
                *(*ut_interaction.VIDREC, "train", "scratch"),
                *(f"--data={data}", f"--out={out}"),
                *(f"--set={setting}" for setting in settings),
            ],
            check=True,
        )
        subprocess.run([*ut_interaction.VIDREC, "evaluate", out], check=True)
    return Run.open(out)


def hits(run):
    """How many test clips are recognized, and how many there are."""
    scores = Scores.load(score_naming.find(run.path)[0])
    right = scores.scores.argmax(axis=1) == np.asarray(scores.labels)
    return right.sum(), len(right)


def validated(run):
    """Accuracy and loss on the validation part, means over the last epochs."""
    rows = run.log[-LAST_EPOCHS:]
    return tuple(
        float(np.mean([row[name] for row in rows]))
        for name in ("val_accuracy", "val_loss")
    )


def on_ut(arguments, seeds, variants):
    videos, out = arguments.videos.resolve(), arguments.out
    for seed in seeds:
        for direction in arguments.directions.split(","):
            train, test = (
                ut_interaction.SETS[int(number) - 1] for number in direction
            )
            listed = out / f"{train}.csv"
            ut_interaction.write_list(videos, listed, train, test)
            data = out / f"{train}-prepared"
            ut_interaction.prepare(videos, listed, data)
            for variant in variants:
                path = out / f"{train}-ablation-{variant}-{seed}"
                run = trained(data, path, seed, variant, 0.2)
                accuracy, loss = validated(run)
                right, count = hits(run)
                yield (
                    f"{direction}  {variant:12} seed {seed}  validation "
                    f"{accuracy:6.1%}, loss {loss:.2f}  test "
                    f"{right / count:6.1%}"
                )


def halves(videos, out):
    """Two lists of clips, each of which trains what the other tests."""
    catalog = few_clips.read(videos)
    clips = [
        (name, catalog.classes[label], group)
        for name, label, group in zip(
            catalog.videos, catalog.labels, catalog.groups
        )
    ]
    sides, number = {}, {}
    for _, kind, group in clips:
        if group not in sides:
            sides[group] = number.get(kind, 0) % 2
            number[kind] = number.get(kind, 0) + 1
    for half in (0, 1):
        listed = out / f"half{half}.csv"
        with open(listed, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["path", "label", "group", "split"])
            for name, kind, group in clips:
                if number[kind] > 1:
                    part = "train" if sides[group] == half else "test"
                    writer.writerow([name, kind, group, part])
        yield half, listed


def on_few(arguments, seeds, variants):
    videos, out = arguments.videos.resolve(), arguments.out
    sets = {}
    for half, listed in halves(videos, out):
        sets[half] = out / f"half{half}-prepared"
        subprocess.run(
            [
                *(*ut_interaction.VIDREC, "prepare", "list"),
                *(f"--videos={videos}", f"--list={listed}"),
                *(f"--out={sets[half]}", f"--size={ut_interaction.SIZE}"),
                "--flow=none",
            ],
            check=True,
        )
    for seed in seeds:
        for variant in variants:
            right = count = 0
            for half, data in sets.items():
                path = out / f"half{half}-{variant}-{seed}"
                one = hits(trained(data, path, seed, variant, 0))
                right, count = right + one[0], count + one[1]
            yield f"{variant:12} seed {seed}  {right:2} of {count}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("which", choices=("ut", "few"))
    parser.add_argument("videos", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--directions", default="12,21")
    parser.add_argument("--variants", default="; ".join(VARIANTS))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    variants = [name.strip() for name in arguments.variants.split(";")]
    measured = on_ut if arguments.which == "ut" else on_few
    for line in measured(arguments, seeds, variants):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
