"""A network over features, joined with the networks that make them."""

import keras
import numpy as np
import pytest

from keras_vidrec.applications import STFN
from keras_vidrec.applications import TSLSTM
from keras_vidrec.applications import TSN
from keras_vidrec.applications import LateFusion
from keras_vidrec.applications import TemporalInception
from keras_vidrec.applications import join
from keras_vidrec.applications.parts import feature_tower
from keras_vidrec.applications.parts import head as heads
from keras_vidrec.applications.parts import model_file
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import Origin
from keras_vidrec.specs import TestProtocol
from keras_vidrec.specs import VideoSet
from keras_vidrec.weights.starting import start_from
from keras_vidrec.weights.towers import every_layer
from keras_vidrec.weights.towers import layers_by_path
from tests.evaluation.mean_color_network import mean_color_network

NAMES = ("jump", "run", "walk")
SEGMENTS = 6
SIZE = 32


def tower(modality, length=3, **changes):
    """A network of one stream; its features are the means of its channels."""
    spec = ClipSpec(
        (modality,), snippet_length=1 if modality == "rgb" else length, size=16
    )
    return mean_color_network(
        NAMES, classes=3, clip_spec=spec.replace(**changes)
    )


def shapes(networks):
    parts = {
        s: feature_tower.features_of(n, s).output.shape[-1]
        for s, n in networks.items()
    }
    return {stream: (SEGMENTS, size) for stream, size in parts.items()}


def lstm(networks, **arguments):
    """A head over the features of networks, its classes named."""
    shape = shapes(networks)
    if len(shape) == 1:
        (shape,) = shape.values()
    head = TSLSTM(
        classes=3,
        num_segments=SEGMENTS,
        units=(4,),
        streams=tuple(networks),
        input_shape=shape,
        **arguments,
    )
    layer = heads.predictions_layer(head)
    layer.class_names = NAMES
    return head


def clips(spec, size, batch=2):
    rng = np.random.default_rng(0)
    return {
        modality: rng.integers(
            0,
            256,
            (batch, SEGMENTS, size, size, spec.channels(modality)),
            "uint8",
        )
        for modality in spec.modalities
    }


def scores(model, inputs):
    if len(inputs) == 1:
        (inputs,) = inputs.values()
    return keras.ops.convert_to_numpy(model(inputs, training=False))


def own_backbone(channels):
    """A network from images to maps of 8 features."""
    images = keras.Input((SIZE, SIZE, channels))
    maps = keras.layers.Rescaling(1 / 64)(images)
    maps = keras.layers.Conv2D(
        8, 5, strides=4, activation="relu", name="conv1"
    )(maps)
    return keras.Model(images, maps)


def small(stream):
    """A network of one stream with a backbone of its own."""
    channels = 3 if stream == "rgb" else 10
    return TSN(
        backbone=own_backbone(channels),
        classes=3,
        modality=stream,
        input_shape=(None, SIZE, SIZE, channels),
    )


@pytest.mark.parametrize(
    "build",
    [
        lambda **head: TSLSTM(units=(8,), **head),
        lambda **head: TemporalInception(fc_units=8, reduction="avg", **head),
        lambda **head: STFN(auxiliary_outputs=True, **head),
        lambda **head: STFN(streams=("flow",), **head),
    ],
)
def test_it_gives_what_the_head_makes_of_the_features(build, tmp_path):
    head = build(classes=3, num_segments=SEGMENTS, features=8)
    streams = heads.describe(head).clip_spec.modalities
    networks = {stream: small(stream) for stream in streams}
    path = tmp_path / "joined.keras"
    model_file.save(join(head, **networks), path)
    model = model_file.load(path)
    described = heads.describe(model)
    assert described.clip_spec.snippet_length == 5
    inputs = clips(described.clip_spec, SIZE)
    features = {
        stream: scores(
            feature_tower.features_of(network, stream), {stream: inputs[stream]}
        )
        for stream, network in networks.items()
    }
    whole = heads.clip_logits_model(model)
    alone = heads.clip_logits_model(heads.inference_model(head))
    found = scores(whole, inputs)
    assert np.ptp(found) > 1e-3
    np.testing.assert_allclose(
        found, scores(alone, features), rtol=1e-4, atol=1e-4
    )
    arguments = described.blueprint.arguments
    assert arguments.keys().isdisjoint({"features", "auxiliary_outputs"})
    assert {*arguments["backbone"]} == {*streams}
    assert {x.name for x in head.layers if x.weights} <= {
        x.name for x in model.layers
    }
    # Its layers are its own.
    model.set_weights([0 * w for w in model.get_weights()])
    assert any(np.any(w) for w in head.get_weights())


def test_it_is_what_the_builder_makes_with_backbones_inside():
    network = TSN(backbone="tiny", classes=3, input_shape=(None, SIZE, SIZE, 3))
    arguments = {"classes": 3, "num_segments": SEGMENTS, "streams": ("rgb",)}
    head = TSLSTM(**arguments, features=256)
    model = join(head, rgb=network)
    built = TSLSTM(**arguments, backbone="tiny")
    blueprint = heads.describe(model).blueprint
    assert blueprint.backbones == {"rgb": "tiny"}
    assert blueprint.arguments["backbone"] == {"rgb": "tiny"}
    found = {path: layer.get_config() for path, layer in every_layer(model)}
    expected = {path: layer.get_config() for path, layer in every_layer(built)}
    with_weights = {p for p, layer in every_layer(built) if layer.weights}
    for path in with_weights | {"rgb_preprocessing"}:
        assert found[path] == expected[path]
    built.set_weights(model.get_weights())


def test_it_carries_the_facts_of_head_and_networks(tmp_path):
    flow = FlowSpec("dis", bound=7.0)
    changes = {"frame": {"size": "short40"}, "size": 24}
    networks = {
        "rgb": tower("rgb", **changes, alignment="forward"),
        "flow": tower("warped_flow", **changes, flow=flow),
    }
    head = lstm(networks)
    layer = heads.predictions_layer(head)
    layer.clip_spec = layer.clip_spec.replace(flow=flow, size=24)
    layer.test_protocol = TestProtocol(num_segments=SEGMENTS, crops="center")
    made_by = {
        s: Origin(
            "network",
            feature_tower.fingerprint(feature_tower.features_of(n, s)),
        )
        for s, n in networks.items()
    }
    features = Origin("features", parents=made_by)
    mark = "2 of 3 videos of the test were trained on by weights."
    layer.origin = Origin(
        "network",
        "head",
        videos="abc",
        split=2,
        parents={"features": features},
        marks=(mark,),
    )
    model = join(head, **networks)
    described = heads.describe(model)
    spec = described.clip_spec
    assert spec.modalities == ("rgb", "warped_flow")
    assert (spec.snippet_length, spec.alignment) == (3, "centered_late")
    assert (spec.size, spec.frame.size, spec.flow) == (24, "short40", flow)
    assert (spec.sampling, spec.ordered) == ("feature_grid", True)
    assert spec.num_segments == SEGMENTS
    assert described.class_names == NAMES
    assert described.test_protocol == layer.test_protocol
    assert described.origin.videos == "abc" and described.origin.split == 2
    # It has weights of its own, and what made the features is known.
    model_file.save(model, tmp_path / "joined.keras")
    saved = heads.describe(model_file.load(tmp_path / "joined.keras")).origin
    assert saved.fingerprint == feature_tower.fingerprint(model) != "head"
    assert described.origin.fingerprint is None and saved.marks == (mark,)
    assert saved.parents == described.origin.parents == {"features": features}
    layer.origin = None
    origin = heads.describe(join(head, **networks)).origin
    assert origin.parents == made_by and origin.kind == "network"
    assert described.blueprint.application == "TSLSTM"
    assert described.blueprint.backbones == {"rgb": None, "warped_flow": None}
    assert {*model.input} == {"rgb", "warped_flow"}
    # A network of a stream that the head has not seen the features of.
    other = tower("warped_flow", **changes, flow=flow)
    other.get_layer("logits").set_weights(
        [w + 1 for w in other.get_layer("logits").get_weights()]
    )
    join(head, rgb=networks["rgb"], flow=other)  # the classifier is no feature
    layer.origin = Origin(parents={"flow": Origin("network", "0123456789ab")})
    with pytest.raises(ValueError, match="of another network.*for flow the"):
        join(head, **networks)


def test_differences_of_frames_and_one_stream_alone():
    networks = {"rgb": tower("rgb_diff", length=2)}
    model = join(lstm(networks), **networks, name="alone")
    spec = heads.describe(model).clip_spec
    assert model.name == "alone" and spec.modalities == ("rgb_diff",)
    assert spec.snippet_length == 2 and model.input.shape[-1] == 9
    assert scores(model, clips(spec, 16)).shape == (2, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 24}, "A clip has one size.*'rgb': 16, 'flow': 24"),
        ({"frame": {"size": "short40"}}, "A clip has one frame.*short40"),
        ({"flow": FlowSpec(bound=7.0)}, "`flow`.*bound=20.0.*bound=7.0"),
    ],
)
def test_conflicts_are_refused_by_name(changes, message):
    networks = {"rgb": tower("rgb"), "flow": tower("flow", **changes)}
    with pytest.raises(ValueError, match=message):
        join(lstm(networks), **networks)


def test_networks_that_do_not_fit_are_refused():
    networks = {"rgb": tower("rgb"), "flow": tower("flow")}
    head = lstm(networks)
    with pytest.raises(ValueError, match="one snippet_length.*2.*3"):
        join(head, rgb=tower("rgb_diff", length=2), flow=networks["flow"])
    with pytest.raises(ValueError, match="features of rgb and flow"):
        join(head, rgb=networks["rgb"])
    with pytest.raises(ValueError, match="6 features of flow.*with 4"):
        join(head, rgb=networks["rgb"], flow=tower("flow", length=2))
    with pytest.raises(ValueError, match="Features of rgb are computed by"):
        join(head, rgb=networks["flow"], flow=networks["flow"])
    with pytest.raises(ValueError, match="a network over features"):
        join(networks["rgb"], **networks)


def test_late_fusion_tells_what_it_was_made_from(caplog):
    networks = {"rgb": tower("rgb"), "flow": tower("flow")}
    trained_on = VideoSet.of(["a/1.avi"])
    common = Origin(
        videos="abc",
        split=1,
        training_list="list",
        trained_on=trained_on,
        versions={"keras": "3"},
    )
    for network in networks.values():
        heads.predictions_layer(network).origin = common
    described = heads.describe(LateFusion(networks))
    assert described.blueprint.application == "LateFusion"
    assert described.clip_spec.modalities == ("rgb", "flow")
    assert described.test_protocol == heads.describe(tower("rgb")).test_protocol
    origin = described.origin
    parents = {
        modality: common.replace(
            kind="network",
            fingerprint=feature_tower.fingerprint(network),
            trained_on=None,  # the list stands in the file once
        )
        for modality, network in networks.items()
    }
    assert origin == common.replace(kind="network", parents=parents)
    assert not caplog.text
    # What they have in common; the rest stands with the parents.
    other = VideoSet.of(["a/2.avi"])
    heads.predictions_layer(networks["flow"]).origin = common.replace(
        split=2, training_list="other", trained_on=other
    )
    origin = heads.describe(LateFusion(networks)).origin
    assert (origin.videos, origin.split, origin.trained_on) == (
        "abc",
        None,
        None,
    )
    assert origin.parents["rgb"].trained_on == trained_on
    assert origin.leaks(other) == {("flow",): (0,)}
    assert "different videos (rgb: split 1, flow: split 2)" in caplog.text


def test_a_joined_network_goes_on_training(eager):
    networks = {"rgb": tower("rgb"), "flow": tower("flow")}
    model = join(lstm(networks), **networks)
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = keras.ops.convert_to_numpy(model.get_layer("logits").kernel)
    inputs = clips(heads.describe(model).clip_spec, 16)
    model.fit(inputs, np.array([0, 2]), verbose=0)
    assert np.any(before != model.get_layer("logits").get_weights()[0])


def test_a_second_stage_starts_from_what_was_joined():
    """A tower of warped flow serves as that of flow."""
    networks = {
        "rgb": small("rgb"),
        "flow": TSN(
            backbone=own_backbone(20),
            classes=3,
            modality="warped_flow",
            snippet_length=10,
            input_shape=(None, SIZE, SIZE, 20),
        ),
    }
    arguments = {"classes": 3, "num_segments": SEGMENTS}
    first = join(STFN(**arguments, features=8), **networks)
    second = STFN(
        **arguments,
        backbone={"rgb": own_backbone(3), "flow": own_backbone(20)},
        input_shape={
            "rgb": (None, SIZE, SIZE, 3),
            "flow": (None, SIZE, SIZE, 20),
        },
    )
    assert start_from(second, first) == ()
    layers = layers_by_path(second)
    for path, layer in layers_by_path(first).items():
        other = layers.pop(path.replace("warped_flow_tower", "flow_tower"))
        for found, wanted in zip(
            other.get_weights(), layer.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(found, wanted)
    assert not layers
