r"""TSN on UT-Interaction, real videos: train on one set, test on the other.

    python benchmarks/ut_interaction.py VIDEOS OUT [--seeds 0,1,2] \
        [--modalities rgb,flow] [--directions 12,21]

VIDEOS is the directory with `segmented_set1` and `segmented_set2` of the
UT-Interaction dataset. For each direction, modality and seed it runs `vidrec
train` and `vidrec evaluate` in processes of their own, as a user would, after
`vidrec prepare` (flow by DIS), and prints the accuracies, those of rgb and flow
fused, and baselines that see nothing but the width, the height and the length
of the videos. Repeating it goes on where it stopped.
"""

import argparse
import csv
import pathlib
import subprocess
import sys

import numpy as np

from keras_vidrec.evaluation.scores import score_naming
from keras_vidrec.evaluation.scores.fusion import fuse
from keras_vidrec.evaluation.scores.metrics import top_k_accuracy
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.videos import video

CLASSES = (
    "handshaking",
    "hugging",
    "kicking",
    "pointing",
    "punching",
    "pushing",
)
SETS = ("segmented_set1", "segmented_set2")
VIDREC = (sys.executable, "-m", "keras_vidrec")
# Frames a little larger than the crops of 112, and the pixels of motion in them
# that 0 and 255 stand for: 99.9 % of those of either set are smaller.
SIZE = "short128"
BOUND = 5
CLIP = (f"clip.frame.size={SIZE}", f"clip.flow.bound={BOUND}")
# What `scratch` was before `ablation.py`, so that tables stay comparable.
SCRATCH = (
    "schedule.warmup=null",
    "loss.label_smoothing=0",
    "augmentation=[{crop: tsn}, {flip: 0.5}]",
    "optimizer.ema=null",
    "data.sampling=natural",
)


def clips_of(videos, name):
    """Yields (path below `videos`, class, group) of one set; a file is named
    index_group_class."""
    for path in sorted((videos / name).glob("*.avi")):
        _, group, label = path.stem.split("_")
        yield f"{name}/{path.name}", CLASSES[int(label)], f"{name}-{group}"


def write_list(videos, path, train, test):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "group", "split"])
        for name, part in ((train, "train"), (test, "test")):
            for clip in clips_of(videos, name):
                writer.writerow([*clip, part])


def prepare(videos, listed, prepared):
    subprocess.run(
        [
            *VIDREC,
            "prepare",
            "list",
            f"--videos={videos}",
            f"--list={listed}",
            f"--out={prepared}",
            "--flow=dis",
            f"--size={SIZE}",
            f"--bound={BOUND}",
        ],
        check=True,
    )


def run(data, out, modality, seed):
    """Scores of one run, trained unless it is there already."""
    if not (out / "scores").exists():
        subprocess.run(
            [
                *VIDREC,
                "train",
                "scratch",
                f"--data={data}",
                f"--out={out}",
                f"--set=seed={seed}",
                f"--set=network.arguments.modality={modality}",
                "--set=validation.fraction=0",
                *(f"--set={setting}" for setting in (*SCRATCH, CLIP[0])),
                *([f"--set={CLIP[1]}"] if modality == "flow" else []),
            ],
            check=True,
        )
        subprocess.run([*VIDREC, "evaluate", out], check=True)
    return Scores.load(score_naming.find(out)[0])


def accuracy(scores):
    return top_k_accuracy(scores.scores, scores.labels)


def geometry(videos, train, test):
    """Accuracies of two classifiers that see the width, the height and the
    length of the videos: ridge regression, and the nearest training clip by
    their logarithms. Crops differ in size from class to class, so these are
    what a network must beat to have recognized anything."""

    def features(name):
        clips = list(clips_of(videos, name))
        infos = [video.probe(videos / path) for path, *_ in clips]
        sizes = [(i.width, i.height, i.num_frames) for i in infos]
        labels = [CLASSES.index(label) for _, label, _ in clips]
        return np.array(sizes, float), np.array(labels)

    def standardized(seen, new):
        mean, std = seen.mean(axis=0), seen.std(axis=0)
        return (seen - mean) / std, (new - mean) / std

    (seen, labels), (new, truth) = features(train), features(test)
    x, z = standardized(seen, new)
    x, z = (np.pad(a, ((0, 0), (0, 1)), constant_values=1) for a in (x, z))
    weights = np.linalg.solve(
        x.T @ x + 0.1 * np.eye(4), x.T @ np.eye(len(CLASSES))[labels]
    )
    ridge = np.mean((z @ weights).argmax(axis=1) == truth)
    x, z = standardized(np.log(seen), np.log(new))
    distances = np.linalg.norm(z[:, None] - x, axis=-1)
    nearest = np.mean(labels[distances.argmin(axis=1)] == truth)
    return {"geometry, ridge": ridge, "geometry, nearest": nearest}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--modalities", default="rgb,flow")
    parser.add_argument("--directions", default="12,21")
    arguments = parser.parse_args()
    videos, out = arguments.videos.resolve(), arguments.out
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for direction in arguments.directions.split(","):
        train, test = (SETS[int(number) - 1] for number in direction)
        listed = out / f"{train}.csv"
        write_list(videos, listed, train, test)
        for name, share in geometry(videos, train, test).items():
            rows.append((direction, name, "-", share))
        data = out / f"{train}-prepared"
        prepare(videos, listed, data)
        scores = {}
        seeds = [int(seed) for seed in arguments.seeds.split(",")]
        for modality in arguments.modalities.split(","):
            for seed in seeds:
                name = f"{train}-{modality}-{seed}"
                scores[modality, seed] = run(data, out / name, modality, seed)
        for (modality, seed), one in scores.items():
            rows.append((direction, modality, seed, accuracy(one)))
        for seed in seeds:
            pair = [scores.get((m, seed)) for m in ("rgb", "flow")]
            if all(pair):
                share = accuracy(fuse(pair))
                rows.append((direction, "rgb + flow", seed, share))
    for direction, name, seed, share in rows:
        print(f"{direction}  {name:18} seed {seed}  {share:6.1%}")


if __name__ == "__main__":
    main()
