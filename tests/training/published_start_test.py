"""Trainings that start from published networks."""

import numpy as np
import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.training import initialization
from keras_vidrec.training import network
from keras_vidrec.training.recipes.initialization import Initialization
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.recipes.sections import Network
from keras_vidrec.weights.towers import slots
from tests.weights.presets import small_table
from tests.weights.presets.small_table import BACKBONE
from tests.weights.presets.small_table import FLOW
from tests.weights.presets.small_table import OTHER
from tests.weights.presets.small_table import PAIR
from tests.weights.presets.small_table import RGB
from tests.weights.presets.small_table import UNHASHED


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return small_table.write_files(tmp_path_factory.mktemp("published"))


@pytest.fixture
def small(files, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    found = small_table.install(monkeypatch, files, cache)
    for name, path in files.items():
        small_table.put_into_cache(found[name], path, cache)
    return found


def built(weights, application="TSN", **arguments):
    recipe = Recipe(
        name="own",
        network=Network(application, {"backbone": "tiny", **arguments}),
        initialization=Initialization(weights),
    )
    return network.build(recipe, ("a", "b", "c"))


def kernels(model, *path):
    for name in path:
        model = model.get_layer(name)
    return np.asarray(model.get_layer("conv1").kernel)


def test_a_network_of_one_stream(small, files, caplog):
    model = built(f"preset:{OTHER}")
    source = initialization.load(f"preset:{OTHER}")
    np.testing.assert_array_equal(kernels(model, "rgb"), kernels(source, "rgb"))
    assert "trained on UCF101, split 1: the list of its training" in caplog.text
    assert describe(model).origin.random == ()  # as many classes
    assert describe(model).class_names == ("a", "b", "c")
    start = describe(model).origin.parents["weights"]
    assert OTHER in start.parents["weights"].fingerprint
    # The clips of a recipe are its own.
    assert describe(model).clip_spec.num_segments == 3


def test_another_backbone_is_refused_before_it_is_downloaded(
    small, monkeypatch
):
    monkeypatch.setattr(initialization, "_published", None)
    message = "weights`. Expected towers of .* bn_inception for rgb where tiny"
    for weights in (f"preset:{RGB}", {"rgb": f"preset:{RGB}"}):
        with pytest.raises(ValueError, match=message):
            built(weights, backbone="bn_inception")
    with pytest.raises(ValueError, match="bn_inception for flow where tiny"):
        built(
            f"preset:{PAIR}",
            "TwoStreamFusion",
            backbone={"rgb": "tiny", "flow": "bn_inception"},
        )


def test_the_weights_of_a_backbone(small):
    """For motion, too; what is behind the tower starts at random."""
    model = built(f"preset:{BACKBONE}", modality="flow")
    source = initialization.load(f"preset:{BACKBONE}")
    mean = kernels(source, "rgb").mean(2)
    np.testing.assert_allclose(
        kernels(model, "flow")[:, :, 3], mean, rtol=1e-5, atol=1e-6
    )
    assert describe(model).origin.random == ("logits",)
    assert BACKBONE in describe(model).origin.parents["weights"].fingerprint


def test_a_pair_for_two_streams(small):
    model = built(f"preset:{PAIR}", "TwoStreamFusion", snippet_length=5)
    by_stream = {"rgb": f"preset:{RGB}", "flow": f"preset:{FLOW}"}
    for stream, source in initialization.load(by_stream).items():
        want = slots(model)
        for slot, weight in slots(source).items():
            if slot.layer == "conv1":
                ours = want[slot._replace(stream=stream)]
                np.testing.assert_array_equal(ours, weight)
    parents = describe(model).origin.parents["weights"].parents
    for stream, name in (("rgb", RGB), ("flow", FLOW)):
        assert name in parents[stream].parents["weights"].fingerprint


@pytest.mark.parametrize(
    ("weights", "arguments", "message"),
    [
        ("preset:tiny_kinetics_rbg", {}, f"Did you mean '{RGB}'"),
        (f"preset:{RGB}", {"backbone": "vgg16"}, "tiny for rgb|tiny"),
        (f"preset:{FLOW}", {}, "a network of rgb"),
        (RGB, {}, 'Invalid `initialization.weights`.*"preset:NAME"'),
    ],
)
def test_what_no_training_starts_from(small, weights, arguments, message):
    with pytest.raises(ValueError, match=message):
        built(weights, **arguments)


def test_files_that_cannot_be_had(small, files, tmp_path, monkeypatch):
    """Nothing but a name stands in a recipe: the error has the commands that
    take more."""
    monkeypatch.setenv("VIDREC_CACHE", str(tmp_path / "empty"))
    with pytest.raises(OSError, match="OFFLINE.*preset:tiny.*--file PATH"):
        built(f"preset:{RGB}")
    with pytest.raises(OSError, match=f"preset:{RGB} --file PATH"):
        TSN(backbone="tiny", weights=RGB)
    monkeypatch.setenv("VIDREC_OFFLINE", "0")
    once = f"vidrec presets {UNHASHED} --fetch --trust-first-download"
    with pytest.raises(ValueError, match=f"no published hash.*{once}"):
        TSN(backbone="tiny", weights=UNHASHED)
