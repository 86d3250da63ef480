r"""Networks from ImageNet's weights on UT-Interaction by the protocol of the
dataset: in each set, one group after the other is left out.

    python benchmarks/ut_left_out.py VIDEOS OUT [--sets 1,2] [--seed 0]

VIDEOS is the directory with `segmented_set1` and `segmented_set2` of the
UT-Interaction dataset. `finetune_flow` is trained, as the recipe is, on the
other groups of each group (10 trainings for each set). The classifiers of
`frozen_rgb` and `frozen_flow` are computed for each group from the features
that `ut_pretrained.py` takes; what the networks see does not depend on the
group. Printed are the clips that the networks of the other groups recognize.
Repeating the command goes on where it stopped.
"""

import argparse
import pathlib
import sys

import numpy as np
import ut_interaction
import ut_pretrained
from ut_pretrained import vidrec

from keras_vidrec.data import opening
from keras_vidrec.evaluation.scores import score_naming
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.training import classifiers
from keras_vidrec.training import network
from keras_vidrec.training.run import Run

STREAMS = ("rgb", "flow")
# The weight of each network in what is printed.
PRINTED = {
    "frozen rgb": {"rgb": 1},
    "frozen flow": {"flow": 1},
    "frozen rgb + 1.5 flow": {"rgb": 1, "flow": 1.5},
    "finetune_flow": {"finetune_flow": 1},
    "finetune_flow + frozen flow": {"finetune_flow": 1, "flow": 1},
}


def clips_of(videos, name):
    """Clips of a set as `(file, class, group)`, in the order of their files."""
    clips = ut_interaction.clips_of(videos, name)
    return [(path, kind, group.split("-")[1]) for path, kind, group in clips]


def fold_dataset(videos, out, name):
    """Directory of the set in the form of UCF101, whose split K tests the K-th
    group, and the name of each clip in it."""
    directory = out / f"{name}-folds"
    clips = clips_of(videos, name)
    groups = list(dict.fromkeys(group for *_, group in clips))
    names = []
    for path, kind, group in clips:
        index = pathlib.Path(path).stem.split("_")[0]
        names.append(f"{kind}/v_{kind}_g{group:0>2}_c{index:0>2}.avi")
        link = directory / names[-1]
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            link.symlink_to(videos / path)
    classes = ut_interaction.CLASSES
    write_lines(
        directory / "classInd.txt",
        [f"{1 + number} {kind}" for number, kind in enumerate(classes)],
    )
    for number, group in enumerate(groups, start=1):
        parts = {"test": [], "train": []}
        for clip, (_, kind, its_group) in zip(names, clips):
            if its_group == group:
                parts["test"].append(clip)
            else:
                parts["train"].append(f"{clip} {1 + classes.index(kind)}")
        for part, lines in parts.items():
            write_lines(directory / f"{part}list{number:02}.txt", lines)
    return directory, names, len(groups)


def write_lines(path, lines):
    path.write_text("".join(f"{line}\n" for line in lines))


def trained(videos, out, name, seed):
    """Logits of each clip of the set, by `finetune_flow` of other groups."""
    directory, names, count = fold_dataset(videos, out, name)
    data = out / f"{name}-folds-prepared"
    vidrec(
        *("prepare", "ucf101", f"--videos={directory}", f"--out={data}"),
        *(f"--splits={directory}", f"--size={ut_interaction.SIZE}"),
        *("--flow=dis", f"--bound={ut_interaction.BOUND}"),
    )
    logits = {}
    for fold in range(1, 1 + count):
        run = out / f"{name}-finetune_flow-fold{fold}-{seed}"
        if not (run / "scores").exists():
            vidrec(
                *("train", "finetune_flow", f"--data={data}", f"--out={run}"),
                *(f"--split={fold}", f"--set=seed={seed}"),
            )
            vidrec("evaluate", run)
        scores = Scores.load(score_naming.find(run)[0])
        logits.update(zip(scores.videos, scores.scores))
    return np.array([logits[clip] for clip in names])


def seen(data, run, indices):
    """What a frozen network sees in videos: of each, its test and `DRAWS`
    random versions. Returns an array `(videos, 1 + DRAWS, features)`."""
    recipe = Run.open(run).recipe
    source = opening.open_dataset(data, images_only=True).source
    model = network.build(recipe, source.classes)
    whole, kept = classifiers.features(model, source, indices, recipe.test)
    drawn, _ = classifiers.drawn_features(
        model,
        source,
        kept,
        recipe.test,
        recipe.augmentation,
        ut_pretrained.DRAWS,
        recipe.seed,
    )
    drawn = drawn.reshape(len(whole), ut_pretrained.DRAWS, -1)
    return np.concatenate([whole[:, None], drawn], axis=1)


def frozen(videos, out, name):
    """Logits of each clip of the set by stream, by the classifiers of other
    groups."""
    others = [other for other in ut_interaction.SETS if other != name]
    data = ut_pretrained.prepared(videos, out, name, *others)
    source = opening.open_dataset(data, images_only=True).source
    clips = clips_of(videos, name)
    indices = [source.videos.index(path) for path, *_ in clips]
    labels = np.array(
        [ut_interaction.CLASSES.index(kind) for _, kind, _ in clips]
    )
    groups = np.array([group for *_, group in clips])
    logits = {}
    for stream in STREAMS:
        run = ut_pretrained.frozen(data, out, name, stream)
        found = seen(data, run, indices)
        logits[stream] = np.zeros((len(clips), len(ut_interaction.CLASSES)))
        for group in np.unique(groups):
            out_of = groups == group
            rest = found[~out_of]
            kernel, bias = classifiers.solve(
                "ridge",
                rest.reshape(-1, rest.shape[-1]),
                np.repeat(labels[~out_of], found.shape[1]),
                np.repeat(groups[~out_of], found.shape[1]),
                len(ut_interaction.CLASSES),
            )
            logits[stream][out_of] = found[out_of, 0] @ kernel + bias
    return logits, labels


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("videos", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--sets", default="1,2")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    videos, out = arguments.videos.resolve(), arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    for number in map(int, arguments.sets.split(",")):
        name = ut_interaction.SETS[number - 1]
        logits, labels = frozen(videos, out, name)
        logits["finetune_flow"] = trained(videos, out, name, arguments.seed)
        for printed, weights in PRINTED.items():
            total = sum(weights[one] * logits[one] for one in weights)
            right = (total.argmax(axis=1) == labels).sum()
            sys.stdout.write(f"{name}  {printed:28} {right} of {len(labels)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
