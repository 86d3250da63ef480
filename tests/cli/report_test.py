"""`vidrec report`, and `vidrec fuse --report`, as a user runs them."""

import csv

from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.training import recipes
from tests.cli.command import vidrec

CLASSES = ("jump", "run")


def write(path, values):
    values = [[value, 0] for value in values]
    Scores("abcd", values, (0, 0, 1, 1), CLASSES).save(path)
    return path


def test_report_of_a_run_and_of_what_is_no_tested_run(tmp_path):
    recipe = recipes.get("quickstart_rgb").to_yaml()
    (tmp_path / "recipe.yaml").write_text(recipe)
    out, err = vidrec("report", tmp_path, status=1)
    (line,) = err.splitlines()
    assert f"vidrec evaluate {tmp_path}" in line and not out
    write(tmp_path / "scores" / "3x1-ucf101_split1.npz", [1, -1, -1, 2])
    out, err = vidrec("report", tmp_path, "--out", tmp_path / "new" / "page")
    page = tmp_path / "new" / "page" / "index.html"
    assert out == f"Report: {page}\n" and not err
    assert "50.00 %" in page.read_text("utf-8")


def test_report_of_a_fusion(tmp_path):
    one = write(tmp_path / "one.npz", [1, -1, -1, 2])
    two = write(tmp_path / "two.npz", [1, 2, 1, -3])
    out, err = vidrec("fuse", one, two, "--report", tmp_path / "report")
    page = tmp_path / "report" / "index.html"
    assert f"Report: {page}\n" in out and not err
    with open(page.parent / "figures" / "tests.csv", newline="") as file:
        found = {row["test"]: row["top_1"] for row in csv.DictReader(file)}
    # a: 1, b: 0.5, c: 0 (a tie, for the first class), d: -0.5.
    assert found == {"fused": "0.75", str(one): "0.5", str(two): "0.75"}
    assert "fused 1 : 1 of scores<" in page.read_text("utf-8")
    vidrec("fuse", one, two, "--normalize", "l2", "--report", page.parent)
    assert "fused 1 : 1 of scores, l2 norm<" in page.read_text("utf-8")
