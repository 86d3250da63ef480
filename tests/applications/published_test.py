import re

import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec.applications import TSN
from keras_vidrec.applications import TwoStreamConvNet
from keras_vidrec.applications import published
from keras_vidrec.applications.parts import table as builders
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.specs import TestProtocol
from keras_vidrec.specs import checks
from keras_vidrec.weights import presets
from keras_vidrec.weights.pixels import kind_of
from keras_vidrec.weights.presets import table
from keras_vidrec.weights.published import packages
from keras_vidrec.weights.published.readers.opening import open_checkpoint
from keras_vidrec.weights.published.recognition import recognize
from keras_vidrec.weights.towers import slots
from tests.weights.presets import simulated_files
from tests.weights.presets import small_table
from tests.weights.presets.small_table import BACKBONE
from tests.weights.presets.small_table import FLOW
from tests.weights.presets.small_table import OTHER
from tests.weights.presets.small_table import PAIR
from tests.weights.presets.small_table import RGB
from tests.weights.presets.small_table import UNHASHED

# A network in a zip archive, and a backbone: small ones.
FAST = {"tsn_bn_inception_kinetics400_flow", "efficientnet_lite0_imagenet"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return small_table.write_files(tmp_path_factory.mktemp("published"))


@pytest.fixture
def small(files, tmp_path, monkeypatch):
    return small_table.install(monkeypatch, files, tmp_path / "cache")


EVERY = [
    pytest.param(
        one, id=one.name, marks=() if one.name in FAST else pytest.mark.large
    )
    for one in presets.presets()
]


def of_this_file(preset, path):
    """The preset as it were if its authors had published this file."""
    known = None if preset.sha256 is None else packages.digest(path)
    return preset.replace(sha256=known, md5=None, size=None)


def test_every_preset_has_a_builder():
    for one in presets.presets():
        if one.application is not None:
            asked = one.application, one.arguments
            builders.check_arguments(*asked)
            assert builders.backbones(*asked), one.name
            assert one.modality in (None, *builders.streams(*asked)), one.name


@pytest.mark.parametrize("preset", EVERY)
def test_the_file_of_every_preset_fills_its_network(
    preset, tmp_path, monkeypatch
):
    path = simulated_files.write(preset, tmp_path)
    preset = of_this_file(preset, path)
    monkeypatch.setattr(table, "_table", lambda: {preset.name: preset})
    monkeypatch.setenv("VIDREC_CACHE", str(tmp_path / "cache"))
    model = published.load(preset.name, file=path)
    backbones = preset.arguments["backbone"]
    if preset.member is not None:
        path = preset.find() or preset.fetch(path)
    if isinstance(backbones, str):
        checkpoint = open_checkpoint(path)
        translation = recognize(checkpoint, {None: backbones})
        assert translation.scheme == preset.scheme
        assert checkpoint.format == preset.format
        if preset.scaling is not None:
            kind = kind_of(preset.modality)
            assert translation.scaling[kind] == preset.scaling
    size = {"vgg16": 224, "inception_v3": 96}.get(str(backbones), 64)
    if preset.application is None:
        shape = (1, size, size, *model.input.shape[3:])
        features = ops.convert_to_numpy(model(np.ones(shape, "float32")))
        assert np.isfinite(features).all() and np.std(features) > 0
        return
    facts = describe(model)
    spec = facts.clip_spec
    assert facts.class_names == preset.names()
    assert facts.test_protocol == TestProtocol(**preset.test)
    assert spec == preset.clip_spec(spec)
    assert facts.blueprint.application == preset.application
    (start,) = facts.origin.parents.values()
    assert preset.file in start.fingerprint and preset.data in start.fingerprint
    clips = {
        stream: np.full((1, 2, size, size, spec.channels(stream)), 99, "uint8")
        for stream in spec.modalities
    }
    scores = ops.convert_to_numpy(
        model(clips if len(clips) > 1 else next(iter(clips.values())))
    )
    assert scores.shape == (1, preset.classes)
    np.testing.assert_allclose(np.sum(scores), 1, rtol=1e-4)


def test_a_network_comes_with_what_its_authors_say(small, files):
    names = ["up", "down"]
    model = published.load(RGB, file=files[RGB], class_names=names)
    source = keras.models.load_model(files[RGB])
    for slot, weight in slots(model).items():
        np.testing.assert_array_equal(weight, slots(source)[slot])
    facts = describe(model)
    assert facts.class_names == ("up", "down")
    assert facts.blueprint.arguments == {
        "backbone": "tiny",
        "modality": "rgb",
        "classes": 2,
    }
    assert (facts.clip_spec.size, facts.clip_spec.num_segments) == (32, 8)
    assert facts.test_protocol == TestProtocol(num_segments=2, crops="center")
    assert small[RGB].sha256[:16] in facts.origin.parents["weights"].fingerprint
    with pytest.raises(ValueError, match="Expected 2 names for tiny_kinetics_"):
        published.load(RGB, file=files[RGB], class_names=["up"])


def test_a_pair_is_fused(small, files, tmp_path):
    """One stream by its path, the other from the cache."""
    small_table.put_into_cache(small[FLOW], files[FLOW], tmp_path / "cache")
    model = published.load(PAIR, file={"rgb": files[RGB]})
    spec = describe(model).clip_spec
    assert spec.modalities == ("rgb", "flow") and spec.num_segments == 8
    parents = describe(model).origin.parents
    assert RGB in parents["rgb"].parents["weights"].fingerprint
    rng = np.random.default_rng(0)
    clips = {
        stream: rng.integers(
            0, 256, (1, 2, 32, 32, spec.channels(stream))
        ).astype("float32")
        for stream in spec.modalities
    }
    logits = {
        stream: ops.convert_to_numpy(
            model.get_layer(f"{stream}_tower")(clips[stream])[1]
        )
        for stream in spec.modalities
    }
    mean = (logits["rgb"] + 1.5 * logits["flow"]) / 2.5
    expected = np.exp(mean) / np.exp(mean).sum()
    found = ops.convert_to_numpy(model(clips))
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    with pytest.raises(ValueError, match="dict of paths by stream.*--file"):
        published.load(PAIR, file=files[RGB])


def test_a_missing_file_is_told_with_all_that_helps(small, files, tmp_path):
    with pytest.raises(OSError) as caught:
        published.load(RGB)
    place = tmp_path / "cache" / "weights" / small[RGB].sha256[:16]
    for part in (
        f"{RGB}.keras",
        small[RGB].sha256,
        f"https://weights.example/files/{RGB}.keras",
        str(place / f"{RGB}.keras"),
        "--file",
    ):
        assert part in str(caught.value)
    with pytest.raises(ValueError, match="Expected tiny_kinetics_rgb.keras"):
        published.load(RGB, file=files[FLOW])
    with pytest.raises(ValueError, match="--trust-first-download|OFFLINE"):
        try:
            published.load(UNHASHED)
        except OSError as error:
            raise ValueError(str(error)) from None
    assert published.load(UNHASHED, file=files[UNHASHED])


def test_weights_of_a_package_that_is_not_there(monkeypatch):
    monkeypatch.setattr(packages, "find", lambda name: None)
    command = re.escape(checks.how_to_install("pretrained"))
    with pytest.raises(ImportError, match=command):
        published.load("efficientnet_lite0_imagenet")


def test_a_builder_takes_a_data_set_or_a_name(small, files, tmp_path):
    small_table.put_into_cache(small[RGB], files[RGB], tmp_path / "cache")
    model = TSN(backbone="tiny", weights="tinykinetics")
    assert model.output_shape == (None, 2)
    assert describe(model).clip_spec.num_segments == 8
    tower = TSN(backbone="tiny", weights=f"preset:{RGB}", include_top=False)
    ours, want = slots(tower), slots(model)
    first = next(iter(ours))
    np.testing.assert_array_equal(ours[first], want[first])


@pytest.mark.parametrize(
    ("build", "arguments", "message"),
    [
        (
            TSN,
            {"classes": 5},
            f"TSN.backbone='tiny', modality='rgb', classes=2.: {RGB}, ",
        ),
        (TSN, {"backbone": "resnet50"}, "backbone='tiny'"),
        (TSN, {"modality": "rgb_diff"}, "modality='flow'"),
        (TSN, {"modality": "flow", "snippet_length": 10}, "snippet_length=5"),
        (TwoStreamConvNet, {}, f"fit TwoStreamConvNet.*TSN.*: {RGB}"),
        (TSN, {"weights": OTHER, "classes": 4}, "classes=3"),
        (TSN, {"weights": PAIR}, f"keras_vidrec.load..{PAIR}"),
        (TSN, {"weights": BACKBONE}, "initialization.weights=preset:"),
        (TSN, {"weights": "tinykinetic"}, "Invalid `weights`.*'tinykinetics'"),
    ],
)
def test_weights_that_do_not_fit_name_those_that_do(
    small, build, arguments, message
):
    values = {"backbone": "tiny", "weights": "tinykinetics", **arguments}
    with pytest.raises(ValueError, match=message):
        build(**values)


def test_weights_of_a_backbone_are_no_networks(small):
    """The ways to start towers from them are named."""
    with pytest.raises(ValueError, match="weights=preset:tiny_imag") as told:
        TSN(weights=BACKBONE, backbone="tiny")
    assert 'weights="imagenet"' not in str(told.value)


def test_a_backbone_is_a_tower(small, files, tmp_path):
    tower = published.load(BACKBONE, file=files[BACKBONE])
    assert tower.name == "rgb" and tower.output_shape == (None, 256)
    with pytest.raises(ValueError, match="is a backbone, which has no classes"):
        published.load(BACKBONE, file=files[BACKBONE], class_names=["a"])
    small_table.put_into_cache(
        small[BACKBONE], files[BACKBONE], tmp_path / "cache"
    )
    network = published.to_start_from(BACKBONE)
    assert network.output_shape == (None, 1)
    kernel = network.get_layer("rgb").get_layer("conv1").kernel
    np.testing.assert_array_equal(tower.get_layer("conv1").kernel, kernel)
