"""A finished run, and the files of its tests."""

import re
import shutil

import numpy as np
import pytest

from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.data.synthetic import KINDS
from keras_vidrec.evaluation import evaluator
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.evaluation.scores.score_journal import ScoreJournal
from keras_vidrec.specs import Origin
from keras_vidrec.specs import VideoSet
from keras_vidrec.training import recipes
from keras_vidrec.training.run import Run
from tests.data.memory_source import MemorySource
from tests.evaluation.evaluator_test import score
from tests.evaluation.mean_color_network import kernel_and_bias
from tests.evaluation.mean_color_network import mean_color_network


@pytest.fixture
def run(small_videos, tmp_path):
    """A finished run."""
    recipe = recipes.get("quickstart_rgb").with_data(directory=small_videos)
    run = Run(tmp_path)
    run.claim(recipe)
    model_file.save(mean_color_network(sorted(KINDS)), run.model_file)
    return run


def evaluate(run, *settings, **arguments):
    return evaluator.evaluate(
        run.path, settings=settings, verbose=False, **arguments
    )


def test_evaluation_of_a_run(run, small_videos):
    path, scores = evaluate(run)
    data = f"{small_videos.name}_split1"
    assert path == run.path / "scores" / f"25x1-{data}.npz"
    np.testing.assert_array_equal(Scores.load(path).scores, scores.scores)
    assert len(scores.videos) == 12 and sorted(scores.labels) == list(range(12))
    # That of the network, which no recipe changes afterwards.
    assert scores.meta["num_segments"] == 25 != run.recipe.test.num_segments
    assert scores.meta["sampling"] == "tsn_caffe"
    assert scores.meta["num_clips"] == 1 and scores.meta["stride"] is None
    assert scores.meta["protocol"] == "25x1"
    assert scores.meta["recipe"] == "quickstart_rgb"
    assert scores.meta["videos_per_second"] > 0
    run.model_file.unlink()
    with pytest.raises(ValueError, match="finished run"):
        evaluate(run)


def test_a_changed_test_is_a_file_of_its_own(run):
    own, _ = evaluate(run)
    before = own.read_bytes()
    path, scores = evaluate(run, "test.num_segments=2", "test.crops=frame")
    assert path.name.startswith("2xframe_alone-")
    assert scores.meta["num_segments"] == 2 and scores.meta["crops"] == "frame"
    assert own.read_bytes() == before
    # The same value again is no change.
    assert evaluate(run, "test.num_segments=25")[0] == own


def trained_on(run, videos, **parents):
    """Gives the network of a run an origin that was trained on videos."""
    model = model_file.load(run.model_file)
    predictions_layer(model).origin = Origin(
        "network",
        training_list="known",
        trained_on=VideoSet.of(videos),
        parents=parents,
    )
    model_file.save(model, run.model_file)
    return predictions_layer(model).origin


def test_what_was_trained_on_is_not_tested(run, small_videos, caplog):
    test = sorted(
        path.relative_to(small_videos).as_posix()
        for path in small_videos.rglob("v_*_g01_*")
    )
    tower = Origin("network", trained_on=VideoSet.of([test[5], "x.avi"]))
    features = Origin("features", parents={"rgb": tower})
    trained_on(run, [test[0], test[3]], features=features)
    with pytest.raises(ValueError) as raised:
        evaluate(run)
    text = str(raised.value)
    assert "trained on, 3 of 12" in text and "--allow-leak" in text
    assert str(run.model_file) in text
    assert text.endswith("by: the network itself (2), features > rgb (1)")
    assert not list(run.scores.glob("*.npz"))
    path, scores = evaluate(run, allow_leak=True)
    marks = Scores.load(path).marks
    assert marks[0].startswith("2 of 12 videos of the test were trained on")
    assert "1 of 12" in marks[1] and scores.origin.marks == marks
    # One that does not leak, and tells it.
    caplog.clear()
    trained_on(run, ["elsewhere.avi"])
    assert evaluate(run)[1].marks == () and not caplog.text


def test_scores_tell_what_they_were_made_from(run, caplog):
    _, scores = evaluate(run)
    assert "The training videos of" in caplog.text
    network = trained_on(run, ["elsewhere.avi"], weights=Origin("network"))
    path, _ = evaluate(run)
    origin = Scores.load(path).origin
    assert origin.kind == "scores" and origin.split == 1
    assert origin.fingerprint == scores.fingerprint()
    found, dataset = origin.parents["network"], origin.parents["dataset"]
    assert found.fingerprint is not None
    assert found == network.replace(fingerprint=found.fingerprint)
    assert dataset.kind == "videos" and dataset.videos == origin.videos
    assert dataset.content == origin.content is not None
    assert origin.decoder == dataset.decoder is not None
    assert origin.versions["keras_vidrec"]
    # What was not tested by `evaluate` tells it, too.
    by_hand, _ = score(MemorySource(), [0])
    assert by_hand.origin.parents["network"].kind == "network"


def test_other_data_never_take_the_place_of_the_own_scores(
    run, small_videos, tmp_path
):
    own, _ = evaluate(run)
    before = own.read_bytes()
    other = tmp_path / "other" / small_videos.name
    shutil.copytree(small_videos, other)
    for video in other.rglob("v_*_g01_*"):
        video.rename(video.with_stem(f"{video.stem}_again"))
    for path in (other / "ucfTrainTestlist").glob("*list01.txt"):
        path.write_text(path.read_text().replace("_g01_c01", "_g01_c01_again"))
    path, scores = evaluate(run, f"data.directory={other}")
    assert re.fullmatch(own.stem + "_[0-9a-f]{8}.npz", path.name)
    assert own.read_bytes() == before and len(scores.videos) == 12
    assert scores.origin.content == Scores.load(own).origin.content
    assert scores.origin.videos != Scores.load(own).origin.videos
    # Other videos of the same names are other data, too.
    one, two = sorted(other.rglob("v_*_g01_*.avi"))[:2]
    one.write_bytes(two.read_bytes())
    replaced, scores = evaluate(run, f"data.directory={other}")
    assert replaced.name != path.name and len({own, path, replaced}) == 3
    assert scores.origin.videos == Scores.load(path).origin.videos


def list_of(small_videos, path, part):
    """A list of the test videos, all in one part."""
    videos = sorted(small_videos.rglob("v_*_g01_*"))
    assert len(videos) == 12
    rows = [
        f"{video.relative_to(small_videos)},{video.parent.name},{part}"
        for video in videos
    ]
    path.write_text("\n".join(["path,label,split", *rows, ""]))
    return f"data.list={path}"


def test_an_empty_test_list(run, small_videos, tmp_path):
    videos = list_of(small_videos, tmp_path / "list.csv", "train")
    with pytest.raises(ValueError, match="videos to test on.*in the test part"):
        evaluate(run, videos)


def test_a_dataset_of_test_videos_only(run, small_videos, tmp_path):
    path, expected = evaluate(run)
    before = path.read_bytes()
    videos = list_of(small_videos, tmp_path / "list.csv", "test")
    other, scores = evaluate(run, videos)
    # Data that are not the run's own never take the place of its scores.
    assert re.fullmatch(path.stem + "_[0-9a-f]{8}.npz", other.name)
    assert path.read_bytes() == before
    order = np.argsort(scores.labels)
    np.testing.assert_array_equal(
        scores.scores[order], expected.scores[np.argsort(expected.labels)]
    )


def test_a_killed_command_goes_on_unless_the_network_is_another(
    run, monkeypatch
):
    """The journal is that of the run, its network and its test."""
    _, expected = evaluate(run)
    add, added = ScoreJournal.add, []

    def stop(journal, video, scores):
        if len(added) == 5:
            raise KeyboardInterrupt
        added.append(video)
        add(journal, video, scores)

    def killed():
        added.clear()
        monkeypatch.setattr(ScoreJournal, "add", stop)
        with pytest.raises(KeyboardInterrupt):
            evaluate(run)

    def finished():
        seen = []
        monkeypatch.setattr(
            ScoreJournal,
            "add",
            lambda *arguments: (seen.append(arguments[1]), add(*arguments)),
        )
        return evaluate(run)[1], seen

    killed()
    scores, seen = finished()
    assert sorted(added + seen) == sorted(expected.videos)
    np.testing.assert_array_equal(scores.scores, expected.scores)
    killed()
    model = mean_color_network(sorted(KINDS))
    kernel, bias = kernel_and_bias(model)
    model.get_layer("logits").set_weights([kernel, bias + 1])
    model_file.save(model, run.model_file)
    scores, seen = finished()
    assert len(seen) == 12
    np.testing.assert_allclose(scores.scores, expected.scores + 1, atol=1e-6)


def test_protocols_and_grids_of_a_run(run):
    path, scores = evaluate(
        run, "test.num_segments=2", protocol="25x10", grid="uniform"
    )
    assert path.name.startswith("2x10-uniform-")
    assert scores.meta["protocol"] == "2x10-uniform"
    assert scores.meta["crops"] == "ten"
    assert scores.meta["sampling"] == "uniform"
    assert scores.meta["num_segments"] == 2
    assert [file.name for file in run.scores.iterdir()] == [path.name]
    with pytest.raises(ValueError, match="Invalid `grid`.*grid='chunks'"):
        evaluate(run, grid="chunks")
