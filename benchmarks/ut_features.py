r"""Networks over features on UT-Interaction, from one set to the other.

    python benchmarks/ut_interaction.py VIDEOS OUT
    python benchmarks/ut_features.py OUT [--seeds 0,1,2] \
        [--directions 12,21] [--networks "TS-LSTM; ..."]

Goes on from the rgb and flow networks that the first command trained: `vidrec
features` keeps what those of a seed see in 25 frames of each video, and
TS-LSTM, Temporal-Inception and STFN are trained on that. Printed are the
accuracies, and those of the two networks fused by their scores ("late").
Repeating it goes on where it stopped.

The frames lie on a uniform grid. The one of TS-LSTM's authors has a whole
number of frames between two of them, which leaves out the end of short clips:
all that comes after frame 52 of 83.
"""

import argparse
import pathlib
import subprocess
import sys

import ut_interaction
import ut_two_streams

from keras_vidrec.evaluation.scores import score_naming
from keras_vidrec.evaluation.scores.score_file import Scores

FRAMES = 25
# Recipe and settings by name: 60 clips of 2 x 256 features want less of
# everything than 9,537 of 2 x 2,048, and more epochs.
NETWORKS = {
    "TS-LSTM": (
        "ts_lstm_ucf101",
        "network.arguments.units=[64]",
        "network.head_dropout=0.5",
    ),
    "Temporal-Inception": (
        "temporal_inception_ucf101",
        "network.arguments.fc_units=64",
        "network.arguments.reduction=[8]",
    ),
    "STFN": ("stfn_stage1_features_ucf101", "network.head_dropout=0.5"),
}
COMMON = (
    "optimizer.batch_size=15",
    "optimizer.learning_rate=1e-3",
    "schedule.epochs=60",
    "schedule.kind=cosine",
    "schedule.boundaries=[]",
    "schedule.early_stop=null",
    "validation.fraction=0",
)


def features(out, train, seed):
    """Arguments of `vidrec train` that name the features; they are made."""
    path = out / f"{train}-features-{seed}"
    runs = {
        stream: ut_two_streams.trained(out, train, stream, seed)
        for stream in ("rgb", "flow")
    }
    subprocess.run(
        [
            *ut_interaction.VIDREC,
            "features",
            *(f"--{stream}={run}" for stream, run in runs.items()),
            f"--data={out / f'{train}-prepared'}",
            f"--out={path}",
            f"--frames={FRAMES}",
            "--grid=uniform",
        ],
        check=True,
    )
    return [f"--data={path}"]


def run(data, out, network, seed):
    """Scores of one network, trained unless it is there already."""
    recipe, *settings = NETWORKS[network]
    if not (out / "scores").exists():
        settings = [*settings, *COMMON, f"seed={seed}"]
        subprocess.run(
            [
                *ut_interaction.VIDREC,
                "train",
                recipe,
                *data,
                f"--out={out}",
                *(f"--set={setting}" for setting in settings),
            ],
            check=True,
        )
        subprocess.run([*ut_interaction.VIDREC, "evaluate", out], check=True)
    return Scores.load(score_naming.find(out)[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--directions", default="12,21")
    parser.add_argument("--networks", default="; ".join(NETWORKS))
    arguments = parser.parse_args()
    out = arguments.out
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    networks = [name.strip() for name in arguments.networks.split(";")]
    rows = []
    for direction in arguments.directions.split(","):
        train = ut_interaction.SETS[int(direction[0]) - 1]
        for seed in seeds:
            late = ut_two_streams.late(out, train, seed)
            rows.append((direction, "late", seed, late))
            data = features(out, train, seed)
            for network in networks:
                path = out / f"{train}-{network}-{seed}"
                scores = run(data, path, network, seed)
                rows.append((direction, network, seed, scores))
    for direction, name, seed, scores in sorted(rows, key=lambda r: r[:3]):
        share = ut_interaction.accuracy(scores)
        sys.stdout.write(f"{direction}  {name:18} seed {seed}  {share:6.1%}\n")


if __name__ == "__main__":
    main()
