"""Trainings that are followed in other programs, without a network.

Those of the real packages run where these are installed (`make test-log`).
"""

import dataclasses
import importlib.util
import json
import logging
import re

import pytest

from keras_vidrec.specs import checks
from keras_vidrec.training.trainer import train
from tests.training.callbacks.users_test import Counter
from tests.training.loop_test import built as built
from tests.training.loop_test import recipe as recipe
from tests.training.runs import log_of

pytestmark = pytest.mark.usefixtures("eager")

KILLED = ("epoch", 1, RuntimeError("killed"))


@pytest.fixture
def validated(recipe):
    return recipe.with_settings(["validation.fraction=0.5"])


def test_what_is_not_installed_or_unknown(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    command = re.escape(checks.how_to_install("mlflow"))
    with pytest.raises(ValueError, match=command):
        train(recipe, tmp_path / "run", log=["csv", "mlflow"])
    for log in (["aim"], "csv"):
        with pytest.raises(ValueError, match="`log`. Expected a list of some"):
            train(recipe, tmp_path / "run", log=log)
    assert not (tmp_path / "run").exists()


def test_csv_alone(recipe, tmp_path):
    """Also where it goes on, which need not say it again."""
    out = tmp_path / "run"
    with pytest.raises(RuntimeError, match="killed"):
        train(recipe, out, callbacks=[Counter(*KILLED)], log=["csv"], verbose=0)
    run = train(recipe, out, verbose=0)
    assert run.followed == ("csv",)
    assert len(log_of(run)) == 4 and not run.tensorboard.exists()
    assert len(run.log) == 4 and run.log[3]["epoch"] == 3
    assert not run.trackers_file.exists()


def twice(recipe, out, name):
    """A training that a callback ends in its second epoch, and goes on, with
    another line for people."""
    with pytest.raises(RuntimeError, match="killed"):
        train(recipe, out, callbacks=[Counter(*KILLED)], log=[name], verbose=0)
    entry = json.loads((out / "trackers.json").read_text())
    recipe = dataclasses.replace(recipe, summary="another line")
    run = train(recipe, out, log=[name], verbose=0)
    assert json.loads(run.trackers_file.read_text()) == entry
    # There is nothing to follow.
    train(recipe, out, log=[name], verbose=0)
    return run, entry[name]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("store", ["sqlite:///{}/mlflow.db", "file://{}/store"])
def test_mlflow(validated, tmp_path, monkeypatch, caplog, store):
    """One entry, in a local store: recipe, origin, figures of each epoch, the
    outcome and the network."""
    mlflow = pytest.importorskip("mlflow", reason="make test-log")
    caplog.set_level(logging.ERROR)
    monkeypatch.chdir(tmp_path)
    # MLflow 3 refuses directories without it, in favor of databases.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri(store.format(tmp_path))
    run, entry = twice(validated, tmp_path / "run", "mlflow")
    client = mlflow.MlflowClient()
    found = client.get_run(entry)
    assert found.info.status == "FINISHED" and found.info.run_name == "run"
    assert found.data.params["recipe.optimizer.name"] == "adam"
    assert found.data.params["origin.split"] == "1"
    for name in ("loss", "accuracy", "val_accuracy", "learning_rate"):
        steps = {one.step for one in client.get_metric_history(entry, name)}
        assert steps == {0, 1, 2, 3}
    best = max(float(row["val_accuracy"]) for row in log_of(run))
    assert found.data.metrics["validation_accuracy"] == pytest.approx(best)
    kept = {one.path for one in client.list_artifacts(entry)}
    assert {"recipe.yaml", "origin.json", "model"} <= kept
    (model,) = client.list_artifacts(entry, "model")
    assert model.path == "model/model.keras"
    (one,) = client.search_runs(["0"])
    assert one.info.run_id == entry


@pytest.mark.filterwarnings("default")
def test_wandb(validated, tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb", reason="make test-log")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    seen = []
    finish = wandb.finish

    def look(exit_code):
        run = wandb.run
        seen.append((exit_code, run.id, dict(run.config), dict(run.summary)))
        finish(exit_code=exit_code)

    monkeypatch.setattr(wandb, "finish", look)
    run, entry = twice(validated, tmp_path / "run", "wandb")
    (failed, *_), (ended, last, config, summary) = seen
    assert (failed, ended, last) == (1, 0, entry)
    assert config["recipe"]["optimizer"]["name"] == "adam"
    assert config["origin"]["split"] == 1
    assert summary["epoch/epoch"] == 3 and "epoch/val_accuracy" in summary
    best = max(float(row["val_accuracy"]) for row in log_of(run))
    assert summary["validation_accuracy"] == pytest.approx(best)
    # Both starts are there to be synchronized.
    assert len([*run.path.glob(f"wandb/offline-run-*-{entry}")]) == 2
