import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_vidrec
from keras_vidrec.data.synthetic import KINDS
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.specs import TestProtocol as Protocol
from keras_vidrec.training.run import Run
from keras_vidrec.videos import video
from tests.evaluation.mean_color_network import mean_color_network
from tests.export.trained_tower import trained_tower

CLASSES = tuple(sorted(KINDS))


@pytest.fixture(scope="module")
def paths(small_videos):
    return sorted(small_videos.rglob("*.avi"))[:3]


def network(**spec):
    model = mean_color_network(CLASSES, clip_spec=ClipSpec(size=32, **spec))
    layer = model.get_layer("predictions")
    layer.test_protocol = Protocol(num_segments=4)
    return model


@pytest.fixture(scope="module")
def recognizer():
    return keras_vidrec.Recognizer.from_model(network())


@pytest.fixture(scope="module")
def expected(recognizer, paths):
    predictor = Predictor(recognizer.model)
    return [predictor(path, top=2) for path in paths]


def frames(path):
    return np.stack(list(video.iter_frames(path)))


def same(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected):
        assert one.classes == other.classes
        np.testing.assert_allclose(
            one.probabilities, other.probabilities, atol=1e-6
        )


def test_videos_in_every_form(recognizer, paths, expected, tmp_path):
    """One answer, however the videos are given."""
    for number, path in enumerate(paths):
        (tmp_path / f"{number}.avi").symlink_to(path)
    (tmp_path / "notes.txt").write_text("no video")
    arrays = [frames(path) for path in paths]
    dataset = tf.data.Dataset.from_tensor_slices(np.stack(arrays))
    for given in (
        tmp_path,
        str(tmp_path / "*.avi"),
        paths,
        map(str, paths),
        arrays,
        dataset,
        [paths[0], arrays[1], keras_vidrec.data.Frames(arrays[2])],
    ):
        same(recognizer.predict(given, top=2), expected)
    for given in (paths[0], arrays[0], iter(arrays[0])):
        same(recognizer.predict(given, top=2), expected[:1])
    assert len(recognizer.predict([])) == 0


def test_flow_of_frames_in_memory_is_that_of_the_file(paths):
    """Also at a rate of its own, which the frames must tell then."""
    model = network(
        modalities=("flow",),
        snippet_length=2,
        frame=FrameSpec(fps=5),
        flow=FlowSpec("dis"),
    )
    recognizer = keras_vidrec.Recognizer(model)
    rate = video.probe(paths[0]).frame_rate
    (of_file,) = recognizer.predict(paths[0])
    (of_array,) = recognizer.predict(frames(paths[0]), fps=rate)
    same([of_array], [of_file])
    with pytest.raises(ValueError, match="Expected the `fps` of the frames"):
        keras_vidrec.evaluation.Predictor(model)(
            keras_vidrec.data.Frames(frames(paths[0]))
        )


def test_what_is_shown(recognizer, paths, expected, tmp_path):
    broken = tmp_path / "broken<1>.avi"
    broken.write_bytes(b"RIFF no video")
    found = recognizer.predict([paths[0], broken, frames(paths[1])], top=2)
    assert isinstance(found[0], keras_vidrec.evaluation.Prediction)
    first, second, third = repr(found).splitlines()
    assert first.startswith(f"{paths[0]}: {expected[0].classes[0]} ")
    assert "not read" in second and third.startswith("frames 2: ")
    page = found._repr_html_()
    assert page.count("<img") == 2 and "broken&lt;1&gt;" in page
    told = json.loads(json.dumps(found.to_dict()))
    assert [one["video"] for one in told] == [one.video for one in found]
    table = found.to_pandas()
    assert list(table["class"].isna()) == [False, True, False]
    assert table["class"][2] == expected[1].classes[0]
    assert "broken<1>.avi" in table["error"][1]
    assert len(found[1:]) == 2 and "frames 2" in repr(found[1:])


def test_what_is_no_video(recognizer, tmp_path):
    for place in (tmp_path, tmp_path / "*.mp4"):
        with pytest.raises(ValueError, match="which contains none"):
            recognizer.predict(place)
    with pytest.raises(ValueError, match=r"Invalid `images`.*float64 \(2"):
        recognizer.predict(np.zeros((2, 8, 8, 3)))
    with pytest.raises(ValueError, match="Invalid `top`"):
        recognizer.predict(tmp_path, top=0)


def test_a_test_and_a_long_video(recognizer, small_videos, paths):
    found = recognizer.evaluate(small_videos, verbose=False)
    assert found.to_dict()["videos"] == 12
    assert 0 <= found.figures["top_1"] <= 1 and "top 1" in found._repr_html_()
    table = found.to_pandas()
    right = (table["class"] == table["predicted"]).mean()
    assert np.isclose(right, found.figures["top_1"])
    assert list(table["video"]) == list(found.scores.videos)
    (window, *_) = recognizer.windows(paths[0], window=0.3, stride=0.1)
    assert window.start == 0 and np.isclose(window.probabilities.sum(), 1)


def test_a_trained_network(small_videos, paths, tmp_path):
    """Features, Grad-CAM and export of a network with towers."""
    model = keras_vidrec.applications.TSN(
        classes=12, backbone="tiny", input_shape=(2, 32, 32, 3)
    )
    keras_vidrec.clips(small_videos, model)
    model.get_layer("predictions").test_protocol = Protocol(num_segments=2)
    model.save(tmp_path / "model.keras")
    recognizer = keras_vidrec.Recognizer.from_run(tmp_path / "model.keras")
    assert recognizer.classes == CLASSES and "12 classes" in repr(recognizer)
    features = recognizer.embed(paths)
    assert features.shape == (3, 256) and features.std(axis=0).max() > 0
    np.testing.assert_allclose(
        recognizer.embed(frames(paths[0])), features[:1], atol=1e-5
    )
    figure = recognizer.explain(paths[0], CLASSES[3])
    assert CLASSES[3] in "".join(text.get_text() for text in figure.texts)
    assert recognizer.export(tmp_path / "exported") < 1e-5
    assert (tmp_path / "exported" / "saved_model.pb").is_file()
    with pytest.raises(ValueError, match="Invalid `format`"):
        recognizer.export(tmp_path / "other", format="tflite")


@pytest.mark.tensorflow_only
def test_an_export_takes_what_the_command_takes(small_videos, tmp_path):
    model, background = trained_tower(small_videos)
    run = Run(tmp_path / "run")
    run.claim(background.recipe)
    model.save(run.model_file)
    recognizer = keras_vidrec.Recognizer.from_run(run.path)
    difference = recognizer.export(
        tmp_path / "exported",
        "onnx",
        precision="float16",
        target="phone",
        max_loss=20,
    )
    assert 0 < difference < 1e-2
    bundle = json.loads((tmp_path / "exported" / "bundle.json").read_text())
    network = bundle["network"]
    assert (network["precision"], network["target"]) == ("float16", "phone")
    assert network["reduction"]["videos"] == 24
    card = (tmp_path / "exported" / "README.md").read_text()
    assert f"# {background.recipe.name}" in card
    for arguments, text in (
        ({"precision": "int8"}, "Invalid `precision`. Expected 'float32' of"),
        ({"target": "phone"}, "Invalid `format`. Expected 'litert' or"),
        ({"max_loss": -1}, "Invalid `max_loss`. Expected a number of at"),
    ):
        with pytest.raises(ValueError, match=text):
            recognizer.export(tmp_path / "other", **arguments)
    alone = keras_vidrec.Recognizer.from_model(model)
    with pytest.raises(ValueError, match="Expected a run whose dataset can"):
        alone.export(tmp_path / "other", "onnx", precision="int8")
    assert not (tmp_path / "other").exists()


def test_two_runs_have_two_names(recognizer, tmp_path):
    model = recognizer.model
    assert recognizer.name == "mean_color"
    names = [
        keras_vidrec.Recognizer(model, source).name
        for source in (
            tmp_path / "first",
            tmp_path / "second",
            tmp_path / "second" / "model.keras",
            "tsn_resnet50_kinetics400_8seg",
            "preset:tsn_resnet50_kinetics400_8seg",
        )
    ]
    above = tmp_path.name
    assert names == [
        f"mean_color ({above}/first)",
        f"mean_color ({above}/second)",
        "mean_color (second/model.keras)",
        "mean_color (tsn_resnet50_kinetics400_8seg)",
        "mean_color (preset:tsn_resnet50_kinetics400_8seg)",
    ]


@pytest.mark.usefixtures("eager")
def test_it_is_trained_again_on_other_classes(small_videos, tmp_path):
    """From its own weights, as a recipe says that starts from weights."""
    model = keras_vidrec.applications.TSN(
        classes=3, backbone="tiny", input_shape=(2, 32, 32, 3), dropout=0.1
    )
    layer = model.get_layer("predictions")
    layer.clip_spec = layer.clip_spec.changed({"size": 32})
    before = [weight.numpy() for weight in model.weights]
    recognizer = keras_vidrec.Recognizer.from_model(model)
    recipe = keras_vidrec.training.recipes.get("finetune_rgb").with_settings(
        [
            "schedule.epochs=1",
            "optimizer.learning_rate=1e-9",
            "optimizer.learning_rate_multipliers={}",
            "test.num_segments=2",
        ]
    )
    epochs = []
    seen = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: epochs.append(epoch)
    )
    fitted = recognizer.fit(
        small_videos,
        recipe,
        out=tmp_path / "run",
        callbacks=[seen],
        verbose=0,
    )
    assert epochs == [0] and fitted.classes == CLASSES
    kernels, kept = (
        [w.numpy() for w in one.get_layer("rgb").weights if len(w.shape) == 4]
        for one in (fitted.model, model)
    )
    assert kernels
    for one, other in zip(kernels, kept):
        np.testing.assert_allclose(one, other, atol=1e-5)
    for one, other in zip(model.weights, before):
        np.testing.assert_array_equal(one.numpy(), other)
    other = keras_vidrec.applications.TSN(
        classes=3, backbone="tiny", input_shape=(2, 32, 32, 3)
    )
    with pytest.raises(ValueError, match="Invalid `out`.*run-start.keras"):
        keras_vidrec.Recognizer.from_model(other).fit(
            small_videos, recipe, out=tmp_path / "run"
        )
    with pytest.raises(ValueError, match="Invalid `model`"):
        keras_vidrec.Recognizer.from_model(network()).fit(
            small_videos, out=tmp_path / "no"
        )
