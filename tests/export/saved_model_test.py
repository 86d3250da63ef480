import functools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vidrec.applications import TSLSTM
from keras_vidrec.applications import TSN
from keras_vidrec.applications import LateFusion
from keras_vidrec.applications import join
from keras_vidrec.applications import late_fusion
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.export import export_saved_model
from keras_vidrec.export import flow_maker
from keras_vidrec.export import saved_model
from keras_vidrec.layers import TVL1OpticalFlow
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from tests.applications.own_towers import own_towers
from tests.evaluation.mean_color_network import kernel_and_bias
from tests.evaluation.mean_color_network import mean_color_network
from tests.evaluation.mean_color_network import softmax

pytestmark = pytest.mark.tensorflow_only
LARGE = pytest.mark.large

NAMES = ("jump", "laufen", "跳高")


def clips(*shape):
    return np.random.default_rng(1).integers(0, 256, shape, "uint8")


def served(path):
    return tf.saved_model.load(str(path)).signatures["serving_default"]


@pytest.fixture(scope="module")
def tsn():
    model = TSN(backbone=own_towers(rgb=3)["rgb"], classes=3)
    layer = predictions_layer(model)
    layer.class_names = NAMES
    layer.clip_spec = layer.clip_spec.replace(size=32)
    logits = model.get_layer("logits")
    rng = np.random.default_rng(1)
    logits.set_weights([rng.normal(size=w.shape) for w in logits.weights])
    return model


def probabilities(model, video):
    """What the network gives, without a program compiled for each size."""
    return keras.ops.convert_to_numpy(model(video, training=False))


@pytest.fixture(scope="module")
def exported(tsn, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "new" / "saved_model"
    difference = export_saved_model(tsn, path)
    assert 0 <= difference <= 1e-5
    assert [file.name for file in path.parent.iterdir()] == ["saved_model"]
    return path


def test_any_number_of_segments_and_any_size(tsn, exported):
    serve = served(exported)
    for shape in ((1, 1, 32, 32), (2, 5, 40, 64)):
        video = clips(*shape, 3)
        outputs = serve(video=tf.constant(video))
        expected = probabilities(tsn, video)
        assert np.ptp(expected) > 0.1  # not all alike
        np.testing.assert_allclose(
            outputs["probabilities"], expected, atol=1e-5
        )
        order = np.argsort(-expected, axis=1)
        names = [[NAMES[i].encode() for i in row] for row in order]
        assert outputs["classes"].numpy().tolist() == names
        np.testing.assert_allclose(
            outputs["scores"], np.sort(expected)[:, ::-1], atol=1e-5
        )
        # Before the consensus: a mean of these.
        logits = outputs["snippet_logits"].numpy()
        assert logits.shape == (*shape[:2], len(NAMES))
        np.testing.assert_allclose(softmax(logits.mean(1)), expected, atol=1e-5)


@pytest.mark.parametrize("activation", ["softmax", None])
def test_fixed_sizes_without_names(tmp_path, activation):
    model = mean_color_network(
        classes=4, num_segments=2, size=16, activation=activation
    )
    export_saved_model(model, str(tmp_path / "model"))
    serve = served(tmp_path / "model")
    video = clips(3, 2, 16, 16, 3)
    outputs = serve(rgb=tf.constant(video))
    # The classes have no names: their numbers.
    assert {*outputs["classes"].numpy().reshape(-1)} == {*b"0 1 2 3".split()}
    kernel, bias = kernel_and_bias(model)
    expected = softmax(video.mean(axis=(1, 2, 3)) / 255 @ kernel + bias)
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)
    assert serve.structured_input_signature[1]["rgb"].shape == (
        *(None, 2, 16, 16, 3),
    )


def test_several_modalities(tmp_path):
    flow = FlowSpec("dis")  # TV-L1 would be in a second signature
    spec = ClipSpec(("rgb", "flow"), snippet_length=5, size=32, flow=flow)
    model = mean_color_network(NAMES, clip_spec=spec, consensus="max")
    export_saved_model(model, tmp_path / "model")
    video = {"rgb": clips(1, 3, 8, 9, 3), "flow": clips(1, 3, 8, 9, 10)}
    outputs = served(tmp_path / "model")(
        **{name: tf.constant(clip) for name, clip in video.items()}
    )
    np.testing.assert_allclose(
        outputs["probabilities"], probabilities(model, video), atol=1e-5
    )


def of_one_stream(modality, method="dis"):
    length = 1 if modality == "rgb" else 2
    spec = ClipSpec(
        (modality,), snippet_length=length, size=32, flow=FlowSpec(method)
    )
    return mean_color_network(NAMES, clip_spec=spec)


def test_late_fusion(tmp_path):
    networks = {m: of_one_stream(m) for m in ("rgb", "warped_flow")}
    model = LateFusion(networks, {"rgb": 1, "warped_flow": 2})
    export_saved_model(model, tmp_path / "model")
    video = {
        "rgb": clips(2, 4, 8, 9, 3),
        "warped_flow": clips(2, 4, 8, 9, 4),
    }
    outputs = served(tmp_path / "model")(
        **{name: tf.constant(clip) for name, clip in video.items()}
    )
    expected = probabilities(model, video)
    assert np.ptp(expected) > 0.05  # not all alike
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)


@LARGE
def test_from_raw_frames_to_classes_by_way_of_flow(tmp_path):
    networks = {m: of_one_stream(m, "tvl1") for m in ("rgb", "flow")}
    model = LateFusion(networks, flow_from="rgb")
    export_saved_model(model, tmp_path / "model")
    serve = served(tmp_path / "model")
    signature = serve.structured_input_signature[1]
    assert signature["rgb"].shape == (None, None, None, None, 9)
    y, x, t = np.mgrid[:32, :40, :3]
    waves = 120 + 50 * (np.sin((x - 2 * t) / 3) + np.cos((y - t) / 4))
    frames = np.repeat(waves, 3, axis=-1).astype("uint8")[None, None]
    np.testing.assert_allclose(
        serve(rgb=tf.constant(frames))["probabilities"],
        probabilities(model, frames),
        # A code of flow may be a step off: the compiler rounds otherwise.
        atol=1e-3,
    )


def test_an_earlier_export_is_replaced(tmp_path):
    path = tmp_path / "model"
    path.mkdir()  # an empty directory is free
    for names in (("a", "b"), ("c", "d", "e")):
        export_saved_model(mean_color_network(names), path)
        outputs = served(path)(rgb=tf.constant(clips(1, 1, 8, 8, 3)))
        found = {*outputs["classes"].numpy().reshape(-1)}
        assert found == {name.encode() for name in names}
    assert [file.name for file in tmp_path.iterdir()] == ["model"]


def test_something_else_is_never_replaced(tmp_path):
    (tmp_path / "thesis.tex").touch()
    model = mean_color_network(classes=2)
    for path in (tmp_path, tmp_path / "thesis.tex"):
        with pytest.raises(ValueError, match="contains something else"):
            export_saved_model(model, path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("damage", ["weights", "names"])
def test_an_export_that_differs_is_not_left_behind(
    tmp_path, monkeypatch, damage
):
    path = tmp_path / "model"
    export_saved_model(mean_color_network(("a", "b")), path)
    before = (path / "saved_model.pb").read_bytes()
    write = saved_model._write

    def write_another(served, more, names, path):
        if damage == "names":
            return write(served, more, names[::-1], path)
        layer = served[0].model.get_layer("logits")
        weights = layer.get_weights()
        layer.set_weights([weights[0] + [[0, 1e-3]], weights[1]])
        write(served, more, names, path)
        layer.set_weights(weights)

    monkeypatch.setattr(saved_model, "_write", write_another)
    expected = {
        "weights": "Expected probabilities within 1e-05. Received: ",
        "names": "The exported network has other classes. Expected",
    }[damage]
    with pytest.raises(RuntimeError, match=expected):
        export_saved_model(mean_color_network(("c", "d")), path)
    assert (path / "saved_model.pb").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model"]


def test_features_stay_numbers(tmp_path):
    """A network over features takes them as they are, not as bytes."""
    model = TSLSTM(classes=3, features=4, num_segments=6, units=(5,))
    export_saved_model(model, tmp_path / "saved_model")
    rng = np.random.default_rng(0)
    clip = {
        stream: rng.normal(size=(2, 6, 4)).astype("float32")
        for stream in ("rgb", "flow")
    }
    outputs = served(tmp_path / "saved_model")(
        **{stream: tf.constant(x) for stream, x in clip.items()}
    )
    np.testing.assert_allclose(
        outputs["probabilities"], probabilities(model, clip), atol=1e-5
    )


class Differences(TVL1OpticalFlow):
    """In its place, where what is made of the flow is tested: its program is
    most of an export's time."""

    def call(self, frames):
        frames = keras.ops.cast(frames, "float32")
        motion = frames[..., 3:] - frames[..., :-3]
        return keras.ops.round(
            127.5 + 0.5 * keras.ops.take(motion, (0, 1, 3, 4), axis=-1)
        )


def no_maker(_model):
    """In the place of `flow_maker.of`, for the same reason."""


# TV-L1 of one level and few iterations: its program is small.
QUICK = {
    "scales": 1,
    "warps": 1,
    "outer_iterations": 2,
    "inner_iterations": 5,
    "median_size": 3,
}


@pytest.mark.parametrize(
    "streams, layer, parameters",
    [
        (("rgb", "flow"), Differences, QUICK),
        *(
            pytest.param(streams, TVL1OpticalFlow, settings, marks=LARGE)
            for streams, settings in ((("rgb", "flow"), QUICK), (("flow",), {}))
        ),
    ],
)
def test_from_raw_frames_by_a_second_signature(
    tmp_path, monkeypatch, streams, layer, parameters
):
    tvl1 = functools.partial(layer, **parameters)
    monkeypatch.setattr(late_fusion, "TVL1OpticalFlow", tvl1)
    monkeypatch.setattr(flow_maker, "of", no_maker)
    spec = ClipSpec(
        streams,
        snippet_length=2,
        alignment="centered",
        size=28,  # of frames of 32 pixels, and so an eighth of short256
        frame=FrameSpec("short256"),
        flow=FlowSpec(bound=20.0),
    )
    model = mean_color_network(NAMES, clip_spec=spec)
    export_saved_model(model, tmp_path / "model")
    signatures = tf.saved_model.load(str(tmp_path / "model")).signatures
    y, x, t = np.mgrid[:28, :28, :3]
    waves = 120 + 50 * (np.sin((x - t) / 3) + np.cos((y - t / 2) / 4))
    frames = np.repeat(waves, 3, axis=-1).astype("uint8")[None, None]
    outputs = signatures["serve_frames"](frames=tf.constant(frames))

    inputs = keras.Input((None, None, None, 9))
    flow = keras.Model(inputs, tvl1(bound=20 / 8)(inputs))
    code = probabilities(flow, frames)
    if not parameters:
        assert np.median(code[..., 0]) == pytest.approx(127.5 + 51, abs=5)
    assert np.ptp(code) > 5
    assert outputs["flow"].dtype == tf.uint8
    steps = np.abs(outputs["flow"].numpy() - code)
    assert np.mean(steps <= 1) >= 0.998
    # rgb is the frame in the middle of a centered snippet.
    clip = {"rgb": frames[..., 3:6], "flow": code.astype("uint8")}
    seen = clip if len(streams) > 1 else clip["flow"]
    np.testing.assert_allclose(
        outputs["probabilities"], probabilities(model, seen), atol=1e-2
    )
    assert "`frames` | uint8 | (batch, segments, height, width, 9)" in (
        tmp_path / "model" / "README.md"
    ).read_text("utf-8")


def test_a_joined_network_makes_its_flow_inside(tmp_path, monkeypatch):
    monkeypatch.setattr(late_fusion, "TVL1OpticalFlow", Differences)
    monkeypatch.setattr(flow_maker, "of", no_maker)
    spec = ClipSpec(snippet_length=1, size=28)
    rgb = mean_color_network(NAMES, clip_spec=spec)
    spec = ClipSpec(("flow",), snippet_length=2, size=28)
    flow = mean_color_network(NAMES, clip_spec=spec)
    head = TSLSTM(
        classes=len(NAMES),
        num_segments=2,
        temporal_segments=2,
        units=(4,),
        input_shape={"rgb": (2, 3), "flow": (2, 4)},
    )
    model = join(head, rgb=rgb, flow=flow)
    difference = export_saved_model(model, tmp_path / "model")
    assert difference < 1e-5
    signatures = tf.saved_model.load(str(tmp_path / "model")).signatures
    frames = np.random.default_rng(0).integers(
        0, 256, (1, 2, 28, 28, 9), "uint8"
    )
    outputs = signatures["serve_frames"](frames=tf.constant(frames))
    clip = {"rgb": frames[..., :3], "flow": outputs["flow"].numpy()}
    assert np.ptp(clip["flow"]) > 100
    np.testing.assert_allclose(
        outputs["probabilities"], probabilities(model, clip), atol=1e-2
    )
    with open(tmp_path / "model" / "bundle.json") as file:
        assert json.load(file)["clip"]["alignment"] == "centered_late"


def test_flow_of_another_method_is_not_made_inside(tmp_path):
    flow = FlowSpec("farneback")
    spec = ClipSpec(("flow",), snippet_length=2, size=16, flow=flow)
    model = mean_color_network(NAMES, clip_spec=spec)
    export_saved_model(model, tmp_path / "model")
    signatures = tf.saved_model.load(str(tmp_path / "model")).signatures
    assert list(signatures) == ["serving_default"]
    card = (tmp_path / "model" / "README.md").read_text("utf-8")
    assert "Flow is made outside, by the method `farneback`" in card
