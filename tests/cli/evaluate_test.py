import dataclasses

import pytest

from keras_vidrec.cli.evaluate import runs_of
from keras_vidrec.evaluation.scores import metrics
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.training import recipes
from keras_vidrec.training.run import Run


def claim(path, split):
    recipe = recipes.get("quickstart_rgb")
    data = dataclasses.replace(recipe.data, split=split)
    Run(path).claim(dataclasses.replace(recipe, data=data))


def test_runs_of_splits(tmp_path):
    for split in (1, 3):
        claim(tmp_path / f"rgb-{split}", split)
    runs = runs_of(str(tmp_path / "rgb-{split}"), (1, 2, 3))
    assert {split: run.path.name for split, run in runs.items()} == {
        1: "rgb-1",
        3: "rgb-3",
    }
    (run,) = runs_of(str(tmp_path / "rgb-3"), (3,)).values()
    assert run.path == tmp_path / "rgb-3"


def test_no_network_is_tested_on_what_it_was_trained_on(tmp_path):
    claim(tmp_path / "rgb-2", 1)
    for path, chosen in (("rgb-2", (2,)), ("rgb-{split}", (1, 2))):
        with pytest.raises(ValueError, match="split 2.*trained on split 1"):
            runs_of(str(tmp_path / path), chosen)
    with pytest.raises(ValueError, match="rgb-{split}. Received.*rgb-2"):
        runs_of(str(tmp_path / "rgb-2"), (1, 2))


def test_no_run_at_all(tmp_path):
    with pytest.raises(ValueError, match="rgb-1.*rgb-2, which do not exist"):
        runs_of(str(tmp_path / "rgb-{split}"), (1, 2))
    with pytest.raises(ValueError, match="directory of a run"):
        runs_of(str(tmp_path / "rgb"), (1,))


def test_mean():
    one = Scores("ab", [[1, 0], [0, 1]], [0, 1], "xy")
    other = Scores("cdef", [[1, 0]] * 4, [0, 0, 0, 1], "xy")
    mean = metrics.mean_summary([one, other])
    figures = metrics.summary(one), metrics.summary(other)
    for name, value in mean.items():
        assert value == pytest.approx((figures[0][name] + figures[1][name]) / 2)
    assert mean["top_1"] == (1 + 3 / 4) / 2
