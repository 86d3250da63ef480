"""`vidrec fuse` as a user runs it."""

import numpy as np
import pytest

from keras_vidrec.evaluation.scores.score_file import Scores
from tests.cli.command import vidrec
from tests.cli.score_files_test import write
from tests.cli.score_files_test import write_run


def figures(out):
    """Top-1 and mean class accuracy by name."""
    rows = {}
    for line in out.splitlines():
        fields = line.split()
        if fields[1:2] == ["%"]:
            rows[fields[-1]] = [fields[0], fields[-3]]
    return rows


def test_fuse(tmp_path):
    one = write(tmp_path / "one.npz", [1, -1, -1, 2])
    two = write(
        tmp_path / "two.npz", [-3, 2, 4, 7, -4], "dbaxc", (1, -1, 0, 0, 1)
    )
    fused = tmp_path / "fused.npz"
    out, err = vidrec("fuse", one, two, "--weights", "1,0.5", "--out", fused)
    assert err == f"left out, not in every file: 1 of {two}: x\n"
    assert "Weights: 1 : 0.5, of scores" in out and f"Scores: {fused}" in out
    assert "of 4 videos" in out
    assert figures(out) == {
        str(one): ["50.00", "50.00"],
        str(two): ["100.00", "100.00"],
        # b: -1 + 0.5 * 2, a tie, goes to the earlier class.
        "fused": ["75.00", "75.00"],
    }
    assert "top 5" not in out  # of two classes
    assert "30.06 to  95.44" in out  # Wilson's interval of 3 in 4
    found = Scores.load(fused)
    np.testing.assert_allclose(
        found.scores[:, 0], np.array([3, 0, -3, 0.5]) / 1.5, rtol=1e-12
    )
    assert found.videos == tuple("abcd")
    assert found.meta["left_out"] == [[], ["x"]]


@pytest.mark.parametrize("option", ["1,x", ""])
def test_weights_that_are_no_numbers_are_bad_usage(tmp_path, option):
    one = tmp_path / "one.npz"
    out, err = vidrec("fuse", one, one, "--weights", option, status=2)
    assert "such as 1,1.5" in err and not out


def test_files_that_disagree_are_named(tmp_path):
    one = write(tmp_path / "one.npz", [1, 1, 1, 1])
    two = write(tmp_path / "two.npz", [1, 1, 1, 1], labels=(0, 1, 1, 1))
    out, err = vidrec("fuse", one, two, status=1)
    (line,) = err.splitlines()
    assert f"'run' for 'b' in {two}, 'jump' before" in line and not out


def test_runs_are_fused_as_their_recipes_say(tmp_path):
    rgb = write_run(tmp_path / "rgb", "rgb", [3, 1, -1, -1])
    flow = write_run(tmp_path / "flow", "flow", [-1, -1, -1, -1])
    out, err = vidrec("fuse", flow, rgb)
    assert "Weights: 1.5 : 1, of scores" in out and not err
    assert figures(out)["fused"][0] == "75.00"


def test_real_streams(real_data):
    """Published scores of two networks on UCF101 split 1."""
    folder = real_data / "scores_ucf101_split1"
    files = [folder / f"MinLiAmoy_{name}.npz" for name in ("spatial", "motion")]
    out, err = vidrec("fuse", *files)
    assert not err
    found = figures(out)
    assert [found[str(file)][0] for file in files] == ["81.26", "79.67"]
    assert found["fused"][0] == "88.08" and found["fused"][1] == "88.17"
