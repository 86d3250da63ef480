"""From a folder of videos to a recognizer, by the command."""

import json
import shutil

import keras
import numpy as np
import pytest

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.data import synthetic
from keras_vidrec.learning import Task
from keras_vidrec.learning import course
from keras_vidrec.learning import learn
from keras_vidrec.learning import material as materials
from keras_vidrec.learning import steps
from keras_vidrec.training.run import Run
from tests.cli.command import vidrec

pytestmark = pytest.mark.tensorflow_only

CLASSES = ("Dots", "MoveUp", "Stripes")


def generate(directory, groups):
    """Videos of three classes, as many recordings of each."""
    synthetic.generate(
        directory,
        train_groups=groups - 1,
        test_groups=1,
        clips_per_group=1,
        size=(48, 64),
        num_frames=10,
        classes=CLASSES,
    )
    shutil.rmtree(directory / "ucfTrainTestlist")
    (directory / "synthetic.json").unlink()
    return directory


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return generate(tmp_path_factory.mktemp("few"), 6)


@pytest.fixture(scope="module")
def learned(videos, tmp_path_factory):
    """The recognizer, and what was printed; killed once before its network
    was written."""
    out = tmp_path_factory.mktemp("learned") / "recognizer"
    options = ("--no-flow", "--size", 32, "--export", "none", "--seed", 3)
    with pytest.MonkeyPatch.context() as patch:

        def killed(*_, **__):
            raise KeyboardInterrupt

        patch.setattr(course.recognizer, "make", killed)
        told = vidrec("learn", videos, "--out", out, *options, status=130)
    # What the steps remark is kept, and no news to who learns.
    kept = (out / "remarks.log").read_text("utf-8")
    for remark in ("Layers that start at random: ", "is computed from"):
        assert remark in kept and remark not in "".join(told)
    assert not (out / "model.keras").exists()
    made = (out / "steps" / "features.npz").stat().st_mtime_ns
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps.trainer, "train", None)  # it was done before
        said, _ = vidrec("learn", videos, "--out", out, *options)
    assert (out / "steps" / "features.npz").stat().st_mtime_ns == made
    return out, said


def test_channels_first_are_refused_before_videos_are_read(
    videos, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        keras.config, "image_data_format", lambda: "channels_first"
    )
    monkeypatch.setattr(materials, "look", None)
    with pytest.raises(ValueError, match="`image_data_format`. Expected"):
        learn(Task(videos), tmp_path / "recognizer")


def test_a_recognizer_and_how_it_came_about(learned, videos):
    out, said = learned
    run = Run.open(out)
    lists = run.videos
    assert lists.classes == CLASSES
    tested = {video.name for video in lists.test}
    assert tested and not tested & {v.name for v in lists.train}
    assert len(lists.train) + len(lists.test) == 18
    (choice,) = json.loads((out / "choices.json").read_text())
    assert choice["chosen"] in choice["candidates"]
    figure = choice["candidates"][choice["chosen"]]
    assert figure["of"] == len(lists.train)
    assert figure["right"] >= 0.6 * figure["of"]  # two classes look apart
    # As sure as it is, and better than a guess: cosines alone are not.
    assert figure["loss"] < 0.8 * np.log(3)
    least = min(other["loss"] for other in choice["candidates"].values())
    assert figure["loss"] == least
    told = f"{figure['right']:4} of {figure['of']}, loss {figure['loss']:.2f}"
    assert f"{told}  <- chosen" in said
    assert "Not tried: " in said and "It confuse" in said
    assert (out / "report" / "index.html").is_file()
    assert (out / "steps" / "frozen_all" / "recipe.yaml").is_file()
    assert run.recipe.initialization.classifier == choice["chosen"]
    # Whatever takes a run takes the recognizer.
    clip = next((videos / "Dots").glob("*.avi"))
    told, _ = vidrec("predict", out, clip, "--top", 1)
    assert told.splitlines()[1].endswith("  Dots")
    told, _ = vidrec("evaluate", out)
    assert f"videos               {len(tested)}" in told


def test_a_recognizer_that_was_killed_before_it_was_saved(learned, videos):
    run = Run(learned[0])
    noted = run.origin
    assert noted.fingerprint == describe(run.load_model()).origin.fingerprint
    run.model_file.unlink()
    task = Task(videos, flow=False, size=32, export="none", seed=3)
    learn(task, run.path, verbose=0)
    assert describe(run.load_model()).origin == noted == run.origin


def test_another_task_is_refused_in_its_directory(learned, videos, tmp_path):
    out, _ = learned
    task = Task(videos, flow=False, size=32, export="none", seed=4)
    with pytest.raises(ValueError, match="Invalid `seed`. Expected 3, with "):
        learn(task, out)
    (tmp_path / "else.txt").touch()
    with pytest.raises(ValueError, match="Invalid `out`. Expected a new or em"):
        learn(task, tmp_path)


@pytest.mark.large
def test_both_streams_are_trained_and_joined(tmp_path, monkeypatch):
    videos = generate(tmp_path / "videos", 22)
    # All that is tried, whatever is the best.
    monkeypatch.setattr(
        course.Choice,
        "best",
        classmethod(lambda cls, *args, **_: _first(cls, *args)),
    )
    out = tmp_path / "recognizer"
    task = Task(videos, size=64, export="onnx")
    found = learn(task, out, verbose=0)
    names = [choice.what for choice in found.choices]
    assert names[1:] == ["Rgb network", "Flow network", "Recognizer"]
    assert list(found.choices[2].candidates) == [
        "frozen flow",
        "fine-tuned flow",
    ]
    assert list(found.choices[3].candidates) == [
        "frames + flow",
        "frames + 1.5 flow",
        "TS-LSTM over both",
        "frozen frames",
        "frozen flow",
    ]
    assert found.run.recipe.network.application == "LateFusion"
    model = found.run.load_model()
    assert isinstance(model, keras.Model) and len(model.input) == 2
    # Motion, which no frame shows, is known too.
    assert (found.scores.scores.argmax(1) == found.scores.labels).mean() > 0.8
    assert found.report.is_file() and (found.export / "labels.txt").is_file()
    vidrec("evaluate", out)
    # So are others, had they been chosen.
    for name in ("both", "frozen_flow"):
        other = tmp_path / name
        other.mkdir()
        for listed in ("videos.csv", "learned.csv"):
            shutil.copy(out / listed, other)
        material = materials.look(task, False, other / "videos.csv")
        run = Run.open(out / "steps" / name)
        course.recognizer.make(
            steps.Workplace(task, material, other, 0),
            run.load_model(),
            run.recipe,
            summary=name,
            all_learned=False,
        )
        vidrec("evaluate", other)


def _first(cls, what, by, candidates, not_tried=None):
    first = next(iter(candidates))
    return cls(what, by, dict(candidates), first, not_tried or {})
