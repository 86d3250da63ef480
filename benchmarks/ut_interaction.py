r"""TSN on UT-Interaction, real videos: train on one set, test on the other.

    python benchmarks/ut_interaction.py VIDEOS OUT [--seeds 0,1,2] \
        [--modalities rgb,rgb_diff] [--directions 12,21]

VIDEOS is the directory with `segmented_set1` and `segmented_set2` of the
UT-Interaction dataset. For each direction, modality and seed it runs `vidrec
train` and `vidrec evaluate` in processes of their own, as a user would, and
prints the accuracies beside baselines that see nothing but the width, the
height and the length of the videos. Repeating it goes on where it stopped.
"""

import argparse
import csv
import pathlib
import subprocess
import sys

import numpy as np

from keras_vidrec.data import video
from keras_vidrec.evaluation.metrics import top_k_accuracy
from keras_vidrec.evaluation.score_file import Scores

CLASSES = (
    "handshaking",
    "hugging",
    "kicking",
    "pointing",
    "punching",
    "pushing",
)
SETS = ("segmented_set1", "segmented_set2")


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


def run(videos, listed, out, modality, seed):
    """Top-1 accuracy of one run, trained unless it is there already."""
    if not (out / "scores").exists():
        vidrec = [sys.executable, "-m", "keras_vidrec"]
        subprocess.run(
            [
                *vidrec,
                "train",
                "scratch",
                f"--data={videos}",
                f"--list={listed}",
                f"--out={out}",
                f"--set=seed={seed}",
                f"--set=network.arguments.modality={modality}",
            ],
            check=True,
        )
        subprocess.run([*vidrec, "evaluate", out], check=True)
    scores = Scores.load(out / "scores" / "test-split1.npz")
    return top_k_accuracy(scores.scores, scores.labels)


def geometry(videos, train, test):
    """Accuracies of two classifiers that see the width, the height and the
    length of the videos: ridge regression, and the nearest training clip by
    their logarithms. Crops differ in size from class to class, so these are
    what a network must beat to have recognised anything."""

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
    parser.add_argument("--modalities", default="rgb,rgb_diff")
    parser.add_argument("--directions", default="12,21")
    arguments = parser.parse_args()
    videos, out = arguments.videos.resolve(), arguments.out
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for direction in arguments.directions.split(","):
        train, test = (SETS[int(number) - 1] for number in direction)
        listed = out / f"{train}.csv"
        write_list(videos, listed, train, test)
        for name, accuracy in geometry(videos, train, test).items():
            rows.append((direction, name, "-", accuracy))
        for modality in arguments.modalities.split(","):
            for seed in map(int, arguments.seeds.split(",")):
                accuracy = run(
                    videos,
                    listed,
                    out / f"{train}-{modality}-{seed}",
                    modality,
                    seed,
                )
                rows.append((direction, modality, seed, accuracy))
    for direction, name, seed, accuracy in rows:
        print(f"{direction}  {name:18} seed {seed}  {accuracy:6.1%}")


if __name__ == "__main__":
    main()
