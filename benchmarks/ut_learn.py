r"""`vidrec learn` and `finetune_flow` on UT-Interaction, from one set to the
other.

    python benchmarks/ut_learn.py VIDEOS OUT [--seeds 0,1,2] \
        [--directions 12,21] [--procedures learn,finetune_flow]

VIDEOS is the directory with `segmented_set1` and `segmented_set2` of the
UT-Interaction dataset. `learn` holds the other set out and chooses among its
networks by validation groups of the training set; `finetune_flow` trains
EfficientNet-Lite0 on flow, as the recipe is, on the whole training set. Printed
are the accuracies, and what `learn` chose. Repeating it goes on where it
stopped.
"""

import argparse
import json
import pathlib
import subprocess
import sys

import ut_interaction

from keras_vidrec.evaluation.scores import score_naming
from keras_vidrec.evaluation.scores.score_file import Scores

PROCEDURES = ("learn", "finetune_flow")


def vidrec(*arguments):
    command = [*ut_interaction.VIDREC, *map(str, arguments)]
    subprocess.run(command, check=True)


def learn(videos, listed, out, seed):
    """The run that `vidrec learn` makes of the videos themselves."""
    vidrec(
        "learn",
        videos,
        f"--list={listed}",
        "--layout=list",
        f"--out={out}",
        "--export=none",
        f"--seed={seed}",
    )


def finetune_flow(data, out, seed):
    """The run of the recipe, on frames and flow that are prepared for it."""
    if not (out / "scores").exists():
        vidrec(
            "train",
            "finetune_flow",
            f"--data={data}",
            f"--out={out}",
            f"--set=seed={seed}",
        )
        vidrec("evaluate", out)


def chosen(out):
    """What `learn` chose, in its order."""
    choices = json.loads((out / "choices.json").read_text())
    return ", ".join(choice["chosen"] for choice in choices if choice["chosen"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("videos", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--directions", default="12,21")
    parser.add_argument("--procedures", default=",".join(PROCEDURES))
    arguments = parser.parse_args()
    videos, out = arguments.videos.resolve(), arguments.out
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for direction in arguments.directions.split(","):
        train, test = (
            ut_interaction.SETS[int(number) - 1] for number in direction
        )
        listed = out / f"{train}.csv"
        ut_interaction.write_list(videos, listed, train, test)
        for procedure in arguments.procedures.split(","):
            for seed in map(int, arguments.seeds.split(",")):
                path, note = out / f"{train}-{procedure}-{seed}", ""
                if procedure == "learn":
                    learn(videos, listed, path, seed)
                    note = chosen(path)
                else:
                    data = out / f"{train}-prepared"
                    ut_interaction.prepare(videos, listed, data)
                    finetune_flow(data, path, seed)
                scores = Scores.load(score_naming.find(path)[0])
                share = ut_interaction.accuracy(scores)
                rows.append((direction, procedure, seed, share, note))
    for direction, procedure, seed, share, note in rows:
        sys.stdout.write(
            f"{direction}  {procedure:14} seed {seed}  {share:6.1%}  {note}\n"
        )


if __name__ == "__main__":
    main()
