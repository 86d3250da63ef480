"""Answers of `vidrec predict` in its three forms."""

import csv
import io
import json

from keras_vidrec.applications.parts import model_file
from keras_vidrec.evaluation.predictor import Predictor
from tests.cli.command import vidrec


def test_lines_json_and_csv_say_the_same(model, clip, tmp_path):
    """Also beside a video that cannot be read."""
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    command = ("predict", model, broken, clip, "--top=2")
    expected = Predictor(model_file.load(model))(clip, 2)
    said, error = vidrec(*command, status=1)
    name, *classes = said.splitlines()
    assert name == str(clip) and error.count("\n") == 1
    assert error.startswith("vidrec: ") and "broken.mp4" in error
    for line, one, value in zip(
        classes, expected.classes, expected.probabilities, strict=True
    ):
        assert line == f"  {100 * value:6.2f} %  {one}"
    said, again = vidrec(*command, "--json", status=1)
    unread, answer = map(json.loads, said.splitlines())
    assert again == error == f"vidrec: {unread['error']}\n"
    assert answer["video"] == str(clip)
    assert answer["classes"] == [*expected.classes]
    said, again = vidrec(*command, "--csv", status=1)
    assert again == error
    rows = [*csv.DictReader(io.StringIO(said))]
    assert [(row["video"], row["rank"], row["class"]) for row in rows] == [
        (str(clip), str(rank), one)
        for rank, one in enumerate(expected.classes, 1)
    ]
    for row, value in zip(rows, answer["probabilities"], strict=True):
        assert row["probability"] == f"{value:.6f}"
