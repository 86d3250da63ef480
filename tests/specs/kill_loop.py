"""A program of one directory and many processes that replace it, each killed
at a random moment: `kill_loop DIRECTORY KILLS SEED EXCHANGE`.

Prints what was left behind that was not whole; nothing else may be there.
"""

import itertools
import os
import pathlib
import random
import signal
import sys
import time

from keras_vidrec.specs import files

NAMES = ("one.txt", "in/two.txt", "in/three.txt", "four.txt")


def write(path, number):
    with files.replacing(path, sync=False) as temporary:
        temporary.mkdir()
        (temporary / "in").mkdir()
        for name in NAMES:
            (temporary / name).write_text(f"{number}\n" * 200)


def read(path):
    """The number of a whole directory."""
    numbers = {(path / name).read_text() for name in NAMES}
    assert len(numbers) == 1, numbers
    (text,) = numbers
    number, *others = {*text.split()}
    assert not others and text.count("\n") == 200
    return int(number)


def main(directory, kills, seed, exchange):
    if exchange == "no":
        files._exchange = lambda one, two: False
    path = pathlib.Path(directory, "export")
    draw = random.Random(int(seed))
    write(path, 0)
    for kill in range(int(kills)):
        before = read(path)
        child = os.fork()
        if not child:
            for number in itertools.count(before + 1):
                write(path, number)
        time.sleep(draw.uniform(0.001, 0.02))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        files.recover(path)
        assert read(path) >= before, kill
    print(f"replaced {read(path)} times")
    write(path, 0)
    assert os.listdir(directory) == ["export"], os.listdir(directory)


if __name__ == "__main__":
    main(*sys.argv[1:])
