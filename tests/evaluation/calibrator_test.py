"""A network of the mean color, some of whose videos have that of another
class."""

import shutil

import cv2
import keras
import numpy as np
import pytest
import scipy.optimize
import scipy.special

import keras_vidrec
from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.evaluation import Predictor
from keras_vidrec.evaluation import calibrate
from keras_vidrec.evaluation import evaluator
from keras_vidrec.evaluation.scores import freshness
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.training import dataset as datasets
from keras_vidrec.training import recipes
from keras_vidrec.training.run import Run
from keras_vidrec.training.run_videos import RunVideos
from keras_vidrec.videos import FileStream
from tests.cli.command import vidrec
from tests.evaluation.mean_color_network import mean_color_network

CLASSES = ("blue", "green", "red")

pytestmark = pytest.mark.usefixtures("uncompiled")


def write_colors(root):
    """Frames of 12 videos a class, each sixth of the color of another."""
    rng = np.random.default_rng(0)
    for label, name in enumerate(CLASSES):
        for number in range(12):
            video = root / name / f"v_{name}_g{number:02}_c01"
            video.mkdir(parents=True)
            shown = (label + (number % 6 == 0)) % 3
            frame = np.full((36, 36, 3), 60.0)
            frame[..., shown] = rng.uniform(80, 200)  # OpenCV's order
            for moment in (1, 2):
                path = video / f"img_{moment:05}.jpg"
                cv2.imwrite(str(path), frame.astype("uint8"))
    return root


@pytest.fixture(scope="module")
def colors(tmp_path_factory):
    return write_colors(tmp_path_factory.mktemp("colors"))


def finished(path, colors, scale=40.0, fraction=0.5):
    recipe = recipes.get("quickstart_rgb").with_settings(
        [f"validation.fraction={fraction}"]
    )
    recipe = recipe.with_data(directory=colors)
    run = Run(path)
    run.claim(recipe, RunVideos.of(datasets.load(recipe)))
    model = mean_color_network(CLASSES)
    # Red, green and blue of the pixels to the classes in their order.
    kernel = scale * np.eye(3)[::-1]
    model.get_layer("logits").set_weights([kernel, np.zeros(3)])
    model_file.save(model, run.model_file)
    return run


@pytest.fixture
def run(colors, tmp_path):
    return finished(tmp_path / "run", colors)


def test_the_temperature_is_fitted_and_stays_in_the_network(run, tmp_path):
    path, before = evaluator.evaluate(run.path, verbose=False)
    before_file = shutil.copy(run.model_file, tmp_path / "before.keras")
    print_of_weights = freshness.fingerprint(run.model_file)
    found = calibrate(run.path, verbose=False)
    assert found.videos == len(run.videos.validation) == 15
    assert found.loss < found.loss_before and found.temperature > 1
    model = run.load_model()
    assert keras_vidrec.describe(model).temperature == found.temperature

    # By SciPy, of the scores that the network gives to these videos.
    data = datasets.of_run(run, run.recipe)
    scores, _ = evaluator.score(
        model, data.source, data.validation, verbose=False
    )

    def loss(temperature):
        log = scipy.special.log_softmax(scores.scores / temperature, axis=1)
        return -np.mean(log[range(15), scores.labels])

    expected = scipy.optimize.minimize_scalar(
        loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-9}
    )
    assert (found.loss, found.loss_before) == pytest.approx(
        (expected.fun, loss(1))
    )
    assert found.temperature == pytest.approx(expected.x, rel=1e-4)

    # The same network still, whose scores stay; what is made now tells it.
    assert freshness.fingerprint(run.model_file) == print_of_weights
    assert freshness.is_stale(Scores.load(path), path) is False
    _, after = evaluator.evaluate(run.path, verbose=False)
    np.testing.assert_array_equal(after.scores, before.scores)
    assert "temperature" not in before.meta
    assert after.meta["temperature"] == found.temperature

    # Of a training over features there are two networks.
    shutil.copy(before_file, run.head_file)
    calibrate(run.path, verbose=False)
    for network in (run.load_model(), run.load_head()):
        assert predictions_layer(network).temperature == found.temperature

    # Done again it writes nothing new.
    written = run.model_file.stat().st_mtime_ns
    assert calibrate(run.path, verbose=False) == found
    assert run.model_file.stat().st_mtime_ns == written


def test_whoever_shows_probabilities_takes_it(small_videos):
    """The network itself, predictions of videos and of windows: those of 1 to
    the power of 1 / temperature."""
    model = mean_color_network(CLASSES)
    clip = np.random.default_rng(0).integers(0, 256, (1, 2, 32, 32, 3), "uint8")
    path = sorted(small_videos.rglob("*.avi"))[0]

    def shown():
        predictor = Predictor(model)
        found = predictor(path)
        by_class = dict(zip(found.classes, found.probabilities))
        stream = FileStream(path)
        windows = [x.probabilities for x in predictor.windows(stream, 0.2, 0.2)]
        return np.array(
            [
                keras.ops.convert_to_numpy(model(clip, training=False))[0],
                [by_class[name] for name in CLASSES],
                *windows,
            ]
        )

    before = shown()
    predictions_layer(model).temperature = 2.5
    expected = before ** (1 / 2.5)
    expected /= expected.sum(axis=1, keepdims=True)
    assert len(expected) > 3
    np.testing.assert_allclose(shown(), expected, rtol=1e-4)


@pytest.mark.tensorflow_only
def test_an_export_takes_it(run):
    from keras_vidrec.export import endpoint

    calibrate(run.path, verbose=False)
    model = run.load_model()
    clip = np.random.default_rng(0).integers(0, 256, (1, 2, 32, 32, 3), "uint8")
    np.testing.assert_allclose(
        endpoint.of_clips(model)(clip)["probabilities"],
        model(clip, training=False),
        rtol=1e-5,
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"fraction": 0}, "Expected a run that has one .validation.fraction"),
        (
            {"scale": -40.0},
            "for some of them and wrong.*no better than by ch",
        ),
    ],
)
def test_what_cannot_be_fitted_is_refused_and_left(
    colors, tmp_path, arguments, message
):
    run = finished(tmp_path / "run", colors, **arguments)
    before = run.model_file.read_bytes()
    with pytest.raises(ValueError, match=message):
        calibrate(run.path, verbose=False)
    assert run.model_file.read_bytes() == before
    run.videos_file.unlink()
    with pytest.raises(ValueError, match="Expected a run that has one"):
        calibrate(run.path, verbose=False)


def test_on_the_command_line(run, colors):
    out, _ = vidrec("evaluate", run.path, "--calibrate", "--top", "2")
    temperature = run.load_model().get_layer("predictions").temperature
    first, *lines = out.splitlines()
    assert first.startswith(f"Temperature {temperature:.4g}, fitted on 15 val")
    assert any(line.startswith("top 2 ") for line in lines)
    assert any(
        line.startswith("calibration error") and line.endswith("% (15 bins)")
        for line in lines
    )
    out, _ = vidrec("evaluate", run.path)
    assert "Temperature" not in out and "top 5" not in out
    _, err = vidrec("evaluate", run.path, "--top", "4", status=1)
    assert "`--top`. Expected a number from 1 to 3" in err
    _, err = vidrec(
        "evaluate", run.path, "--calibrate", "--data", colors, status=2
    )
    assert "without --data" in " ".join(err.replace("│", " ").split())
