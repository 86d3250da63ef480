import ast
import json
import logging
import pathlib

import keras_vidrec
from keras_vidrec.cli import terminal
from keras_vidrec.cli.terminal import output
from tests.cli.command import vidrec
from tests.data.frame_images import write_frames

COMMANDS = pathlib.Path(keras_vidrec.__file__).parent / "cli"
RED = "\x1b[31mred"


def test_what_a_terminal_obeys_is_shown():
    text = "a\x1b[2Jb\r\x07\x00\x7fc\x9b1m\u202ed\u2066\udcff\u200f"
    assert terminal.escaped(text) == (
        r"a\x1b[2Jb\x0d\x07\x00\u007fc\u009b1m\u202ed\u2066\udcff\u200f"
    )
    # What people write stays: lines of a report, all letters, joined emoji.
    kept = "1 %\tzwei\nद्वि ثلاثة 三 👩\u200d💻\n"
    assert terminal.escaped(kept) == kept
    names = ["a\x1bb\x7f\x9b\u202e\udcff"]
    shown = terminal.escaped(json.dumps(names, ensure_ascii=False))
    assert shown.isprintable() and json.loads(shown) == names


def test_names_errors_and_usage_are_shown_escaped(tmp_path):
    for name in (RED, "b"):
        for video in "12":
            write_frames(tmp_path / "data" / name / video, 2)
    out, err = vidrec("inspect", tmp_path / "data", status=1)  # all alike
    assert r"\x1b[31mred 2" in out and "\x1b" not in out + err
    out, err = vidrec("inspect", tmp_path / RED, status=1)
    assert r"\x1b[31mred" in err and "\x1b" not in out + err
    out, err = vidrec("inspect", "a", RED, status=2)
    assert r"\x1b[31mred" in err and "\x1b" not in out + err
    out, err = vidrec("show", RED, status=2)
    assert r"\x1b[31mred" in err and "\x1b" not in out + err


def test_lines_of_the_log_are_escaped():
    record = logging.makeLogRecord({"msg": "skipped %s", "args": (RED,)})
    assert terminal.LogFormatter().format(record) == r"skipped \x1b[31mred"


def test_commands_have_no_other_way_to_the_terminal():
    others = [
        f"{path.name}:{node.lineno}"
        for path in COMMANDS.rglob("*.py")
        if path != pathlib.Path(output.__file__)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("print", "typer.echo", "typer.secho")
    ]
    assert not others
