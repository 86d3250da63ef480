"""`vidrec compare` as a user runs it."""

import csv

from tests.cli.command import vidrec
from tests.cli.score_files_test import write


def test_compare(tmp_path):
    one = write(tmp_path / "one.npz", [1, 1, -1, 1])
    two = write(tmp_path / "two.npz", [-1, -1, -1, -1, 1], "abcdx", [-1] * 5)
    table = tmp_path / "classes.csv"
    out, err = vidrec("compare", one, two, "--out", table)
    assert err == f"left out, not in every file: 1 of {two}: x\n"
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["A", "75.00", "%", str(one)]
    assert lines[1] == ["B", "50.00", "%", str(two)]
    assert lines[2][:5] == ["B", "-", "A", "-25.00", "%"]
    assert lines[3][:2] == ["p", "1"]
    assert "both recognize 1, only A 2, only B 1, neither 0" in out
    assert "run 2 50.0 % 100.0 % 1 0".split() in lines
    assert "jump 2 100.0 % 0.0 % 0 2".split() in lines
    assert out.index("Gained most") < out.index("Lost most")
    with open(table, newline="") as file:
        assert [row["difference"] for row in csv.DictReader(file)] == [
            "-1.000000",
            "0.500000",
        ]
