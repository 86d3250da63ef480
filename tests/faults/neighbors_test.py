"""Two processes at one place; files and networks that change in between."""

import os
import random
import shutil
import signal
import time

import keras
import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.applications.parts import model_file
from tests.faults import children
from tests.faults.children import Fault
from tests.faults.children import one_clear_line

pytestmark = pytest.mark.tensorflow_only


def wait_for_lock(command, process):
    """Until the process holds what it writes and has said its name."""
    end = time.monotonic() + 120
    locks = (".lock", ".*.journal.lock", ".learn.lock")
    while not any(
        path.stat().st_size
        for pattern in locks
        for path in command.out.rglob(pattern)
    ):
        assert process.exitcode is None and time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.large
@pytest.mark.parametrize(
    "name", ["prepare", "features", "train", "evaluate", "learn"]
)
def test_the_second_is_refused_by_name(command, name):
    command = command(name)
    first = children.start(command.arguments, command.out)
    wait_for_lock(command, first)
    os.kill(first.pid, signal.SIGSTOP)
    try:
        line = one_clear_line(command.run())
    finally:
        os.kill(first.pid, signal.SIGCONT)
    assert "is in use by another process" in line
    assert f"Received: process {first.pid} on" in line
    ended = children.finish(first)
    assert ended.status == 0, ended
    command.check()


@pytest.mark.large
def test_two_exports_to_one_place_take_turns(command):
    command = command("export")
    two = [children.start(command.arguments, command.out) for _ in range(2)]
    assert [children.finish(process).status for process in two] == [0, 0]
    command.check()


@pytest.mark.large
@pytest.mark.parametrize("name", ["prepare", "features", "train", "evaluate"])
def test_any_file_is_cut_off_after_a_kill(command, name, seed, moments):
    """The same result, or one clear error; or it is told that epochs of the
    log, or the best network so far, are lost."""
    command = command(name)
    draw = random.Random(f"{seed} {name} cut")
    for _ in range(moments):
        command.begin()
        fault = Fault(draw.randrange(command.changes // 3, command.changes))
        ended = command.run(fault)
        found = sorted(
            path
            for path in command.out.rglob("*")
            # The network that is tested is another's.
            if path.is_file() and path.suffix != ".keras"
        )
        file = draw.choice(found)
        length = draw.randrange(max(file.stat().st_size, 1))
        os.truncate(file, length)
        print(name, fault, ended.status, file, length)
        ended = command.run()
        print(ended.status, ended.errors[-300:])
        if ended.status:
            one_clear_line(ended)
        elif not any(word in ended.errors for word in ("has lost", "or dam")):
            command.check()


@pytest.mark.large
def test_scores_of_two_networks_never_mix(command):
    """Killed in the midst of its videos, the test goes on with another
    network: all scores are that one's."""
    command = command("evaluate")
    model = command.out / "model.keras"
    shutil.copy(command.materials.other, model)
    for seconds in (0.02, 0.1, 0.3, 1.0):
        ended = command.run(Fault(3, seconds))
        print(seconds, ended.status, sorted(command.out.rglob("scores/.*")))
    shutil.copy(command.materials.model, model)
    ended = command.run()
    assert ended.status == 0, ended
    command.check()


@pytest.mark.large
def test_features_of_two_networks_never_mix(command):
    """Of one architecture, and of other weights."""
    command = command("features")
    arguments = []
    for number in range(2):
        keras.utils.set_random_seed(number)
        network = TSN(backbone="tiny", classes=12, input_shape=(3, 32, 32, 3))
        file = command.root / f"{number}.keras"
        model_file.save(network, file)
        arguments.append(
            [
                file if part == command.materials.model else part
                for part in command.arguments
            ]
        )
    ended = children.vidrec(
        arguments[0], command.out, Fault(command.changes // 2)
    )
    assert ended.status == children.KILLED
    line = one_clear_line(children.vidrec(arguments[1], command.out))
    assert "started with other settings. Expected networks=" in line
    ended = children.vidrec(arguments[0], command.out)
    assert ended.status == 0, ended
