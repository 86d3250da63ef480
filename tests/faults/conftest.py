import os

import pytest

from tests.faults import commands

# Printed by every test: with it a failure comes back.
SEED = int(os.environ.get("VIDREC_FAULT_SEED", "7"))
# Moments of each command, in the large tests.
MOMENTS = int(os.environ.get("VIDREC_FAULT_MOMENTS", "20"))


@pytest.fixture(scope="session")
def command(tmp_path_factory):
    """Function from a name to the `Command`, which knows what it leaves when
    nothing comes between."""
    root = tmp_path_factory.mktemp("faults")
    made = {}

    def get(name):
        if not made:
            made["materials"] = commands.Materials(root)
        if name not in made:
            kind = commands.COMMANDS[name]
            made[name] = kind(root, made["materials"])
        made[name].begin()
        return made[name]

    return get


@pytest.fixture
def seed():
    print(f"VIDREC_FAULT_SEED={SEED}")
    return SEED


@pytest.fixture
def moments():
    return MOMENTS
