"""Compares the processor time of reading three frames of a video.

    python benchmarks/read_frames.py CLIPS... [--other CHECKOUT]

`--other` is the root of another checkout of this package, such as an earlier
one. Both read the same frames of the same clips in turns, each in a process of
its own; both know the number of frames. The output is the processor time per
clip, the minimum over the turns, which other programs hardly affect, and the
ratios of whole turns.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import time

SUFFIXES = {".avi", ".mp4", ".mkv", ".mpg", ".webm", ".mov"}
HERE = pathlib.Path(__file__).resolve().parents[1]


def serve(paths):
    """For each line of input, reads three frames of each clip and prints the
    seconds."""
    from keras_vidrec.videos import video

    counts = [video.probe(path).num_frames for path in paths]
    for turn, _ in enumerate(sys.stdin):
        seconds = []
        for path, count in zip(paths, counts):
            begin = time.process_time()
            # The middles of three segments, moved a little every turn.
            indices = [
                (count * (2 * k + 1) // 6 + turn) % count for k in range(3)
            ]
            video.read_frames(path, indices, count)
            seconds.append(time.process_time() - begin)
        print(*seconds, flush=True)


def start(root, paths):
    return subprocess.Popen(
        [sys.executable, __file__, "--serve", *map(str, paths)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )


def ask(process):
    process.stdin.write("\n")
    process.stdin.flush()
    return [float(word) for word in process.stdout.readline().split()]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="+", type=pathlib.Path)
    parser.add_argument("--other", type=pathlib.Path)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--serve", action="store_true")
    args = parser.parse_args()
    if args.serve:
        serve(args.clips)
        return
    for folder in args.clips:
        paths = sorted(
            path
            for path in (folder.rglob("*") if folder.is_dir() else [folder])
            if path.suffix in SUFFIXES
        )
        roots = [HERE] + ([args.other] if args.other else [])
        processes = [start(root, paths) for root in roots]
        for process in processes:
            ask(process)  # packets are indexed
        rows = [
            [ask(process) for process in processes] for _ in range(args.turns)
        ]
        here, *other = (
            1e3 * sum(map(min, zip(*turns))) / len(paths)
            for turns in zip(*rows)
        )
        line = f"{folder}: {len(paths)} clips, {here:.2f} ms a clip"
        if other:
            ratios = sorted(sum(mine) / sum(theirs) for mine, theirs in rows)
            line += (
                f", other {other[0]:.2f} ms, ratio {here / other[0]:.3f} "
                f"(whole turns: {ratios[0]:.2f} to {ratios[-1]:.2f}, median "
                f"{statistics.median(ratios):.2f})"
            )
        print(line)
        for process in processes:
            process.stdin.close()
            process.wait()


if __name__ == "__main__":
    main()
