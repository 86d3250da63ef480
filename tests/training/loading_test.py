import pathlib

import pytest

import keras_vidrec
from keras_vidrec.applications.parts import model_file
from keras_vidrec.training import initialization
from keras_vidrec.training import loading
from keras_vidrec.weights import downloads
from tests.weights.presets import small_table
from tests.weights.presets.small_table import RGB


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return small_table.write_files(
        tmp_path_factory.mktemp("published"), names=[RGB]
    )


@pytest.fixture
def small(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return small_table.install(monkeypatch, files, tmp_path / "cache")


def test_names_and_paths(small, files):
    """What exists is a path, unless `preset:` says what it is."""
    model = keras_vidrec.load(RGB, files[RGB], class_names=["up", "down"])
    facts = keras_vidrec.describe(model)
    assert facts.class_names == ("up", "down")
    assert facts.clip_spec.num_segments == 8
    model_file.save(model, f"{RGB}.keras")
    again = keras_vidrec.load(pathlib.Path(f"{RGB}.keras"))
    assert keras_vidrec.describe(again) == keras_vidrec.describe(model)
    pathlib.Path(RGB).mkdir()
    assert loading.preset_of(RGB) is None
    assert loading.preset_of(f"preset:{RGB}") == f"preset:{RGB}"
    with pytest.raises(ValueError, match="the directory of a run, with a rec"):
        keras_vidrec.load(RGB)


def test_a_network_that_lies_on_a_hub(small, files, monkeypatch):
    """Whatever takes the name of a network takes its address."""
    model = keras_vidrec.load(RGB, files[RGB], class_names=["up", "down"])
    model_file.save(model, "saved.keras")
    address = "hf://somebody/tsn@v1"
    saved = {address: pathlib.Path("saved.keras")}
    monkeypatch.setattr(downloads, "fetch_saved", saved.__getitem__)
    facts = keras_vidrec.describe(model)
    assert keras_vidrec.describe(keras_vidrec.load(address)) == facts
    started = initialization.load({"rgb": address})
    assert keras_vidrec.describe(started["rgb"]) == facts
    assert loading.lasting(address) == address
    with pytest.raises(ValueError, match="Invalid `file`. Expected None"):
        keras_vidrec.load(address, "a.pth")


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("tiny_kinetic_rgb", {}, f"Did you mean '{RGB}'.*which does not exist"),
        ("preset:nothing", {}, "Unknown preset.*vidrec presets"),
        ("", {}, "`name_or_path`. Expected the directory of a run.*_path=''"),
        (None, {}, "`name_or_path`.*a name that `vidrec presets`.*path=None"),
        ("model.keras", {"file": "a.pth"}, "Invalid `file`. Expected None"),
        ("model.keras", {"class_names": ["a"]}, "Invalid `class_names`"),
    ],
)
def test_what_cannot_be_loaded(small, name, arguments, message):
    with pytest.raises(ValueError, match=message):
        keras_vidrec.load(name, **arguments)
