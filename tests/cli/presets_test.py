"""Published networks by name, in the commands that take one."""

import json

import numpy as np
import pytest

from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.specs import TestProtocol
from tests.cli.command import vidrec
from tests.data import numbered_video
from tests.weights.presets import small_table
from tests.weights.presets.small_table import BACKBONE
from tests.weights.presets.small_table import FLOW
from tests.weights.presets.small_table import PAIR
from tests.weights.presets.small_table import RGB
from tests.weights.presets.small_table import UNHASHED


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return small_table.write_files(tmp_path_factory.mktemp("published"))


@pytest.fixture
def small(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return small_table.install(monkeypatch, files, tmp_path / "cache")


def test_the_table_says_what_there_is(small, files, tmp_path):
    place = small_table.put_into_cache(
        small[RGB], files[RGB], tmp_path / "cache"
    )
    out, _ = vidrec("presets")
    rows = {line.split()[0]: line for line in out.splitlines()[3:]}
    assert set(rows) == {*small}
    assert rows[RGB].split()[1:] == (
        "TSN tiny rgb Tiny-Kinetics 12.50 0 MIT yes".split()
    )
    assert rows[PAIR].split()[1:] == (
        "TSN tiny rgb + flow 1:1.5 Tiny-Kinetics 0 MIT yes -".split()
    )
    assert rows[BACKBONE].split()[1:4] == ["backbone", "tiny", "rgb"]
    one, _ = vidrec("presets", RGB)
    for part in (
        "top-1 12.5 %",
        small[RGB].sha256,
        f"https://weights.example/files/{RGB}.keras (address not tried)",
        "license of the code: MIT",
        f"here: {place}",
    ):
        assert part in one
    values = json.loads(vidrec("presets", "--json")[0])
    assert [row["name"] for row in values] == [*small]
    assert values[0]["path"] == str(place)
    pair = json.loads(vidrec("presets", PAIR, "--json")[0])
    assert pair["streams"]["flow"]["path"] is None
    place.write_bytes(b"altered")
    assert json.loads(vidrec("presets", RGB, "--json")[0])["path"] is None


def test_names_that_are_none(small):
    _, err = vidrec("presets", "tiny_kinetics_rbg", status=1)
    assert f"mean '{RGB}'" in err
    _, err = vidrec("predict", "tiny_kinetics_rbg", "clip.mp4", status=1)
    assert f"mean '{RGB}'" in err and "does not exist" in err
    assert "NAME" in vidrec("presets", "--fetch", status=2)[1]


def test_fetching_without_a_network_says_what_to_get(small, files, tmp_path):
    _, err = vidrec("presets", RGB, "--fetch", status=1)
    assert "VIDREC_OFFLINE" in err and small[RGB].sha256 in err
    assert str(tmp_path / "cache") in err
    small_table.put_into_cache(small[RGB], files[RGB], tmp_path / "cache")
    assert "here: /" in vidrec("presets", RGB, "--fetch")[0]


def test_predictions_of_a_name(small, files, tmp_path):
    clip = numbered_video.write(tmp_path / "clip.mp4", 8)
    names = tmp_path / "names.txt"
    names.write_text("up\ndown\n", "utf-8")
    out, _ = vidrec(
        *("predict", PAIR, clip, "--class-names", names),
        *("--file", f"rgb={files[RGB]}", "--file", f"flow={files[FLOW]}"),
    )
    assert out.splitlines()[0] == str(clip)
    assert {line.split()[-1] for line in out.splitlines()[1:]} == {"up", "down"}
    _, err = vidrec("predict", RGB, clip, "--file", files[FLOW], status=1)
    assert f"Expected {RGB}.keras" in err and "got " in err
    _, err = vidrec("predict", PAIR, clip, "--file", files[RGB], status=1)
    assert "--file STREAM=PATH" in err
    _, err = vidrec(
        *("predict", BACKBONE, clip, "--file", files[BACKBONE]), status=1
    )
    assert f"=preset:{BACKBONE}" in err and "of a backbone" in err


def test_a_test_of_a_name(small, files, tmp_path):
    """On a folder a class, whose classes stand for the unknown ones."""
    for label in ("up", "down"):
        for number in range(4):
            path = tmp_path / "data" / label / f"{label}{number}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            numbered_video.write(path, 5 + number)
    out, err = vidrec(
        *("evaluate", RGB, "--data", tmp_path / "data"),
        *("--file", files[RGB], "--out", tmp_path / "scores"),
    )
    assert "was trained on Tiny-Kinetics. The list of" in err
    assert "class names are not known" in err
    (path,) = (tmp_path / "scores").glob("*.npz")
    assert f"Scores: {path}" in out and "accuracy" in out
    before = Scores.load(path)
    assert before.classes == ("down", "up")
    names = tmp_path / "names.txt"
    names.write_text("up\ndown\n", "utf-8")
    _, err = vidrec(
        *("evaluate", RGB, "--data", tmp_path / "data", "--file", files[RGB]),
        *("--out", tmp_path / "named", "--class-names", names),
    )
    assert "class names are not known" not in err
    (path,) = (tmp_path / "named").glob("*.npz")
    after = Scores.load(path)
    assert after.classes == ("down", "up")
    np.testing.assert_array_equal(after.scores, before.scores[:, ::-1])
    _, err = vidrec(
        *("evaluate", RGB, "--file", files[RGB], "--data", tmp_path / "data"),
        *("--splits", "1,2"),
        status=2,
    )
    assert "one split" in err


def test_other_commands_take_a_name(small, files, tmp_path):
    """What is stored from it names it, wherever it is read again."""
    small_table.put_into_cache(small[RGB], files[RGB], tmp_path / "cache")
    for label in ("up", "down"):
        path = tmp_path / "data" / label / "1.mp4"
        path.parent.mkdir(parents=True)
        numbered_video.write(path, 6)
    out, _ = vidrec(
        *("features", "--rgb", RGB, "--data", tmp_path / "data"),
        *("--out", "features", "--frames", 2, "--grid", "uniform"),
    )
    assert "Features: features (rgb; 2 videos, 2 frames each)" in out
    made = json.loads((tmp_path / "features/dataset.json").read_text())
    settings = made["settings"]
    assert settings["made_from"]["networks"] == {"rgb": f"preset:{RGB}"}
    vidrec(
        *("show", "activations", f"preset:{RGB}", path, "--layer", "conv1"),
        *("--out", "seen.png"),
    )
    assert (tmp_path / "seen.png").is_file()


@pytest.mark.large
def test_an_export_of_a_name(small, files, tmp_path):
    small_table.put_into_cache(small[RGB], files[RGB], tmp_path / "cache")
    out, _ = vidrec("export", RGB, "--out", "export")
    assert "probabilities agree within" in out
    assert (tmp_path / "export/saved_model.pb").is_file()


def test_imports_of_a_name(small, files, tmp_path):
    small_table.put_into_cache(small[RGB], files[RGB], tmp_path / "cache")
    out, _ = vidrec("import-weights", f"preset:{RGB}", "--out", "whole.keras")
    assert "147 tensors loaded" in out
    facts = describe(model_file.load("whole.keras"))
    assert facts.test_protocol == TestProtocol(num_segments=2, crops="center")
    assert RGB in facts.origin.parents["weights"].fingerprint
    vidrec(
        *("import-weights", f"preset:{UNHASHED}", "--out", "start.keras"),
        *("--file", files[UNHASHED], "--modality", "flow"),
        *("--inflate", "avg", "--classes", 7, "--allow-missing", "head"),
    )
    facts = describe(model_file.load("start.keras"))
    assert facts.clip_spec.modalities == ("flow",)
    assert facts.clip_spec.num_segments == 3  # not the preset's network
    _, err = vidrec(
        *("import-weights", f"preset:{PAIR}", "--out", "x.keras"), status=1
    )
    assert f"preset:{RGB} and preset:{FLOW}" in err
    _, err = vidrec(
        *("import-weights", files[RGB], "--out", "x.keras"), status=2
    )
    assert "--application" in err
