import pytest

import keras_vidrec
from tests.cli.command import vidrec

COMMANDS = (
    "quickstart",
    "prepare",
    "inspect",
    "train",
    "evaluate",
    "fuse",
    "compare",
    "report",
    "scores-from",
    "predict",
    "features",
    "import-weights",
    "export",
    "recipes",
)


def test_help_lists_every_command():
    out, err = vidrec("--help")
    assert all(command in out for command in COMMANDS) and not err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    out, err = vidrec(command, "--help")
    assert "Usage:" in out and not err


def test_version():
    assert vidrec("--version") == (f"{keras_vidrec.__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [["fly"], ["train"], ["train", "scratch", "--fast"], ["predict"]],
)
def test_bad_usage_is_status_2(arguments):
    out, err = vidrec(*arguments, status=2)
    assert "Usage:" in err and "Error" in err and not out
