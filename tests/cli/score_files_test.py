"""Score files on the command line: `vidrec scores-from`, and those that
`fuse`, `compare` and `report` are given."""

import subprocess
import sys
from hashlib import sha256

import numpy as np

from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.training import recipes
from tests.cli.command import vidrec
from tests.cli.command import vidrec_process

CLASSES = ("jump", "run")


def write(path, values, videos="abcd", labels=(0, 0, 1, 1), **fields):
    """A score file of two classes, whose second one has score 0."""
    values = np.array([[value, 0] for value in values], "float32")
    Scores(tuple(videos), values, labels, CLASSES, **fields).save(path)
    return path


def test_scores_of_another_program_are_fused(tmp_path):
    table = tmp_path / "other.csv"
    table.write_text("video,label,run,jump\nx,,1,2\nb,jump,0,5\na,0,9,0\n")
    classes = tmp_path / "classes.txt"
    classes.write_text("jump\nrun\n")
    made = tmp_path / "new" / "other.npz"
    out, err = vidrec("scores-from", table, "--out", made, "--classes", classes)
    assert "3 videos, 2 classes, 1 labels unknown" in out and not err
    scores = Scores.load(made)
    assert scores.classes == CLASSES
    np.testing.assert_array_equal(scores.scores, [[2, 1], [5, 0], [0, 9]])

    table.write_text("video,label,run,jump\na,,1,nan\n")
    out, err = vidrec("scores-from", table, "--out", made, status=1)
    (line,) = err.splitlines()
    assert "line 2 of" in line and "'nan'" in line and not out
    assert len(Scores.load(made).videos) == 3


def test_the_same_file_twice_is_refused(tmp_path):
    one = write(tmp_path / "one.npz", [1, -1, -1, 2])
    for run, command in ((vidrec_process, "fuse"), (vidrec, "compare")):
        _, err = run(command, one, one, status=1)
        assert f"Received: {one} twice" in err and err.count("\n") == 1


def write_run(path, modality, values, *names, **meta):
    path.mkdir()
    recipe = recipes.get(f"tsn_{modality}_ucf101_code")
    (path / "recipe.yaml").write_text(recipe.to_yaml())
    for name in names or ["25x10-ucf101_split1"]:
        test, _, _ = name.rpartition("-")
        facts = {"modality": modality, "protocol": test, **meta}
        write(path / "scores" / f"{name}.npz", values, meta=facts)
    return path


def test_the_only_test_of_a_run_or_the_one_that_is_named(tmp_path):
    flow = write_run(tmp_path / "flow", "flow", [-1, -1, -1, -1])
    names = ("25x10-a_split1", "25x1-a_split1", "25x1-a_split1_01234567")
    rgb = write_run(tmp_path / "rgb", "rgb", [3, 1, -1, -1], *names)
    listed = (
        f"Expected one of the tests of a run: {rgb}@25x1-a_split1, "
        f"{rgb}@25x1-a_split1_01234567, {rgb}@25x10. Received: "
    )
    for command in (["fuse", flow], ["compare", flow], ["report"]):
        _, err = vidrec(*command, rgb, status=1)
        assert listed + f"{rgb}, with 3 tests\n" in err
        _, err = vidrec(*command, f"{rgb}@25x1", status=1)
        assert listed + "25x1\n" in err
    out, err = vidrec("fuse", flow, f"{rgb}@25x10")
    assert "Weights: 1.5 : 1, of scores" in out and not err
    assert str(rgb / "scores" / "25x10-a_split1.npz") in out
    other = f"{rgb}@25x1-a_split1_01234567"
    out, _ = vidrec("compare", f"{rgb}@25x10", other)
    assert "_01234567.npz" in out
    out, _ = vidrec("report", other)
    page = (rgb / "report" / "index.html").read_text("utf-8")
    assert page.index("25x1-a_split1_01234567") < page.index("25x10")
    _, err = vidrec("fuse", flow, tmp_path / "gone@25x1", status=1)
    assert err.count("\n") == 1 and "Received: " in err


def test_scores_of_another_network_are_refused_or_marked(tmp_path):
    """After a training in place the old figures are there still."""
    flow = write_run(tmp_path / "flow", "flow", [-1, -1, -1, -1])
    rgb = tmp_path / "rgb"
    write_run(rgb, "rgb", [3, 1, -1, -1], model=sha256(b"before").hexdigest())
    (rgb / "model.keras").write_bytes(b"before")
    out, err = vidrec("fuse", flow, rgb)
    assert "Mark" not in out and not err
    (rgb / "model.keras").write_bytes(b"after")
    file = rgb / "scores" / "25x10-ucf101_split1.npz"
    for command in (["fuse", flow], ["compare", flow], ["report"]):
        out, err = vidrec(*command, rgb, status=1)
        (line,) = err.splitlines()
        assert f"`vidrec evaluate {rgb}` tests it. Received: {file}" in line
        assert "of an earlier network" in line and not out
    name = "25x10-ucf101_split1.npz was made by an earlier network of its run"
    fused = tmp_path / "fused.npz"
    out, _ = vidrec("fuse", flow, file, "--out", fused)
    assert f"Mark of {file}: {name}\n" in out
    assert Scores.load(fused).marks == (name,)
    out, _ = vidrec("compare", file, fused)
    assert f"Mark of {file}: {name}\nMark of {fused}: {name}\n" in out
    page = tmp_path / "page"
    vidrec("report", file, "--out", page)
    assert name in (page / "index.html").read_text("utf-8")


def test_tests_of_different_protocols_are_told(tmp_path):
    facts = {"num_segments": 25, "sampling": "tsn_caffe"}
    flow = write_run(
        tmp_path / "flow", "flow", [1, 1, 1, 1], crops="ten", **facts
    )
    rgb = write_run(
        tmp_path / "rgb", "rgb", [3, 1, -1, -1], "25x1-a_split1",
        crops="center", **facts,
    )  # fmt: skip
    for command in ("fuse", "compare"):
        _, err = vidrec(command, flow, rgb)
        (line,) = err.splitlines()
        assert line.startswith(
            f"The tests are of different protocols: 25x10 (crops=ten) of {flow}"
        )
        assert f"; 25x1 (crops=center) of {rgb}" in line


# In another process, without the libraries that take seconds to import.
BARE = """
import sys
sys.modules.update(keras=None, tensorflow=None)
from keras_vidrec.cli.main import main
try:
    main(["fuse", *sys.argv[1:]])
except SystemExit as done:
    assert not done.code
main(["compare", *sys.argv[1:]])
"""


def test_score_files_need_neither_keras_nor_tensorflow(tmp_path):
    one = write(tmp_path / "one.npz", [1, -1, -1, 2])
    two = write(tmp_path / "two.npz", [1, -1, -1, 2])
    done = subprocess.run(
        [sys.executable, "-c", BARE, one, two],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    fused, compared = done.stdout.split("A  ", 1)
    assert "50.00 %" in fused and "50.00 %" in compared and not done.stderr
