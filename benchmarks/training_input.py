"""Times the training input of TSN: from raw videos to batches.

A batch is 8 clips of 3 frames, 224x224: the videos are opened, and 3 frames of
each are decoded, resized, cropped and mirrored. One side is the input pipeline
of this package, `data.pipeline.make`, with the frames of `applications.TSN`.
The other side is mmaction2: the training pipeline of its own configuration of
TSN ResNet-50 (decord) in a `DataLoader` with two worker processes.

    python benchmarks/training_input.py CLIPS... [--mmaction2 TREE --python PY]

CLIPS are folders of video files, each of which is measured separately. TREE is
a checkout of mmaction2 and PY the Python of an environment with torch, mmcv or
mmcv-lite, mmengine and decord; without them only this package is measured. The
sides run in processes of their own that take turns: while one is timed, the
other is idle with full buffers. Each turn starts with empty buffers. The output
is the median and the range of the ratios of this package to mmaction2 (below 1,
this package is faster), of wall-clock time and of processor time, including
child processes. On a busy machine, use the processor time.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

SUFFIXES = {".avi", ".mp4", ".mkv", ".mpg", ".webm", ".mov"}
HERE = pathlib.Path(__file__).resolve().parents[1]
CONFIG = (
    "configs/recognition/tsn/"
    "tsn_imagenet-pretrained-r50_8xb32-1x1x3-100e_kinetics400-rgb.py"
)
BATCH = 8
SEGMENTS = 3
SIZE = 224
# Largest number of batches in the buffers of both sides, and in preparation.
BUFFERED = 6
# Smallest number of clips in an epoch. Fewer files are repeated.
EPOCH = 64


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("clips", nargs="+", type=pathlib.Path)
    parser.add_argument("--mmaction2", type=pathlib.Path)
    parser.add_argument("--python", type=pathlib.Path)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--batches", type=int, default=20, help="in a turn")
    parser.add_argument("--serve", choices=["here", "mmaction2"])
    options = parser.parse_args()
    if (options.mmaction2 is None) != (options.python is None):
        parser.error("Expected both of --mmaction2 and --python, or neither")
    return options


def batches_here(folder):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from keras_vidrec.applications import tsn
    from keras_vidrec.data import pipeline
    from keras_vidrec.data.catalogs import catalog
    from keras_vidrec.data.sources.video_files import VideoFiles
    from keras_vidrec.specs import ClipSpec

    source = VideoFiles(catalog.from_list(folder / "here.csv", folder))
    # As in every epoch but the first: frames were counted before.
    for index in range(len(source.videos)):
        source.health(index)
    repeats = -(-EPOCH // len(source.videos))
    dataset = pipeline.make(
        source,
        ClipSpec(num_segments=SEGMENTS, size=SIZE, frame=tsn._FRAME),
        list(range(len(source.videos))) * repeats,
        training=True,
        batch_size=BATCH,
    )
    for images, _ in dataset:
        assert images.shape == (BATCH, SEGMENTS, SIZE, SIZE, 3)
        yield


def batches_mmaction2(folder):
    import cv2
    from mmaction import datasets  # noqa: F401 (registers its parts)
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmengine.runner import Runner

    init_default_scope("mmaction")
    cv2.setNumThreads(0)  # its default_runtime.py
    config = Config.fromfile(pathlib.Path(os.environ["MMACTION2"]) / CONFIG)
    dataset = {
        "type": "VideoDataset",
        "ann_file": str(folder / "mmaction2.txt"),
        "data_prefix": {"video": str(folder)},
        "pipeline": config.train_pipeline,
    }
    loader = Runner.build_dataloader(
        {
            "batch_size": BATCH,
            "num_workers": 2,
            "persistent_workers": True,
            "drop_last": True,
            "sampler": {"type": "DefaultSampler", "shuffle": True},
            "dataset": dataset,
        }
    )
    while True:
        for batch in loader:
            assert len(batch["inputs"]) == BATCH
            assert batch["inputs"][0].shape == (SEGMENTS, 3, SIZE, SIZE)
            yield


def processors_time(pid=None):
    """Returns the processor seconds of a process and its live children."""
    pid = os.getpid() if pid is None else pid
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        tasks = list(pathlib.Path(f"/proc/{pid}/task").iterdir())
        children = [(task / "children").read_text() for task in tasks]
    except FileNotFoundError:  # it has just ended
        return 0.0
    ticks = stat.rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK") + sum(
        processors_time(child) for child in " ".join(children).split()
    )


def rest():
    """Waits until the buffers are full and the process is idle."""
    while True:
        before = processors_time()
        time.sleep(0.5)
        if processors_time() - before < 0.05:
            return


def serve(batches):
    """Answers each line of input, a number of batches, with their two times."""
    next(batches)
    rest()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        for _ in range(BUFFERED):
            next(batches)
        begin = time.perf_counter(), processors_time()
        for _ in range(int(line)):
            next(batches)
        end = time.perf_counter(), processors_time()
        rest()
        print(json.dumps([b - a for a, b in zip(begin, end)]), flush=True)


def start(side, folder, options):
    python, root = sys.executable, HERE
    if side == "mmaction2":
        python, root = options.python, options.mmaction2
    environment = {**os.environ, "PYTHONPATH": str(root)}
    if side == "mmaction2":
        environment["MMACTION2"] = str(root)
    return subprocess.Popen(
        [str(python), __file__, "--serve", side, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


def answer(process):
    """Returns the answer of a side, ignoring other lines of its libraries."""
    for line in process.stdout:
        if line.startswith(("[", '"ready"')):
            return json.loads(line)
    raise SystemExit("A side has ended. See above why.")


def lists_of(clips, folder):
    """Makes links to the clips of a folder, and the lists of both sides."""
    paths = sorted(path for path in clips.iterdir() if path.suffix in SUFFIXES)
    rows = ["path,label,split"]
    lines = []
    for i, path in enumerate(paths):
        name = f"{i:04d}{path.suffix}"
        (folder / name).symlink_to(path.resolve())
        rows.append(f"{name},{'even' if i % 2 == 0 else 'odd'},train")
        lines.append(f"{name} {i % 2}")
    lines *= -(-EPOCH // len(lines))
    (folder / "here.csv").write_text("\n".join(rows) + "\n", "utf-8")
    (folder / "mmaction2.txt").write_text("\n".join(lines) + "\n", "utf-8")
    return len(paths)


def told(ratios):
    return (
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to "
        f"{max(ratios):.2f})"
    )


def measure(clips, options):
    sides = ["here"] + ["mmaction2"] * (options.mmaction2 is not None)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        count = lists_of(clips, folder)
        processes = []
        for side in sides:  # one after the other
            processes.append(start(side, folder, options))
            answer(processes[-1])
        turns = []
        for _ in range(options.turns):
            turns.append([])
            for process in processes:
                process.stdin.write(f"{options.batches}\n")
                process.stdin.flush()
                turns[-1].append(answer(process))
        for process in processes:
            process.kill()
            process.wait()
    print(f"{clips}: {count} clips, load {os.getloadavg()[0]:.1f}")
    for i, what in enumerate(["clock", "processors' time"]):
        rows = [[side[i] for side in turn] for turn in turns]
        times = [
            1e3 * statistics.median(row) / options.batches for row in zip(*rows)
        ]
        line = f"  {what}: {times[0]:.0f} ms a batch"
        if len(sides) == 2:
            ratios = [mine / theirs for mine, theirs in rows]
            line += f", mmaction2 {times[1]:.0f} ms, ratio {told(ratios)}"
        print(line, flush=True)


def main():
    options = arguments()
    if options.serve == "here":
        serve(batches_here(options.clips[0]))
    elif options.serve == "mmaction2":
        serve(batches_mmaction2(options.clips[0]))
    else:
        for clips in options.clips:
            measure(clips, options)


if __name__ == "__main__":
    main()
