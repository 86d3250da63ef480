r"""Networks that join two streams on UT-Interaction, from one set to the other.

    python benchmarks/ut_interaction.py VIDEOS OUT
    python benchmarks/ut_two_streams.py OUT [--seeds 0,1,2] \
        [--directions 12,21] [--networks "sum; conv; ..."]

Goes on from the rgb and flow networks that the first command trained: each
network starts from those of its seed, as in the papers, and is trained for a
few epochs more. Two-stream fusion trains what comes after the towers. Printed
are the accuracies, and those of the two streams fused by their scores
("late"). Repeating it goes on where it stopped.
"""

import argparse
import pathlib
import subprocess
import sys

import ut_interaction

from keras_vidrec.evaluation.scores import score_naming
from keras_vidrec.evaluation.scores.fusion import fuse
from keras_vidrec.evaluation.scores.score_file import Scores

# Recipe and settings by name.
FUSION = ("two_stream_fusion_scratch", "initialization.frozen=[rgb, flow]")
MULTIPLIER = ("st_multiplier_scratch",)
ADD = "network.arguments.interaction=add"
NO_FILTERS = "network.arguments.temporal_filters=null"
NETWORKS = {
    "sum": (*FUSION, "network.arguments.fusion=sum"),
    "conv": (*FUSION, "network.arguments.fusion=conv"),
    "conv3d": FUSION,
    "add": (*MULTIPLIER, ADD, NO_FILTERS),
    "add, filters": (*MULTIPLIER, ADD),
    "multiply": (*MULTIPLIER, NO_FILTERS),
    "multiply, filters": MULTIPLIER,
}
# The trained flow networks see 5 images; the clips last two or three seconds.
COMMON = (
    "network.arguments.snippet_length=5",
    "schedule.epochs=12",
    "optimizer.learning_rate=3e-4",
    "validation.fraction=0",
    "test.num_clips=1",
    "test.num_segments=25",
)


def trained(out, train, stream, seed):
    return out / f"{train}-{stream}-{seed}"


def run(out, train, network, seed):
    """Scores of one network, trained unless it is there already."""
    recipe, *settings = NETWORKS[network]
    path = out / f"{train}-{network.replace(', ', '-')}-{seed}"
    if not (path / "scores").exists():
        starts = ", ".join(
            f"{stream}: {trained(out, train, stream, seed).resolve()}"
            for stream in ("rgb", "flow")
        )
        settings = [
            *settings,
            *COMMON,
            *ut_interaction.CLIP,
            f"seed={seed}",
            f"initialization.weights={{{starts}}}",
        ]
        subprocess.run(
            [
                *ut_interaction.VIDREC,
                "train",
                recipe,
                f"--data={out / f'{train}-prepared'}",
                f"--out={path}",
                *(f"--set={setting}" for setting in settings),
            ],
            check=True,
        )
        subprocess.run([*ut_interaction.VIDREC, "evaluate", path], check=True)
    return Scores.load(score_naming.find(path)[0])


def late(out, train, seed):
    """Scores of the two streams, fused."""
    files = [
        score_naming.find(trained(out, train, stream, seed))[0]
        for stream in ("rgb", "flow")
    ]
    return fuse([Scores.load(file) for file in files])


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
            rows.append((direction, "late", seed, late(out, train, seed)))
            for network in networks:
                scores = run(out, train, network, seed)
                rows.append((direction, network, seed, scores))
    for direction, name, seed, scores in sorted(rows, key=lambda r: r[:3]):
        share = ut_interaction.accuracy(scores)
        sys.stdout.write(f"{direction}  {name:18} seed {seed}  {share:6.1%}\n")


if __name__ == "__main__":
    main()
