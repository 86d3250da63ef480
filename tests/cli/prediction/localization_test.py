"""`vidrec evaluate --segments` as a user runs it."""

import csv
import json

from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.specs import Origin
from keras_vidrec.specs import VideoSet
from tests.cli.command import vidrec
from tests.evaluation.localizer_test import color_network
from tests.evaluation.localizer_test import two_films


def test_segments_are_found_and_figures_told(tmp_path):
    network, videos = color_network(), two_films(tmp_path / "videos")
    path = tmp_path / "network.keras"
    seen = VideoSet.of(["a.avi#2-5"], [None])
    predictions_layer(network).origin = Origin("network", trained_on=seen)
    model_file.save(network, path)
    command = (
        "evaluate", path, "--segments", videos / "truth.csv", "--window=1s",
        "--out", tmp_path / "out",
    )  # fmt: skip
    _, err = vidrec(*command, status=1)
    assert "were trained on, 1 of 4: 'a.avi#2-5'" in err
    out, _ = vidrec(*command, "--allow-leak", "--min-length=1s")
    assert "map@0.7              100.00 %" in out
    assert "1 of 4 videos of the test were trained on" in out
    report = tmp_path / "out" / "truth-segments.json"
    # Nothing is left of what is done.
    assert sorted(path.name for path in report.parent.iterdir()) == [
        "truth-segments.csv", "truth-segments.json",
    ]  # fmt: skip
    _, err = vidrec(*command, "--background=rad", status=1)
    assert "Invalid `--background`" in err and "such as 'red'" in err
    content = json.loads(report.read_text("utf-8"))
    assert content["map"] == 1 and content["classes"] == {"blue": 1, "red": 1}
    assert content["stride"] == 0.5 and content["min_length"] == 1
    assert len(content["marks"]) == 1
    with open(report.with_suffix(".csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == ["red", "blue", "blue"]
    _, err = vidrec(*command, "--splits=1", status=2)
    assert "--segments cannot be combined" in err
    _, err = vidrec("evaluate", path, "--smoothing=1s", status=2)
    assert "merging need --segments" in " ".join(err.split())
