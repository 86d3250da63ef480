"""Videos that `vidrec predict` is given in many ways."""

import csv
import io
import json
import sys

import numpy as np

from keras_vidrec.applications.parts import model_file
from keras_vidrec.cli.prediction import inputs
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.evaluation.predictor import Unread
from tests import servers
from tests.cli.command import vidrec
from tests.data import numbered_video


def test_many_videos_however_they_are_named(model, tmp_path, monkeypatch):
    folder = tmp_path / "videos"
    (folder / "b").mkdir(parents=True)
    for name, length in (("c.mp4", 9), ("a.avi", 12), ("b/d.mp4", 5)):
        numbered_video.write(folder / name, length)
    (folder / "b" / "notes.txt").write_text("nothing")
    (folder / "b" / "broken.mp4").write_bytes(b"no video")
    names = ["a.avi", "b/broken.mp4", "b/d.mp4", "c.mp4"]
    listed = "".join(f"{folder / name}\n" for name in names)
    predictor = Predictor(model_file.load(model))
    one_by_one = [
        predictor(folder / name, 2).to_dict()
        for name in names
        if "broken" not in name
    ]
    ways = {
        "folder": [folder],
        "pattern": [folder / "a*", folder / "b" / "*", folder / "c*"],
        "stdin": ["-"],
    }
    for way, places in ways.items():
        text = io.TextIOWrapper(io.BytesIO(listed.encode()))
        monkeypatch.setattr(sys, "stdin", text)
        out, err = vidrec(
            "predict", model, *places, "--json", "--top=2", status=1
        )
        lines = [json.loads(line) for line in out.splitlines()]
        assert [line["video"] for line in lines] == [
            str(folder / name) for name in names
        ]
        broken = lines.pop(1)
        assert "broken.mp4" in broken["error"]
        assert f"vidrec: {broken['error']}\n" in err
        assert ("notes.txt" in err) == (way == "pattern")
        for line, expected in zip(lines, one_by_one, strict=True):
            assert line["classes"] == list(expected["classes"])
            np.testing.assert_allclose(
                line.pop("probabilities"), expected["probabilities"], rtol=1e-5
            )
            assert line["health"] == expected["health"]
    out, _ = vidrec("predict", model, folder / "c.mp4", "--csv", "--top=2")
    rows = list(csv.reader(io.StringIO(out)))
    assert rows[0] == ["video", "rank", "class", "probability"]
    assert [row[:3] for row in rows[1:]] == [
        [str(folder / "c.mp4"), str(rank), name]
        for rank, name in enumerate(one_by_one[-1]["classes"], 1)
    ]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\n")))
    assert vidrec("predict", model, "-") == ("", "")


def test_an_address_is_answered_clearly(model, clip):
    page = clip.with_name("watch.html")
    page.write_text("<!doctype html><video src=clip.mp4>")
    with servers.running(servers.Files(clip.parent)) as server:
        out, err = vidrec(
            "predict", model, f"{server.url}/watch.html", "rtsp://camera/1",
            "ftps://x/y", f"{server.url}/clip.mp4", status=1,
        )  # fmt: skip
    assert out.startswith(f"{server.url}/clip.mp4")
    page, live, unknown = err.splitlines()
    assert "watch.html" in page and "Download the video and give its" in page
    assert live.endswith("Process it with --camera rtsp://camera/1")
    assert "ftps:// is not supported" in unknown


def test_sentences_about_an_address_end():
    gone = OSError(2, "there is no such file", "http://x.org/a.mp4")
    said = inputs.explained(Unread("http://x.org/a.mp4", gone))
    assert "'http://x.org/a.mp4'. A URL must" in said
