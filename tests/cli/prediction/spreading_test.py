"""`vidrec predict --runner` as a user runs it."""

import json

import numpy as np
import pytest

from keras_vidrec.applications.parts import model_file
from tests.cli.command import vidrec
from tests.evaluation.spread_test import THREADS
from tests.evaluation.spread_test import six_videos
from tests.evaluation.spread_test import small_network

pytestmark = pytest.mark.usefixtures("no_pipeline_left")


def test_predictions_are_the_same(tmp_path, monkeypatch):
    network, videos = small_network(), six_videos(tmp_path / "all" / "videos")
    out = tmp_path / "out"
    path = out / "network.keras"
    out.mkdir()
    model_file.save(network, path)
    monkeypatch.chdir(videos.parent)
    command = ("predict", path, "videos", "--json", "--top=1")
    expected, errors = vidrec(*command, status=1)
    spread_out = (
        *command, "--runner", "DirectRunner", "--parts=2", "--out", out,
        "--", *THREADS,
    )  # fmt: skip
    found, told = vidrec(*spread_out, status=1)
    assert told == errors
    rows, others = (
        [json.loads(line) for line in text.splitlines()]
        for text in (found, expected)
    )
    assert len(rows) == 6
    for row, other in zip(rows, others, strict=True):
        np.testing.assert_allclose(
            row.pop("probabilities", 0),
            other.pop("probabilities", 0),
            atol=1e-6,
        )
        assert row == other
    assert [path.name for path in out.iterdir()] == ["network.keras"]
    _, err = vidrec(*command, "--parts=2", status=2)
    assert "belong to a --runner" in " ".join(err.split())
    _, err = vidrec(*command, "--window=1s", "--runner=X", status=2)
    assert "--runner does not work with windows" in " ".join(err.split())
