import keras
import numpy as np
import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.applications import SpatiotemporalMultiplier
from keras_vidrec.applications import TwoStreamConvNet
from keras_vidrec.applications import TwoStreamFusion
from keras_vidrec.backbones import PixelScaling
from keras_vidrec.weights import copy_streams
from keras_vidrec.weights import pixels
from keras_vidrec.weights.towers import layers_by_path


def randomize(model, seed):
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(size=w.shape) for w in model.weights])
    return model


def one_stream(modality, seed, **arguments):
    length = None if modality == "rgb" else 10
    arguments = {"classes": 3, "snippet_length": length, **arguments}
    return randomize(TSN(backbone="tiny", modality=modality, **arguments), seed)


@pytest.fixture(scope="module")
def streams():
    return {"rgb": one_stream("rgb", 1), "flow": one_stream("flow", 2)}


@pytest.fixture(scope="module")
def multiplier():
    """Without filters over time."""
    return SpatiotemporalMultiplier(
        classes=3, backbone="tiny", temporal_filters=None
    )


def check_equal(model, found, source, expected):
    """Layers of `model` by path are those of `source`."""
    have, want = layers_by_path(source), layers_by_path(model)
    for path, name in zip(found, expected, strict=True):
        for one, two in zip(
            want[path].get_weights(), have[name].get_weights(), strict=True
        ):
            np.testing.assert_array_equal(one, two, err_msg=path)


def test_into_two_stream_fusion(streams):
    """Fused at relu3: the towers' later parts are found in their places."""
    model = TwoStreamFusion(
        classes=3, backbone="tiny", fusion="conv", fusion_layer="relu3"
    )
    joined = model.get_layer("fusion_relu3").get_weights()
    report = copy_streams(model, streams)
    assert report.missing == ("fusion_relu3",)
    assert report.mismatched == report.unused == ()
    np.testing.assert_array_equal(
        model.get_layer("fusion_relu3").get_weights()[0], joined[0]
    )
    for stream, parts in {
        "rgb": ("rgb_tower", "spatiotemporal"),
        "flow": ("flow_tower", "temporal"),
    }.items():
        tower, later = parts
        found = [
            path
            for path in layers_by_path(model)
            if path.startswith((f"{tower}/", f"{later}_from_relu3/"))
        ]
        names = [f"{stream}/{path.rpartition('/')[2]}" for path in found]
        # Every layer of the stream, each once.
        assert sorted([*names, "logits"]) == sorted(
            layers_by_path(streams[stream])
        )
        check_equal(
            model,
            [*found, f"{later}_logits"],
            streams[stream],
            [*names, "logits"],
        )
        assert set(report.copied) > {*found, f"{later}_logits"}


def test_into_the_multiplier(streams):
    model = SpatiotemporalMultiplier(classes=3, backbone="tiny")
    report = copy_streams(model, streams)
    assert report.missing == tuple(
        f"{stream}_res{stage}b_temporal"
        for stream in ("flow", "rgb")
        for stage in (2, 3, 4, 5)
    )
    assert report.mismatched == report.unused == ()
    for stream, network in streams.items():
        names = list(layers_by_path(network))
        found = [f"{stream}_{name.rpartition('/')[2]}" for name in names]
        check_equal(model, found, network, names)
        assert set(found) < {*report.copied}


def test_into_late_fusion(streams):
    model = TwoStreamConvNet(classes=3, backbone="tiny")
    report = copy_streams(model, streams)
    assert report.mismatched == report.missing == report.unused == ()
    for stream, network in streams.items():
        names = list(layers_by_path(network))
        check_equal(
            model, [f"{stream}_tower/{n}" for n in names], network, names
        )


COLORS = PixelScaling((1.0, 2.0, 3.0), 4.0, "bgr")
MOTION = PixelScaling(128.0, 0.5)
# Of the tiny backbone.
OWN = PixelScaling(127.5, 127.5)


@pytest.fixture(scope="module")
def scaled():
    rgb, flow = one_stream("rgb", 1), one_stream("warped_flow", 2)
    pixels.scale_pixels(rgb, {"rgb": COLORS})
    pixels.scale_pixels(flow, {"warped_flow": MOTION})
    return rgb, flow


def test_pixels_of_a_stream_are_scaled_as_in_its_network(scaled, multiplier):
    rgb, flow = scaled
    fusion = TwoStreamFusion(classes=3, backbone="tiny")
    for model in (fusion, multiplier):
        copy_streams(model, {"rgb": rgb})
        assert pixels.scalings_of(model) == {"rgb": COLORS, "flow": OWN}
        copy_streams(model, {"flow": flow})
        assert pixels.scalings_of(model) == {"rgb": COLORS, "flow": MOTION}


def test_a_network_of_two_others_scales_pixels_as_they_do(scaled, streams):
    rgb, flow = scaled[0], one_stream("flow", 2)
    pixels.scale_pixels(flow, {"flow": MOTION})
    model = TwoStreamConvNet(
        classes=3, backbone="tiny", from_streams=(rgb, flow)
    )
    assert pixels.scalings_of(model) == {"rgb": COLORS, "flow": MOTION}
    # And is scaled as others later.
    copy_streams(model, {"rgb": streams["rgb"]})
    assert pixels.scalings_of(model) == {"rgb": OWN, "flow": MOTION}


def test_what_does_not_fit_is_told(streams, multiplier):
    """Other classes, and a shorter stack of warped flow for flow."""
    model = multiplier
    warped = one_stream("warped_flow", 3, classes=4, snippet_length=5)
    report = copy_streams(model, {"flow": warped})
    first, head = report.mismatched
    assert first.startswith("flow_conv1 [(") and "to [(" in first
    assert head == "flow_logits [(256, 4), (4,)] to [(256, 3), (3,)]"
    assert report.missing and all(
        path.startswith("rgb_") for path in report.missing
    )
    check_equal(
        model, ["flow_res5b_branch2c"], warped, ["warped_flow/res5b_branch2c"]
    )
    truncated = TwoStreamFusion(
        classes=3,
        backbone="tiny",
        fusion_layer="relu2",
        keep_temporal_tower=False,
    )
    report = copy_streams(truncated, streams)
    assert {"flow/logits", "flow/res5b_branch2c"} < {*report.unused}


def test_what_are_no_streams(streams, multiplier):
    model = multiplier
    before = model.get_weights()
    images = keras.Input((None, None, 10))
    other = keras.Model(images, keras.layers.Conv2D(2, 3, name="other")(images))
    foreign = TSN(backbone=other, modality="flow", classes=3)
    for wrong, message in (
        ({}, r"stream of 'spatiotemporal_multiplier', \('flow', 'rgb'\)"),
        ((streams["rgb"], streams["flow"]), "dict of networks"),
        ({**streams, "warped_flow": streams["flow"]}, "dict of networks"),
        ({"rgb": streams["flow"]}, r"one tower, of rgb.*towers of \('flow',\)"),
        ({"flow": streams["rgb"]}, "one tower, of flow or warped_flow"),
        ({"rgb": model}, r"towers of \(\)"),
        ({"rgb": streams["rgb"], "flow": foreign}, r"the stream 'flow' of"),
    ):
        with pytest.raises(ValueError, match=message):
            copy_streams(model, wrong)
    for one, two in zip(before, model.get_weights()):
        np.testing.assert_array_equal(one, two)
