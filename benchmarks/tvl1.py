"""Times TV-L1 in Keras against OpenCV's, on CPU and on real videos.

The input is pairs of neighboring frames of UCF101 videos, each of another
class, resized to 340x256 as in TSN. OpenCV runs in a process and an environment
of its own, because the wheel with TV-L1 overwrites the package's OpenCV:

    python3 -m venv .venv-contrib
    .venv-contrib/bin/pip install -r requirements/opencv-contrib.txt
    python benchmarks/tvl1.py --videos ucf101_clips

Both sides have the same number of threads and take turns, so that other
programs affect both: pair by pair (`tvl1_flow`, compiled), and streaming
(`stream`, several pairs a turn, compared with the sum of OpenCV's times for
them). The output is the medians over the pairs and turns, and the difference of
the flows. TV-L1 with a median filter is chaotic where motion is ambiguous:
"OpenCV against itself" is the change of OpenCV's own flow by noise of one part
in a million in the first frame. `--middlebury DIR` adds the error against the
ground truth of Middlebury's sequences.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

PYTHON = pathlib.Path(".venv-contrib/bin/python")
SIZE = (340, 256)
BOUND = 20.0
UNKNOWN = 1e9


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--contrib-python", type=pathlib.Path, default=PYTHON)
    parser.add_argument("--videos", type=pathlib.Path, help="UCF101 videos")
    parser.add_argument("--middlebury", type=pathlib.Path)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--chunk", type=int, default=5, help="pairs a turn")
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve-opencv", action="store_true", help="internal")
    return parser.parse_args()


def ucf101_pairs(directory, count):
    """Returns `{name: (first, second)}`, gray uint8, each of another class."""
    import cv2

    from keras_vidrec import videos

    pairs, classes = {}, set()
    for path in sorted(directory.glob("v_*.avi")):
        label = path.stem.split("_")[1]
        if label in classes or len(pairs) == count:
            continue
        classes.add(label)
        first = 10 + len(pairs)
        frames = videos.read_frames(path, [first, first + 1])
        pairs[path.stem] = tuple(
            cv2.cvtColor(cv2.resize(frame, SIZE), cv2.COLOR_RGB2GRAY)
            for frame in frames
        )
    if not pairs:
        sys.exit(f"No UCF101 videos (v_*.avi) in {directory}.")
    return pairs


def middlebury_pairs(directory):
    """Returns `{name: (first, second)}` and `{name: truth}`."""
    import cv2

    from keras_vidrec.flow import codec

    pairs, truths = {}, {}
    for path in sorted(directory.glob("*/flow10.flo")):
        names = ("frame10.png", "frame11.png")
        pairs[path.parent.name] = tuple(
            cv2.imread(str(path.parent / name), cv2.IMREAD_GRAYSCALE)
            for name in names
        )
        truths[path.parent.name] = codec.read_flo(path)
    return pairs, truths


def serve_opencv(threads):
    """Answers each line `[first, second, flow]` of file names on stdin with
    the seconds that OpenCV took."""
    import cv2
    import numpy as np

    cv2.setNumThreads(threads)
    method = cv2.optflow.DualTVL1OpticalFlow_create()
    for line in sys.stdin:
        first, second, result = json.loads(line)
        images = np.load(first), np.load(second)
        start = time.perf_counter()
        flow = method.calc(*images, None)
        seconds = time.perf_counter() - start
        np.save(result, flow)
        sys.stdout.write(f"{seconds}\n")
        sys.stdout.flush()


class OpenCVPeer:
    """The process with OpenCV's TV-L1, controlled through stdin and stdout."""

    def __init__(self, python, threads):
        if not python.exists():
            sys.exit(f"{python} not found.\n{__doc__}")
        self._directory = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            [python, __file__, "--serve-opencv", "--threads", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def flow(self, first, second):
        """Returns `(flow, seconds)`."""
        import numpy as np

        directory = pathlib.Path(self._directory.name)
        names = [str(directory / f"{name}.npy") for name in ("a", "b", "flow")]
        np.save(names[0], first)
        np.save(names[1], second)
        self._process.stdin.write(json.dumps(names) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            sys.exit("The OpenCV process ended; its error is above.")
        return np.load(names[2]), float(answer)

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._directory.cleanup()


def compare(flow, other):
    """Returns the mean distance in pixels, and the share of 8-bit codes that
    are equal or differ by 1."""
    import numpy as np

    from keras_vidrec.flow import codec

    distance = np.linalg.norm(flow - other, axis=-1).mean()
    codes = [codec.encode(f, BOUND).astype(int) for f in (flow, other)]
    return distance, (np.abs(codes[0] - codes[1]) <= 1).all(-1).mean()


def against_itself(peer, first, second, flow):
    """Compares OpenCV's flow with its flow for a slightly changed frame."""
    import numpy as np

    noise = 1e-6 * np.random.default_rng(0).standard_normal(first.shape)
    images = (first / 255 * (1 + noise), second / 255)
    other, _ = peer.flow(*(image.astype("float32") for image in images))
    return compare(flow, other)


def single_flow():
    """Returns `tvl1_flow` for one pair, compiled."""
    import numpy as np
    import tensorflow as tf

    from keras_vidrec.flow.tvl1 import flow as tvl1

    function = tf.function(tvl1.tvl1_flow, jit_compile=True, autograph=False)

    def flow_of(*images):
        images = (image[None, ..., None].astype("float32") for image in images)
        return np.asarray(function(*images))[0]

    return flow_of


def report(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def time_pairs(pairs, peer, args):
    """Measures pair by pair and streaming, in turns."""
    from keras_vidrec.flow.tvl1 import flow as tvl1

    flow_of = single_flow()
    names = list(pairs)
    start = time.perf_counter()
    flow_of(*pairs[names[0]])
    report(f"tvl1_flow: first call {time.perf_counter() - start:.1f} s")
    start = time.perf_counter()
    list(tvl1.stream([(0, *pairs[names[0]])], lanes=args.lanes))
    report(f"stream: first pair {time.perf_counter() - start:.1f} s")
    ours = {name: [] for name in names}
    theirs = {name: [] for name in names}
    flows = {}
    streams = []
    for _ in range(args.rounds):
        for begin in range(0, len(names), args.chunk):
            chunk = names[begin : begin + args.chunk]
            for name in chunk:
                start = time.perf_counter()
                flow = flow_of(*pairs[name])
                ours[name].append(time.perf_counter() - start)
                other, seconds = peer.flow(*pairs[name])
                theirs[name].append(seconds)
                flows[name] = flow, other
            start = time.perf_counter()
            done = tvl1.stream(
                ((name, *pairs[name]) for name in chunk), lanes=args.lanes
            )
            count = sum(1 for _ in done)
            seconds = time.perf_counter() - start
            other = sum(theirs[name][-1] for name in chunk)
            streams.append((seconds / count, other / count))
    mine, yours = (
        [statistics.median(times[name]) for name in names]
        for times in (ours, theirs)
    )
    show_times("pair by pair", list(zip(mine, yours)))
    show_times(f"streaming, {args.lanes} lanes", streams)
    return flows


def show_times(title, times):
    ours, theirs = (statistics.median(side) for side in zip(*times))
    ratios = sorted(mine / other for mine, other in times)
    report(
        f"{title}: Keras {1e3 * ours:.0f} ms a pair, OpenCV "
        f"{1e3 * theirs:.0f} ms, ratio {statistics.median(ratios):.2f} "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )


def show_distances(pairs, flows, peer):
    rows = []
    for name, (flow, other) in flows.items():
        rows.append(
            (*compare(flow, other), *against_itself(peer, *pairs[name], other))
        )
        report(f"  {name}: {describe(rows[-1])}")
    means = [statistics.mean(column) for column in zip(*rows)]
    medians = [statistics.median(column) for column in zip(*rows)]
    report(f"  mean: {describe(means)}")
    report(f"  median: {describe(medians)}")


def describe(row):
    distance, codes, own_distance, own_codes = row
    return (
        f"{distance:.4f} px, codes within one {100 * codes:.2f} %; OpenCV "
        f"against itself {own_distance:.4f} px, {100 * own_codes:.2f} %"
    )


def show_truth(directory, peer):
    import numpy as np

    pairs, truths = middlebury_pairs(directory)
    flow_of = single_flow()
    for name, images in pairs.items():
        known = np.abs(truths[name]).max(-1) < UNKNOWN
        flows = flow_of(*images), peer.flow(*images)[0]
        ours, theirs = (
            np.linalg.norm(flow - truths[name], axis=-1)[known].mean()
            for flow in flows
        )
        distance, codes = compare(*flows)
        report(
            f"  {name}: error Keras {ours:.4f} px, OpenCV {theirs:.4f} px; "
            f"apart {distance:.4f} px, codes within one {100 * codes:.2f} %"
        )


def main():
    args = arguments()
    if args.serve_opencv:
        serve_opencv(args.threads)
        return
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    tf.config.threading.set_inter_op_parallelism_threads(args.threads)
    peer = OpenCVPeer(args.contrib_python, args.threads)
    report(f"load before: {os.getloadavg()[0]:.1f}")
    if args.middlebury:
        show_truth(args.middlebury, peer)
    if args.videos:
        pairs = ucf101_pairs(args.videos, args.pairs)
        flows = time_pairs(pairs, peer, args)
        show_distances(pairs, flows, peer)
    peer.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    report(f"peak memory {peak} MB, load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
