import functools

import numpy as np
import pytest
from keras import ops

from keras_vidrec.applications import TSN
from keras_vidrec.applications import SpatiotemporalMultiplier
from keras_vidrec.applications import TwoStreamFusion
from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.applications.stfn import STFN
from keras_vidrec.specs import checks
from keras_vidrec.training import initialization
from keras_vidrec.training import loading
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.recipes.schedule import Schedule
from keras_vidrec.training.run import Run
from keras_vidrec.weights import CopyReport
from keras_vidrec.weights import starting
from keras_vidrec.weights.towers import layers_by_path
from keras_vidrec.weights.towers import stream_layer
from tests.applications.joined_streams import without_values
from tests.applications.own_towers import own_towers


def tiny(**arguments):
    return TSN(backbone="tiny", **{"classes": 3, **arguments})


def start_from(model, weights, inflation="avg"):
    """As `network.build` does."""
    networks = initialization.load(weights)
    with checks.inside("initialization."):
        return starting.start_from(model, networks, inflation, weights)


KEPT = {}
LOAD = loading.load


def keep(model, path):
    """At the path of a network that is there: most tests ask what is made of
    it, not how it is saved and loaded."""
    path.touch()
    KEPT[str(path)] = model
    return str(path)


@functools.cache
def load_once(path, over_features=False):
    return KEPT.get(path) or LOAD(path, over_features=over_features)


@pytest.fixture(autouse=True)
def loaded_once(monkeypatch):
    """Networks to start from are only read."""
    monkeypatch.setattr(loading, "load", load_once)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("trained") / "model.keras"
    model_file.save(tiny(), path)
    return str(path)


def test_a_new_classifier_starts_anew_and_is_reported(trained, caplog):
    model = tiny(classes=5)
    head = model.get_layer("logits").get_weights()
    assert start_from(model, trained) == ("logits",)
    source = loading.load(trained)
    for one, two in zip(
        source.get_layer("rgb").get_weights(),
        model.get_layer("rgb").get_weights(),
    ):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(
        model.get_layer("logits").get_weights()[0], head[0]
    )
    assert "mismatched: logits" in caplog.text
    assert "Layers that start at random: logits." in caplog.text
    assert start_from(tiny(), trained) == ()


def test_pixels_are_scaled_as_they_were(tmp_path):
    """Imported weights may want others than those of the backbone."""
    source = tiny()
    source.get_layer("preprocessing").mean = (90.0, 100.0, 110.0)
    source.get_layer("preprocessing").channel_order = "bgr"
    path = keep(source, tmp_path / "rgb.keras")
    model = tiny()
    start_from(model, path)
    rng = np.random.default_rng(0)
    video = rng.integers(0, 256, (2, 3, 32, 32, 3)).astype("uint8")
    expected = ops.convert_to_numpy(source(video))
    assert np.ptp(expected) > 1e-4
    np.testing.assert_allclose(
        ops.convert_to_numpy(model(video)), expected, atol=1e-6
    )
    # Of another modality.
    motion = tiny(modality="flow")
    start_from(motion, path)
    assert motion.get_layer("preprocessing").mean == 127.5


def test_nothing_to_start_from():
    model = tiny()
    before = model.get_weights()
    assert start_from(model, None) == ()
    for one, two in zip(before, model.get_weights()):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    "modality, inflation", [("flow", "avg"), ("rgb_diff", "symmetric")]
)
def test_motion_starts_from_rgb(trained, caplog, modality, inflation):
    """A network of differences, which no layer scales, answers to raw ones as
    the inflated kernel does to those of scaled pixels."""
    model = tiny(modality=modality)
    head = model.get_layer("logits").get_weights()
    start_from(model, trained, inflation)
    for one, two in zip(model.get_layer("logits").get_weights(), head):
        np.testing.assert_array_equal(one, two)
    source = loading.load(trained)
    rgb, motion = source.get_layer("rgb"), model.get_layer(modality)
    have, found = (
        tower.get_layer("conv1").get_weights()[0] for tower in (rgb, motion)
    )
    channels = found.shape[2]
    expected = np.pad(
        have, ((0, 0), (0, 0), (0, channels - 3), (0, 0)), "symmetric"
    )
    if inflation == "avg":
        expected = np.broadcast_to(have.mean(2, keepdims=True), found.shape)
    if modality == "rgb_diff":
        raw = np.random.default_rng(0).integers(-255, 256, found.shape[:3])
        found, expected = (
            np.einsum("hwc,hwcf->f", x, kernel)
            for x, kernel in ((raw, found), (raw / 127.5, expected))
        )
        assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    for one, two in zip(rgb.weights[1:], motion.weights[1:], strict=True):
        np.testing.assert_array_equal(one, two)
    how = f"{modality}/conv1 (3 to {channels} channels: {inflation})"
    assert f"inflated: {how}; missing: logits" in caplog.text


def test_warped_flow_starts_from_flow_as_it_is(tmp_path, caplog):
    """A first convolution that does not fit is never left to chance."""
    source = tiny(modality="flow")
    path = keep(source, tmp_path / "flow.keras")
    model = tiny(modality="warped_flow")
    start_from(model, path, "scaled")
    for one, two in zip(source.weights, model.weights, strict=True):
        np.testing.assert_array_equal(one, two)
    assert "inflated" not in caplog.text
    for modality in ("flow", "warped_flow"):
        longer = tiny(modality=modality, snippet_length=10)
        message = rf"{modality}/conv1 .*\(1 layers\)"
        with pytest.raises(ValueError, match=message):
            start_from(longer, path)


def test_motion_does_not_start_colors(trained, tmp_path):
    source = without_values(tiny, modality="rgb_diff")
    path = keep(source, tmp_path / "diff.keras")
    with pytest.raises(
        ValueError, match="not of rgb_diff. Received: .*diff.keras'"
    ):
        start_from(without_values(tiny, modality="flow"), path)
    unknown = without_values(tiny)
    predictions_layer(unknown).clip_spec = None
    with pytest.raises(ValueError, match="a network with a clip specification"):
        start_from(unknown, trained)


@pytest.mark.parametrize("weights", ["/nowhere", {"rgb": "run"}])
def test_what_is_no_network(weights):
    with pytest.raises(ValueError, match="Received: initialization.weights"):
        start_from(without_values(tiny), weights)


@pytest.fixture(scope="module")
def streams(tmp_path_factory):
    """Paths by stream; flow from a run directory, of warped flow."""
    out = tmp_path_factory.mktemp("streams")
    rgb = tiny()
    rgb.get_layer("preprocessing").mean = 100.0
    rgb.get_layer("preprocessing").channel_order = "bgr"
    path = keep(rgb, out / "rgb.keras")
    finished = Run(out / "flow")
    finished.claim(Recipe(name="flow", schedule=Schedule(epochs=1)))
    flow = tiny(modality="warped_flow", snippet_length=10, classes=4)
    flow.get_layer("preprocessing").std = 57.63
    model_file.save(flow, finished.model_file)
    return {"rgb": path, "flow": str(finished.path)}


@pytest.fixture(scope="module")
def joined():
    """For tests that do not mind what it started from before."""
    return two_streams()


def test_one_stream_from_imagenet_beside_a_run(
    streams, joined, caplog, monkeypatch
):
    """Each keeps what it was given. `tiny` has no weights of ImageNet: ones
    are."""
    asked = []

    def ones(model, inflation, names):
        asked.append((inflation, names))
        layers = {
            path: layer
            for path, layer in layers_by_path(model).items()
            if stream_layer(path) and stream_layer(path)[0] == "rgb"
        }
        for layer in layers.values():
            layer.set_weights([np.ones(w.shape) for w in layer.weights])
        first, *others = layers
        how = f"{first} (3 to 3 channels: scaled)"
        return CopyReport(tuple(others), (), (), (), (how,))

    monkeypatch.setattr(starting, "imagenet", ones)
    model = joined
    weights = {**streams, "rgb": "imagenet"}
    start_from(model, weights, "scaled")
    assert asked == [("scaled", ["rgb"])]
    kernel = model.get_layer("rgb_tower").get_layer("conv1").get_weights()[0]
    np.testing.assert_array_equal(kernel, np.ones(kernel.shape))
    flow = loading.load(streams["flow"]).get_layer("warped_flow")
    np.testing.assert_array_equal(
        model.get_layer("flow_tower").get_layer("conv1").get_weights()[0],
        flow.get_layer("conv1").get_weights()[0],
    )
    assert "Started from ImageNet's weights: " in caplog.text
    start_from(model, "imagenet")
    start_from(model, {"flow": "imagenet", "rgb": "imagenet"})
    assert asked[1:] == [("avg", None), ("avg", ["flow", "rgb"])]
    with pytest.raises(ValueError, match="one run or .keras file for a"):
        start_from(without_values(tiny), {"rgb": "imagenet"})


def two_streams(**arguments):
    arguments = {"fusion": "conv3d", "fusion_layer": "relu3", **arguments}
    return TwoStreamFusion(classes=3, backbone="tiny", **arguments)


def test_two_streams_start_from_a_run_each(streams, joined, caplog):
    model = joined
    before = model.get_layer("fusion_relu3").get_weights()
    random = start_from(model, streams)
    assert random == ("fusion_relu3", "temporal_logits")
    rgb = loading.load(streams["rgb"])
    flow = loading.load(streams["flow"])
    for tower, part, path in (
        (rgb.get_layer("rgb"), "rgb_tower", "conv1"),
        (rgb.get_layer("rgb"), "spatiotemporal_from_relu3", "res5b_branch2c"),
        (flow.get_layer("warped_flow"), "flow_tower", "conv1"),
        (flow.get_layer("warped_flow"), "temporal_from_relu3", "res4a_branch1"),
    ):
        for one, two in zip(
            tower.get_layer(path).get_weights(),
            model.get_layer(part).get_layer(path).get_weights(),
            strict=True,
        ):
            np.testing.assert_array_equal(one, two, err_msg=path)
    np.testing.assert_array_equal(
        model.get_layer("spatiotemporal_logits").get_weights()[0],
        rgb.get_layer("logits").get_weights()[0],
    )
    for one, two in zip(
        before, model.get_layer("fusion_relu3").get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, two)
    # Pixels are scaled as they were.
    for stream, mean, std, order in (
        ("rgb", 100, 127.5, "bgr"),
        ("flow", 127.5, 57.63, "rgb"),
    ):
        layer = model.get_layer(f"{stream}_preprocessing")
        assert (layer.mean, layer.std) == (mean, std)
        assert layer.channel_order == order
    # The classifier of 4 classes does not fit, which is no reason to stop.
    for told in (
        f"Started from {streams['rgb']}, {streams['flow']}",
        "mismatched: temporal_logits [(256, 4)",
        "missing: fusion_relu3",
    ):
        assert told in caplog.text


def test_filters_over_time_keep_layers(streams, caplog):
    start_from(SpatiotemporalMultiplier(classes=3, backbone="tiny"), streams)
    assert "missing: flow_res2b_temporal, " in caplog.text


def test_behind_a_concatenation_other_channels_keep_layers(streams, caplog):
    """Both convolutions that see it, and nothing else."""
    part = "spatiotemporal_from_relu3/"
    random = start_from(two_streams(fusion="concat"), streams)
    first = (f"{part}res4a_branch1", f"{part}res4a_branch2a")
    assert random == (*first, "temporal_logits")
    mismatched = f"mismatched: {part}res4a_branch1 [(1, 1, 128, 192)] to [(1, "
    assert f"{mismatched}1, 256" in caplog.text
    assert f", {part}res4a_branch2a [" in caplog.text


def test_streams_must_all_be_there_and_fit(streams, joined, tmp_path):
    model, one = joined, without_values(tiny)
    shorter = tiny(modality="flow", snippet_length=5)
    path = keep(shorter, tmp_path / "flow.keras")
    both = r"each stream of \('rgb', 'flow'\)"
    for target, wrong, message in (
        (model, {**streams, "flow": None}, "weights.flow=None"),
        (model, {**streams, "flow": "/nowhere"}, "flow='/nowhere'"),
        # What a recipe leaves open.
        (model, {"network": None}, "initialization.weights=None"),
        (model, {**streams, "motion": streams["flow"]}, f"{both}.*motion"),
        (model, {"rgb": streams["rgb"]}, both),
        (one, streams, r"network of rgb. Rec.*\{'rgb': "),
        (model, streams["rgb"], r"rgb \+ flow, or \{rgb: RUN, flow: RUN\}"),
        (
            model,
            {**streams, "flow": path},
            r"flow_tower/conv1 .*\(1 layers\)",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            start_from(target, wrong)


def same(one, two):
    for have, found in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_array_equal(have, found)


def test_what_is_behind_towers_starts_at_random(streams, caplog):
    """The classifier of rgb would fit by name and shape."""
    stfn = STFN(classes=3, backbone="tiny", num_blocks=3)
    head = [layer for layer in stfn.layers if "tower" not in layer.name]
    before = [layer.get_weights() for layer in head]
    random = start_from(stfn, streams)
    for layer, kept in zip(head, before, strict=True):
        for one, two in zip(layer.get_weights(), kept, strict=True):
            np.testing.assert_array_equal(one, two, err_msg=layer.name)
    blocks = [f"{s}_res_inc_{n}" for s in ("flow", "rgb") for n in (1, 2, 3)]
    assert random == tuple(sorted(("flow_logits", "rgb_logits", *blocks)))
    said = "at random: flow_logits, flow_res_inc_1, flow_res_inc_2, "
    assert f"{said}flow_res_inc_3, rgb_logits, rgb_res_inc_1 and 2 more." in (
        caplog.text
    )
    rgb, flow = (loading.load(streams[s]) for s in ("rgb", "flow"))
    same(rgb.get_layer("rgb"), stfn.get_layer("rgb_tower"))
    same(flow.get_layer("warped_flow"), stfn.get_layer("flow_tower"))
    assert stfn.get_layer("rgb_preprocessing").channel_order == "bgr"
    assert stfn.get_layer("flow_preprocessing").std == 57.63


def test_one_stream_before_layers_of_its_own(streams, tmp_path):
    """From a classifier of snippets the tower alone, from the stage before
    everything."""
    arguments = {"classes": 3, "backbone": "tiny", "streams": ("flow",)}
    model = STFN(**arguments)
    random = start_from(model, streams["flow"])
    assert random == ("flow_res_inc_1", "flow_res_inc_2", "logits")
    source = loading.load(streams["flow"])
    same(source.get_layer("warped_flow"), model.get_layer("flow_tower"))
    path = keep(model, tmp_path / "stage1.keras")
    with pytest.raises(ValueError, match=r"flow_res_inc_3 \(1 layers\)"):
        start_from(STFN(**arguments, num_blocks=3), path)


def test_a_stage_goes_on_from_the_one_before(tmp_path):
    stage, model = (
        STFN(classes=3, backbone=own_towers(rgb=3, flow=20)) for _ in range(2)
    )
    path = str(tmp_path / "stage1.keras")
    model_file.save(stage, path)
    assert start_from(model, path) == ()
    same(stage, model)
    head = tmp_path / "head.keras"
    model_file.save(STFN(classes=3, features=8), head)
    with pytest.raises(ValueError, match="not one over features; `vidrec join"):
        start_from(model, str(head))


@pytest.mark.large
def test_two_streams_start_from_two_streams(tmp_path, caplog):
    source = two_streams()
    model_file.save(source, tmp_path / "model.keras")
    model = two_streams(fusion="sum")
    start_from(model, str(tmp_path / "model.keras"))
    assert "unused: fusion_relu3" in caplog.text
    name = "temporal_from_relu3"
    for one, two in zip(
        source.get_layer(name).get_weights(),
        model.get_layer(name).get_weights(),
    ):
        np.testing.assert_array_equal(one, two)
