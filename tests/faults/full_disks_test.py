"""Commands that have no room left at a random moment, and later have."""

import contextlib
import pathlib
import random
import subprocess

import pytest

from tests.faults.children import Fault
from tests.faults.children import one_clear_line
from tests.faults.commands import COMMANDS

pytestmark = pytest.mark.tensorflow_only


@pytest.mark.large
@pytest.mark.parametrize("name", COMMANDS)
def test_no_file_may_grow_any_more(command, name, seed, moments):
    """From a random change on."""
    command = command(name)
    draw = random.Random(f"{seed} {name} limit")
    for _ in range(moments):
        command.begin()
        most = draw.choice([0, draw.randrange(6000)])
        fault = Fault(draw.randrange(command.changes), bytes=most)
        ended = command.run(fault)
        print(name, fault, ended.status, ended.errors[-300:])
        if ended.status:
            assert str(command.out) in one_clear_line(ended)
        command.check_between()
        ended = command.run()
        assert ended.status == 0, ended
        command.check()


@pytest.mark.large
@pytest.mark.parametrize("name", COMMANDS)
def test_a_disk_of_a_random_size_is_full(command, name, seed, moments):
    """A disk of its own where that is allowed, else no file may grow beyond
    a size."""
    command = command(name)
    draw = random.Random(f"{seed} {name} disk")
    least = size_of(command.start) if command.start is not None else 0
    for _ in range(moments):
        share = 10 ** draw.uniform(-2, 0.05)
        size = least + int(size_of(command.whole) * share)
        with small_disk(command.disk, size) as enlarge:
            command.begin()
            fault = Fault(0, bytes=size // 4) if enlarge is None else Fault()
            ended = command.run(fault)
            print(name, size, enlarge, ended.status, ended.errors[-300:])
            if ended.status:
                assert str(command.out) in one_clear_line(ended)
            command.check_between()
            if enlarge is not None:
                enlarge()
            ended = command.run()
            assert ended.status == 0, ended
            command.check()


@contextlib.contextmanager
def small_disk(path, size):
    """A disk of so many bytes at a directory; yields what makes it large, or
    `None` if this process may not mount any."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)]
    if subprocess.run(mount, capture_output=True).returncode:
        yield None
        return

    def enlarge():
        remount = ["mount", "-o", "remount,size=256m", str(path)]
        subprocess.run(remount, check=True)

    try:
        yield enlarge
    finally:
        subprocess.run(["umount", str(path)], check=True)


def size_of(path):
    """What a directory takes on such a disk, in whole pages."""
    sizes = [file.lstat().st_size for file in pathlib.Path(path).rglob("*")]
    return sum(-(-size // 4096) * 4096 for size in sizes)
