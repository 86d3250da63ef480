import os
import pathlib
import runpy
import shlex
import subprocess
import sys

import pytest
import typer.main

import keras_vidrec
from keras_vidrec.cli import main
from tests.cli.command import vidrec
from tests.cli.command import vidrec_process

COMMANDS = typer.main.get_command(main.app).commands


def test_help_lists_every_command():
    out, err = vidrec_process("--help")
    assert all(command in out for command in COMMANDS) and not err
    assert all(f"─ {group} ─" in out for group in main._COMMANDS)


EXAMPLES = {name: one for name, one in COMMANDS.items() if name != "show"} | {
    f"show {name}": one for name, one in COMMANDS["show"].commands.items()
}


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_every_command_has_help_and_an_example_that_it_takes(name):
    out, err = vidrec(*name.split(), "--help")
    assert "Usage:" in out and "Example: vidrec" in out and not err
    command = EXAMPLES[name]
    example = command.epilog.removeprefix("Example: ")
    assert example.startswith(f"vidrec {name}")
    arguments = shlex.split(example.removeprefix(f"vidrec {name}"))
    taken = command.make_context(name, arguments).params
    assert {*taken} == {option.name for option in command.params}


def test_version():
    assert vidrec("--version") == (f"{keras_vidrec.__version__}\n", "")


def completed(line):
    """What bash is told to complete a line with."""
    environment = {
        **os.environ,
        "_VIDREC_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1),
    }
    code = "import sys; sys.argv = ['vidrec']; from keras_vidrec.cli.main "
    done = subprocess.run(
        [sys.executable, "-c", code + "import main; main()"],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert not done.returncode and not done.stderr
    return done.stdout.split()


def test_shells_complete_commands_and_options():
    assert {"predict", "prepare", "presets"} == {*completed("vidrec pre")}
    assert completed("vidrec train --backup") == ["--backup-steps"]
    assert completed("vidrec show grad") == ["gradcam"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["train"],
        ["train", "scratch"],
        ["train", "scratch", "--fast"],
        ["predict"],
    ],
)
def test_bad_usage_is_status_2(arguments):
    out, err = vidrec(*arguments, status=2)
    assert "Usage:" in err and "Error" in err and not out


def test_scripts_are_the_same_commands(monkeypatch, capsys):
    scripts = pathlib.Path(keras_vidrec.__file__).parents[1] / "scripts"
    found = sorted(scripts.glob("*.py"))
    assert found
    for script in found:
        monkeypatch.setattr(sys, "argv", [str(script), "--help"])
        with pytest.raises(SystemExit, match="0"):
            runpy.run_path(str(script), run_name="__main__")
        out, err = capsys.readouterr()
        assert f"Usage: {script.name} {script.stem} " in out and not err


def test_a_script_is_started_with_its_own_arguments():
    script = pathlib.Path(keras_vidrec.__file__).parents[1] / "scripts/train.py"
    done = subprocess.run(
        [sys.executable, script, "quickstart_rgb"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and "Missing option '--out'" in done.stderr
