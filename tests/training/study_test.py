"""The study of docs/training.md, on a small network (`make test-log`)."""

import pathlib
import re

import pytest

import keras_vidrec
from tests.training.loop_test import built as built
from tests.training.loop_test import recipe as recipe

DOCS = pathlib.Path(keras_vidrec.__file__).parents[1] / "docs/training.md"


@pytest.mark.usefixtures("eager")
@pytest.mark.filterwarnings("default")
def test_three_trials(recipe, tmp_path, monkeypatch):
    optuna = pytest.importorskip("optuna", reason="make test-log")
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(
        r"```python\n(import keras\nimport optuna.*?)```",
        DOCS.read_text("utf-8"),
        re.S,
    )
    assert code.count('"my_videos"') == code.count("n_trials=20") == 1
    code = code.replace('"my_videos"', repr(recipe.data.directory))
    code = code.replace("n_trials=20", "n_trials=3")
    code = code.replace('get("scratch")', "get(SCRATCH)")
    small = recipe.with_settings(
        [
            "validation.fraction=0.5",
            "schedule.phases=[]",
            "schedule.epochs=2",
            "optimizer.accumulate=1",
        ]
    )
    namespace = {"SCRATCH": small.to_dict()}
    exec(compile(code, str(DOCS), "exec"), namespace)
    study = namespace["study"]
    assert len(study.trials) == 3
    states = {one.state for one in study.trials}
    assert states <= {
        optuna.trial.TrialState.COMPLETE,
        optuna.trial.TrialState.PRUNED,
    }
    assert 0 <= study.best_value <= 1
    assert set(study.best_params) == {"learning_rate", "dropout"}
    for number in range(3):
        assert (tmp_path / f"study/{number}/log.csv").is_file()
