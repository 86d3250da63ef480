"""Commands that are killed at random moments and given again."""

import random

import pytest

from tests.faults.children import KILLED
from tests.faults.children import Fault
from tests.faults.commands import COMMANDS
from tests.faults.commands import Reproduce
from tests.faults.commands import contents

# Of one attempt; then it may come to its end.
MOST_KILLS = 3

pytestmark = pytest.mark.tensorflow_only


def kill_over_and_over(command, moments, seed):
    """Before a change of the disk, or a moment later: within it."""
    draw = random.Random(f"{seed} {command.name}")
    kills = 0
    while kills < moments:
        command.begin()
        for _ in range(min(MOST_KILLS, moments - kills)):
            later = draw.choice([0.0, 10 ** draw.uniform(-3, -0.3)])
            fault = Fault(draw.randrange(command.changes), later)
            ended = command.run(fault)
            print(command.name, fault, ended.status, ended.changes)
            if ended.status == 0:  # there was less left to do
                break
            assert ended.status == KILLED, ended
            kills += 1
            command.check_between()
        ended = command.run()
        assert ended.status == 0, ended
        command.check()


@pytest.mark.large
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_random_moments(command, name, seed, moments):
    kill_over_and_over(command(name), moments, seed)


def test_killed_once(command, seed):
    kill_over_and_over(command("train"), 1, seed)


@pytest.mark.large
def test_a_reproduction_killed_twice(tmp_path, seed):
    command = Reproduce(tmp_path, None)
    kill_over_and_over(command, 2, seed)
    # Nothing is left to do.
    before = contents(command.out)
    assert command.run().status == 0
    assert contents(command.out) == before
