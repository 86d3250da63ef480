"""Tables of the papers as a user makes them again."""

import csv
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

from keras_vidrec.specs import files
from tests.cli.command import vidrec


def measured(out, paper, number):
    """By row and column, what the CSV has of a table's own figures."""
    with open(out / f"{paper}.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["runs"]]
    return {
        # A row may begin with a plus, as a formula does.
        (files.from_cell(row["row"]), row["column"]): row
        for row in rows
        if row["table"] == str(number)
    }


def test_a_plan_is_shown(tmp_path):
    out = tmp_path / "out"
    said, _ = vidrec(
        "reproduce",
        "two_stream_fusion",
        "--table",
        "6",
        "--row",
        "Ours",
        "--out",
        out,
        "--plan",
    )
    assert "4 figures; 0 of them can be made, by 0 trainings" in said
    assert "Missing: --given idt_hmdb51=PATH: scores of improved" in said
    assert "for table 6, Ours+IDT (S: VGG-16, T: VGG-M), HMDB51;" in said
    said, _ = vidrec(
        "reproduce",
        "tsn",
        "--table",
        "1",
        "--out",
        out,
        "--plan",
    )
    assert "Missing: --data ucf101=DIR: the videos of UCF101" in said
    said, _ = vidrec("reproduce", "stfn", "--table", "4.3", "--plan", "--tiny")
    assert "6 figures; 6 of them can be made" in said
    assert "for section 4.3, 3 Res-Inc blocks, HMDB51 split 1; section" in said
    said, _ = vidrec(
        "reproduce", "tsn", "--row", "difference", "--plan", "--tiny"
    )
    assert "2 figures; 2 of them can be made, by 2 trainings" in said
    assert "Differs from the paper: The paper does not tell how" in said
    said, _ = vidrec(
        "reproduce",
        "tsn",
        "--table",
        "1",
        "--out",
        out,
        "--plan",
        "--tiny",
    )
    assert "12 figures; 12 of them can be made, by 2 trainings" in said
    assert "tsn_rgb_ucf101_paper_tiny-" in said and "(8 figures)" in said
    assert not out.exists()


NO_VIDEOS = ["--data", f"ucf101={pathlib.Path(__file__).parent}"]


@pytest.mark.parametrize(
    "arguments, status, message",
    [
        (
            ["tsn", "--table", "9"],
            1,
            "Expected one of ('1', '2', '3', '4', '5'",
        ),
        (["i3d"], 1, "Expected one of ['st_multiplier', 'stfn'"),
        (["tsn", "--data", "x"], 2, "There is no x"),
        (["tsn", "--tiny", "--data", "x"], 2, "leave out --data"),
        (["tsn", "--tiny", "--given", "a=b"], 2, "files: leave out"),
        (["tsn", "--data", "kinetics=/"], 2, "Received: 'kinetics'"),
        (["tsn", "--given", "x"], 2, "Expected NAME=PATH"),
        (["tsn", "--table", "1"], 1, "None of these figures can be made"),
        # It is found before a step of the network is measured.
        (["tsn", "--table", "1", *NO_VIDEOS], 1, "Found no dataset"),
        (["tsn", "--row", "i3d"], 1, "Invalid `row`. Expected one of ['From"),
    ],
)
def test_what_is_refused(arguments, status, message, tmp_path):
    out = tmp_path / "out"
    _, error = vidrec("reproduce", *arguments, "--out", out, status=status)
    plain = " ".join(error.replace("\u2502", " ").split())
    assert message in plain
    assert not out.exists()


COMMAND = ("reproduce", "tsn", "--table", "1", "--tiny")


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory):
    """The directory of a rehearsal, and what was printed."""
    out = tmp_path_factory.mktemp("rehearsed") / "out"
    said, _ = vidrec(*COMMAND, "--out", out)
    return out, said


@pytest.mark.large
def test_a_table_is_rehearsed_and_not_made_twice(rehearsed):
    out, said = rehearsed
    assert said.count("\nTrain ") == said.count("\nTest ") == 2
    found = measured(out, "tsn", 1)
    assert len(found) == 12
    assert all(0 <= float(row["here"]) <= 100 for row in found.values())
    # Another table has figures of the same runs.
    again = measured(out, "tsn", 4)["BN-Inception", "Two-Stream"]
    last = found["+ Partial BN with dropout", "Two-Stream"]
    assert again["here"] == last["here"]
    assert "A test run" in (out / "tsn.md").read_text()
    said, _ = vidrec(*COMMAND, "--out", out)
    assert "\nTrain " not in said and "\nTest " not in said
    assert measured(out, "tsn", 1) == found
    # What is lost is made again, and nothing else.
    (run,) = (out / "runs").glob("tsn_flow_*")
    shutil.rmtree(run / "scores")
    said, _ = vidrec(*COMMAND, "--out", out)
    assert "\nTrain " not in said and said.count("\nTest ") == 1
    assert measured(out, "tsn", 1) == found
    made = found["Pre-train Spatial", "Temporal ConvNets"]["made"]
    assert "initialization.weights=None" in made and "test 5x10" in made


@pytest.mark.large
@pytest.mark.parametrize(
    "begun",
    [
        "data/*/.prepare/journal.jsonl",
        "runs/tsn_rgb_*/backup/epoch-*",
        "runs/tsn_flow_*/backup/epoch-*",
    ],
)
def test_a_killed_reproduction_is_resumed(rehearsed, tmp_path, begun):
    """While videos are prepared, and in each of the trainings."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "keras_vidrec", *COMMAND, "--out", out]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None and not any(out.glob(begun)):
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (out / "tsn.csv").exists() or not all(
        row["here"] for row in measured(out, "tsn", 1).values()
    )
    vidrec(*COMMAND, "--out", out)
    figures, expected = (
        {name: row["here"] for name, row in measured(one, "tsn", 1).items()}
        for one in (out, rehearsed[0])
    )
    assert figures == expected
