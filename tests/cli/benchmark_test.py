"""`vidrec benchmark` as a user runs it."""

import csv
import json

import pytest

from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.run import Run
from tests.cli.command import vidrec
from tests.evaluation.mean_color_network import mean_color_network
from tests.reporting.measuring.benchmark_test import finished_run

pytestmark = pytest.mark.tensorflow_only


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return finished_run(tmp_path_factory.mktemp("runs") / "run")


def test_networks_beside_each_other(run, tmp_path):
    other = tmp_path / "other.keras"
    mean_color_network(("a", "b", "c")).save(other)
    files = tmp_path / "found.json", tmp_path / "found.csv"
    out, err = vidrec(
        *("benchmark", run.path, other, "--batch", "1,2", "--size", "32"),
        *("--seconds", "0.01", "--json", files[0], "--csv", files[1]),
    )
    assert err == f"Measuring {run.path}\nMeasuring {other}\n"
    header, *rows = out.splitlines()
    assert header.split()[:5] == [
        "network", "device", "precision", "batch", "parameters",
    ]  # fmt: skip
    names = [*2 * [str(run.path)], *2 * [str(other)]]
    assert [row.split()[0] for row in rows[:4]] == names
    noted = json.loads(files[0].read_text())
    assert noted["environment"]["backend"] == "tensorflow"
    with open(files[1], newline="") as file:
        table = [*csv.DictReader(file)]
    assert [row["clip"] for row in table] == 4 * ["3 x 32 x 32 x 3"]
    assert [int(row["multiply_adds"]) for row in table] == [
        one["multiply_adds"] for one in noted["measurements"]
    ]
    assert [row["parameters"] for row in table] == ["8", "8", "12", "12"]


def test_what_cannot_be_measured_is_told(run, tmp_path):
    unfinished = Run(tmp_path / "unfinished")
    unfinished.claim(Recipe("mine", "A trial"))
    out, err = vidrec("benchmark", run.path, unfinished.path, status=1)
    assert "Expected a finished run" in err and err.count("\n") == 1
    assert not out
    _, err = vidrec("benchmark", "TSN", "--batch", "8,x", status=2)
    assert "positive integers such as 1,8" in err
    (tmp_path / "no.keras").write_bytes(b"nothing")
    out, err = vidrec("benchmark", tmp_path / "no.keras", status=1)
    assert "Failed: " in err and not out
