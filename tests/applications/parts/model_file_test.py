import json
import zipfile

import keras
import numpy as np
import pytest
from keras import layers

from keras_vidrec.applications import TSN
from keras_vidrec.applications.parts import model_file


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.keras"
    model = TSN(backbone="tiny", classes=2)
    model_file.save(model, path)
    before = path.read_bytes()

    def full_disk(self, filepath):
        filepath.write_bytes(b"half a mod")
        raise OSError("No space left on device")

    monkeypatch.setattr(keras.Model, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        model_file.save(model, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04cut", b"text"])
def test_what_is_no_model_gives_one_clear_error(tmp_path, content):
    path = tmp_path / "model.keras"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"\.keras file.*model\.keras"):
        model_file.load(path)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    inputs = keras.Input((2,), name="features")
    outputs = layers.Dense(3, name="logits")(inputs)
    model_file.save(keras.Model(inputs, outputs), path)
    return path


def packed_anew(saved, path, changes):
    """A copy of the archive with other content of some members."""
    with (
        zipfile.ZipFile(saved) as old,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, changes.get(name, old.read(name)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[" * 10_000, "more than 100 levels"),
        (b" " * 2**26, "config.json announces 67108864 bytes"),
        (b"[]", ""),
        (b'{"class_name": "int", "module": "builtins", "config": {}}', ""),
        (b'{"class_name": 1}', ""),
    ],
    ids=lambda content: repr(content[:30]),
)
def test_a_config_without_an_end_or_a_meaning(saved, tmp_path, content, reason):
    path = tmp_path / "bad.keras"
    packed_anew(saved, path, {"config.json": content})
    with pytest.raises(ValueError, match=rf"bad\.keras: .*{reason}"):
        model_file.load(path)


def test_a_network_of_another_version(saved, tmp_path):
    """What it is made of is not there, or takes other arguments."""
    path = tmp_path / "old.keras"
    config = {
        "class_name": "OldLayer",
        "module": None,
        "registered_name": "keras_vidrec>OldLayer",
        "config": {"origin": {"versions": {"keras_vidrec": "0.0.3"}}},
    }
    packed_anew(saved, path, {"config.json": json.dumps(config)})
    with pytest.raises(
        ValueError, match="by keras_vidrec 0.0.3; this is 0.1.0"
    ):
        model_file.load(path)
    config["config"]["origin"]["versions"]["keras_vidrec"] = "0.1.0"
    packed_anew(saved, path, {"config.json": json.dumps(config)})
    with pytest.raises(ValueError, match="OldLayer") as told:
        model_file.load(path)
    assert "written by" not in str(told.value)


def test_members_that_nobody_asked_for_have_bounds(saved, tmp_path):
    path = tmp_path / "bad.keras"
    packed_anew(saved, path, {})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("assets/a", bytes(2**27))
    with pytest.raises(ValueError, match=r"bad\.keras.*hostile file announces"):
        model_file.load(path)


def test_a_wrong_checksum_is_no_other_network(saved, tmp_path):
    """Keras tries again without looking at it."""
    content = bytearray(saved.read_bytes())
    weights = np.float32(model_file.load(saved).get_layer("logits").kernel)
    content[content.index(weights.tobytes())] ^= 1
    path = tmp_path / "bad.keras"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"bad\.keras.*CRC"):
        model_file.load(path)


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_weights_that_are_not_finite_are_named(saved, tmp_path, value):
    model = model_file.load(saved)
    kernel = np.array(model.get_layer("logits").kernel)
    kernel[1, 2] = value
    model.get_layer("logits").kernel.assign(kernel)
    path = tmp_path / "bad.keras"
    model_file.save(model, path)
    with pytest.raises(ValueError, match="finite.*1 of 2: logits/kernel$"):
        model_file.load(path)


def test_weights_that_a_builder_takes_are_finite(tmp_path):
    path = tmp_path / "bad.weights.h5"
    model = TSN(backbone="tiny", classes=2)
    model.get_layer("logits").bias.assign([0, np.nan])
    model.save_weights(path)
    with pytest.raises(ValueError, match=r"bad\.weights\.h5.*: logits/bias$"):
        TSN(backbone="tiny", classes=2, weights=path)
