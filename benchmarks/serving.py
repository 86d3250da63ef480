"""Times `vidrec serve` under load against predictions in a loop.

    python benchmarks/serving.py VIDEOS [--backbone NAME] [--protocol 3x1]

VIDEOS is a directory of clips. The network has random weights. One side is a
`Predictor` called for each video in this process; the other a server in a
process of its own, to which 16 clients send the same videos. The two sides
alternate, so that changes of the machine's speed affect both. The output is the
videos per second of each side; the median of the ratios of pairs, by wall-clock
time and, for busy machines, by processor time of the loop and of the server
with its decoders (Linux); the slowest answer; and the number of errors. The
goal is a ratio of 0.9 and no errors.
"""

import argparse
import concurrent.futures
import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import httpx
import numpy as np

from keras_vidrec.applications import TSN
from keras_vidrec.data.catalogs import video_tree
from keras_vidrec.evaluation.predictor import Predictor


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("videos", type=pathlib.Path)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--protocol", default="3x1")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--most", type=int, default=64, help="videos")
    parser.add_argument("--pairs", type=int, default=5)
    return parser.parse_args()


@contextlib.contextmanager
def served(model, protocol):
    """Starts a server in a process of its own. Yields its URL and process
    id."""
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "model.keras"
        model.save(path)
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "keras_vidrec", "serve", path),
                *("--port", "0", "--protocol", protocol),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            said = process.stdout.readline()
            yield re.match(r"(http://\S+)", said)[1], process.pid
        finally:
            process.terminate()
            process.wait()


def processor_seconds(root):
    """Returns the processor seconds of a process and its children."""
    total = 0
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if root in (int(path.parent.name), int(fields[1])):
                total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def main():
    options = arguments()
    names = video_tree.find_videos(options.videos)[: options.most]
    videos = [options.videos / name for name in names]
    model = TSN(
        classes=101,
        backbone=options.backbone,
        input_shape=(None, options.size, options.size, 3),
    )
    predictor = Predictor(model, options.protocol)
    pool = concurrent.futures.ThreadPoolExecutor(options.clients)
    errors, slowest = 0, 0.0
    with (
        served(model, options.protocol) as (url, server),
        httpx.Client(base_url=url, timeout=600) as client,
        pool,
    ):

        def ask(video):
            begun = time.perf_counter()
            with open(video, "rb") as file:
                answer = client.post("/predict", files={"video": file})
            return answer.status_code, time.perf_counter() - begun

        sides = {
            "loop": lambda: [(200, predictor(v) and 0.0) for v in videos],
            "served": lambda: list(pool.map(ask, videos)),
        }
        for side in sides.values():
            side()  # compiles
        times = {name: [] for name in sides}
        busy = {name: [] for name in sides}
        clocks = {
            "loop": time.process_time,
            "served": lambda: processor_seconds(server),
        }
        for _ in range(options.pairs):
            for name, side in sides.items():
                begun, before = time.perf_counter(), clocks[name]()
                answers = side()
                times[name].append(time.perf_counter() - begun)
                busy[name].append(clocks[name]() - before)
                errors += sum(status != 200 for status, _ in answers)
                slowest = max(slowest, *(seconds for _, seconds in answers))
    print(
        f"{len(videos)} videos, {options.clients} clients, {options.backbone}, "
        f"{options.protocol}"
    )
    clock = {name: np.array(seconds) for name, seconds in times.items()}
    for name, seconds in clock.items():
        print(f"{name:7} {len(videos) / np.median(seconds):6.2f} videos/s")
    ratios = clock["loop"] / clock["served"]
    print(f"served is {np.median(ratios):.2f} times as fast")
    print(f"  pairs: {np.array2string(ratios, precision=2)}")
    ratios = np.array(busy["loop"]) / np.array(busy["served"])
    print(f"processor time of loop / served: {np.median(ratios):.2f}")
    print(f"  pairs: {np.array2string(ratios, precision=2)}")
    print(f"slowest answer {slowest:.2f} s, {errors} errors")


if __name__ == "__main__":
    main()
