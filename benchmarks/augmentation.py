"""Times the training input by the steps of its augmentation.

    python benchmarks/augmentation.py CLIPS [--other CHECKOUT] [--rounds 40]

CLIPS is a folder of video files. The first 8 are prepared as 340x256 frames and
DIS flow; rgb is also read from the files themselves. TSN's clips (3 frames, or
3 stacks of 5 flow images, 224x224) are read one after the other on one thread,
as each thread of the input pipeline does; steps for batches mix 8 clips. The
lists of steps take turns of 8 clips each.
The output is the smallest thread time of each list divided by that of `[crop,
flip]`, with which recipes begin. With CHECKOUT, another tree of this package,
`[crop, flip]` is also timed there, in processes that take turns, and the ratio
of this tree to the other one is printed.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

HERE = pathlib.Path(__file__).resolve().parents[1]
SUFFIXES = {".avi", ".mp4", ".mkv", ".mpg", ".webm"}
VIDEOS = 8
BATCH = 8
# Number of turns of the processes of two trees.
TURNS = 4
PLAIN = ["crop", "flip"]
# All clips are changed by each step.
STEPS = [
    {"color_jitter": 0.4},
    {"rand_augment": 9},
    {"random_erasing": 1.0},
    {"time_reverse": 1.0},
    {"mixup": 0.2},
    {"cutmix": 1.0},
]
STREAMS = {
    "rgb": {"modalities": ("rgb",)},
    "flow": {"modalities": ("flow",), "snippet_length": 5},
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("clips", type=pathlib.Path)
    parser.add_argument("--other", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--plain", choices=STREAMS, help=argparse.SUPPRESS)
    return parser.parse_args()


def prepared(clips, directory):
    from keras_vidrec.data import opening
    from keras_vidrec.data.preparing import prepare
    from keras_vidrec.data.preparing.video import Preparation

    files = [
        path for path in sorted(clips.iterdir()) if path.suffix in SUFFIXES
    ]
    folder = directory / "videos"
    for number, path in enumerate(sorted(files)[:VIDEOS]):
        target = folder / ("even", "odd")[number % 2] / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path.resolve())
    catalog = opening.open_dataset(folder, images_only=True).catalog
    made = Preparation(flow="dis", size="340x256")
    prepare.prepare(catalog, directory / "prepared", made, progress=False)
    return directory / "prepared"


def opened(dataset, stream):
    """Returns the source and the `ClipSpec` of the clips."""
    from keras_vidrec.data.sources.records import Records
    from keras_vidrec.specs import ClipSpec
    from keras_vidrec.specs import FrameSpec

    spec = ClipSpec(size=224, frame=FrameSpec("340x256"), **STREAMS[stream])
    if dataset.name == "prepared":
        return Records(dataset), spec
    from keras_vidrec.data import opening
    from keras_vidrec.data.sources.video_files import VideoFiles

    catalog = opening.open_dataset(dataset, images_only=True).catalog
    return VideoFiles(catalog).seen_as(spec.frame), spec


def seconds(source, spec, augmentation):
    """Returns the thread time of reading a batch of clips, with the same random
    values each time."""
    from keras_vidrec.data.clips import reader

    begin = time.thread_time()
    clips = [
        reader.read_training_clip(
            source,
            number % len(source.videos),
            spec,
            augmentation,
            np.random.default_rng(number),
        )
        for number in range(BATCH)
    ]
    if getattr(augmentation, "of_batches", ()):
        batch = [np.stack(parts) for parts in zip(*map(dict.values, clips))]
        rngs = map(np.random.default_rng, range(BATCH // 2))
        augmentation.mix(batch, np.eye(BATCH, dtype=np.float32), rngs)
    return time.thread_time() - begin


def compare_steps(dataset, stream, options, title):
    from keras_vidrec.data.augmentation import Augmentation

    lists = [PLAIN, *(PLAIN + [step] for step in STEPS)]
    lists = list(map(Augmentation.from_list, lists))
    least = [float("inf")] * len(lists)
    source, spec = opened(dataset, stream)
    for _ in range(options.rounds):
        for number, augmentation in enumerate(lists):
            spent = seconds(source, spec, augmentation)
            least[number] = min(least[number], spent)
    print(
        f"{title}: [crop, flip] takes {1000 * least[0] / BATCH:.2f} ms a clip"
    )
    for step, spent in zip(STEPS, least[1:]):
        print(f"  and {step}: {spent / least[0]:.2f}")


def plain(dataset, stream, rounds):
    """Returns the smallest time of `[crop, flip]`, also for older trees without
    lists of steps."""
    source, spec = opened(dataset, stream)
    try:
        from keras_vidrec.data.augmentation import Augmentation
    except ImportError:
        from keras_vidrec.data import Augmentation
    return min(seconds(source, spec, Augmentation()) for _ in range(rounds))


def compare_trees(dataset, stream, options):
    least = {HERE: float("inf"), options.other.resolve(): float("inf")}
    command = [sys.executable, __file__, str(dataset), "--plain", stream]
    command += ["--rounds", str(options.rounds)]
    for _ in range(TURNS):
        for tree in least:
            environment = {**os.environ, "PYTHONPATH": str(tree)}
            said = subprocess.run(
                command, env=environment, stdout=subprocess.PIPE, check=True
            )
            spent = float(said.stdout.split()[-1])
            least[tree] = min(least[tree], spent)
    here, there = least.values()
    print(f"{stream}: here over there {here / there:.3f}")


def main():
    options = arguments()
    if options.plain:
        print(plain(options.clips, options.plain, options.rounds))
        return
    with tempfile.TemporaryDirectory() as directory:
        dataset = prepared(options.clips, pathlib.Path(directory))
        for stream in STREAMS:
            title = f"{stream}, prepared"
            compare_steps(dataset, stream, options, title)
            if options.other:
                compare_trees(dataset, stream, options)
        videos = dataset.parent / "videos"
        compare_steps(videos, "rgb", options, "rgb, video files")


if __name__ == "__main__":
    main()
