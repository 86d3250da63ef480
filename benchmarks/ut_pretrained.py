r"""UT-Interaction from ImageNet's weights, where nothing or little is trained.

    python benchmarks/ut_pretrained.py VIDEOS OUT [--seeds 0,1,2] \
        [--directions 12,21] [--networks "TS-LSTM; ..."]
    python benchmarks/ut_pretrained.py VIDEOS OUT --beside TRAINED

EfficientNet-Lite0 as ImageNet has it looks at frames and at flow of the whole
picture (squeezed into a square, because the clips were cut around people), and
a classifier is worked out from what it sees (`frozen_rgb`, `frozen_flow`). Over
its features of 25 frames a video, TS-LSTM, Temporal-Inception and STFN are
trained. Repeating it goes on where it stopped.

The second command fuses the scores of the frozen flow network, 1 : 1, with
those of each network that `ut_interaction.py`, `ut_two_streams.py` and
`ut_learn.py` have trained in TRAINED.
"""

import argparse
import pathlib
import subprocess
import sys

import ut_features
import ut_interaction
import ut_two_streams

from keras_vidrec.evaluation.scores import score_naming
from keras_vidrec.evaluation.scores.fusion import fuse
from keras_vidrec.evaluation.scores.score_file import Scores

# Pixels of motion of frames of 256 x 256 that 0 and 255 stand for: 99.9 % of
# them in the videos of either set are smaller.
BOUND = 10
DRAWS = 6
COMMON = (
    "clip.frame.size=256x256",
    "clip.size=128",
    "initialization.classifier=ridge",
    f"initialization.draws={DRAWS}",
    "test.num_segments=25",
)
WEIGHTS = {"rgb + flow": (1, 1), "rgb + 1.5 flow": (1, 1.5)}


def vidrec(*arguments):
    subprocess.run([*ut_interaction.VIDREC, *map(str, arguments)], check=True)


def prepared(videos, out, train, test):
    """The dataset of a direction."""
    listed = out / f"{train}.csv"
    ut_interaction.write_list(videos, listed, train, test)
    directory = out / f"{train}-square"
    vidrec(
        *("prepare", "list", f"--videos={videos}", f"--list={listed}"),
        *(f"--out={directory}", "--flow=dis", "--size=256x256"),
        f"--bound={BOUND}",
    )
    return directory


def frozen(data, out, train, stream):
    """The run of a frozen network with the classifier of the training set."""
    path = out / f"{train}-frozen-{stream}"
    if not (path / "scores").exists():
        settings = [f"--set={setting}" for setting in COMMON]
        if stream == "flow":
            settings.append(f"--set=clip.flow.bound={BOUND}")
        vidrec(
            "train", f"frozen_{stream}", f"--data={data}", f"--out={path}",
            *settings,
        )  # fmt: skip
        vidrec("evaluate", path)
    return path


def features(data, out, train, runs):
    path = out / f"{train}-frozen-features"
    vidrec(
        "features",
        *(f"--{stream}={run}" for stream, run in runs.items()),
        *(f"--data={data}", f"--out={path}", f"--draws={DRAWS}"),
        *(f"--frames={ut_features.FRAMES}", "--grid=uniform"),
    )
    return [f"--data={path}"]


def direction(videos, out, train, test, seeds, networks):
    """Yields `(network, seed, scores)` of one direction."""
    data = prepared(videos, out, train, test)
    runs = {s: frozen(data, out, train, s) for s in ("rgb", "flow")}
    scores = {
        stream: Scores.load(score_naming.find(run)[0])
        for stream, run in runs.items()
    }
    for stream, one in scores.items():
        yield stream, "-", one
    for name, weights in WEIGHTS.items():
        yield name, "-", fuse([scores["rgb"], scores["flow"]], weights)
    data = features(data, out, train, runs)
    for network_name in networks:
        for seed in seeds:
            path = out / f"{train}-frozen-{network_name}-{seed}"
            yield (
                network_name,
                seed,
                ut_features.run(data, path, network_name, seed),
            )


def beside(out, trained, train, seeds):
    """Yields `(network, seed, scores)` of the frozen flow network with each
    trained one."""
    frozen_flow = score_naming.find(out / f"{train}-frozen-flow")[0]
    for name in ("flow", "finetune_flow", *ut_two_streams.NETWORKS):
        for seed in seeds:
            run = trained / f"{train}-{name.replace(', ', '-')}-{seed}"
            if not run.exists():
                continue
            pair = (frozen_flow, score_naming.find(run)[0])
            yield name, seed, fuse([Scores.load(file) for file in pair])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--directions", default="12,21")
    parser.add_argument("--networks", default="; ".join(ut_features.NETWORKS))
    parser.add_argument("--beside", type=pathlib.Path, metavar="TRAINED")
    arguments = parser.parse_args()
    videos, out = arguments.videos.resolve(), arguments.out
    out.mkdir(parents=True, exist_ok=True)
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    networks = [n.strip() for n in arguments.networks.split(";") if n.strip()]
    for pair in arguments.directions.split(","):
        train, test = (ut_interaction.SETS[int(number) - 1] for number in pair)
        if arguments.beside:
            found = beside(out, arguments.beside, train, seeds)
        else:
            found = direction(videos, out, train, test, seeds, networks)
        for name, seed, one in found:
            share = ut_interaction.accuracy(one)
            sys.stdout.write(f"{pair}  {name:18} seed {seed}  {share:6.1%}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
