import re
import shutil

import numpy as np
import pytest

from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.data.failures import TooManyFailures
from keras_vidrec.data.synthetic import KINDS
from keras_vidrec.evaluation import evaluator
from keras_vidrec.evaluation.scorers import scorer
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.evaluation.scores.score_journal import ScoreJournal
from keras_vidrec.specs import Origin
from keras_vidrec.specs import TestProtocol as Protocol
from keras_vidrec.specs import VideoSet
from keras_vidrec.training import recipes
from keras_vidrec.training.run import Run
from tests.data.memory_source import MemorySource
from tests.evaluation.mean_color_network import kernel_and_bias
from tests.evaluation.mean_color_network import mean_color_network
from tests.evaluation.ordered_network import CHUNKS
from tests.evaluation.ordered_network import expected_logits
from tests.evaluation.ordered_network import kernel_of
from tests.evaluation.ordered_network import ordered_network

CENTER = Protocol(num_segments=5, crops="center")
CLASSES = ("even", "odd")


def score(source, split, test=CENTER, model=None, **arguments):
    model = model or mean_color_network(CLASSES)
    return evaluator.score(
        model, source, split, test, verbose=False, **arguments
    )


@pytest.mark.parametrize(
    "test, frames",
    [
        # 20 frames, 5 segments: the authors' grid k (n - 1) // (K - 1)
        (CENTER, [0, 4, 8, 12, 16]),
        (
            Protocol(num_segments=5, sampling="uniform", crops="center"),
            [2, 6, 10, 14, 18],
        ),
    ],
)
@pytest.mark.parametrize("num_segments", [None, 3])
def test_scores_equal_those_by_hand(test, frames, num_segments):
    """Video i, frame t is (i, t, column)."""
    model = mean_color_network(CLASSES, num_segments=num_segments)
    kernel, bias = kernel_and_bias(model)
    kernel[2] = 0  # blind to the columns, which the crop resizes
    model.get_layer("logits").set_weights([kernel, bias])
    result, failures = score(
        MemorySource(), [5], test, model, meta={"recipe": "r"}
    )
    color = np.array([5, np.mean(frames), 0]) / 255
    np.testing.assert_allclose(
        result.scores, [color @ kernel + bias], rtol=1e-5
    )
    assert result.meta == {"recipe": "r"} and not failures.errors


class LeftEdge(MemorySource):
    """Black, but for the four columns on the left."""

    def read(self, index, modality, indices):
        frames = super().read(index, modality, indices)
        frames[:] = 0
        frames[:, :, :4] = 255
        return frames


@pytest.mark.parametrize(
    "crops, share",
    # Frames of 32 x 40, of which the crops take 28 x 28: the center does not
    # see the edge, two corners of five do.
    [("center", 0), ("ten", 2 / 5 * 4 / 28)],
)
def test_crops(crops, share):
    model = mean_color_network(CLASSES)
    result, _ = score(
        LeftEdge(), [0], Protocol(num_segments=2, crops=crops), model
    )
    kernel, bias = kernel_and_bias(model)
    expected = bias + share * kernel.sum(axis=0)
    np.testing.assert_allclose(result.scores, [expected], atol=5e-3)


def blind_to_columns(model, columns=(2,)):
    """Crops resize the columns; the rest of a frame is of one color."""
    kernel = kernel_of(model)
    kernel[list(columns)] = 0
    model.get_layer("clip_logits").set_weights([kernel])
    return model


@pytest.mark.parametrize(
    "test, clips",
    [
        # 20 frames. As trained: 7 apart, of which 4 fit; the middle.
        (Protocol(num_segments=5, crops="center"), [[1, 5, 9, 13, 17]]),
        (
            Protocol(num_segments=5, crops="frame_and_mirror", num_clips=2),
            [[0, 4, 8, 12, 16], [3, 7, 11, 15, 19]],
        ),
        (Protocol(num_segments=2, crops="ten", stride=15), [[2, 17]]),
        (
            Protocol(num_segments=3, crops="frame", stride=2, num_clips=3),
            [[0, 2, 4], [7, 9, 11], [15, 17, 19]],
        ),
        (
            Protocol(num_segments=3, sampling="uniform", crops="center"),
            [[3, 10, 16]],
        ),
        (
            Protocol(num_segments=25, crops="frame"),
            [[k * 19 // 24 for k in range(25)]],
        ),
    ],
)
def test_ordered_networks_see_whole_clips(test, clips):
    """Video i, frame t is (i, t, column)."""
    model = blind_to_columns(ordered_network(CLASSES))
    result, _ = score(MemorySource(), [5], test, model)
    colors = np.array([[(5, t, 0) for t in times] for times in clips]) / 255
    np.testing.assert_allclose(
        result.scores, [expected_logits(colors, kernel_of(model))], rtol=1e-4
    )


def test_ordered_networks_of_two_modalities():
    spec = CHUNKS.replace(modalities=("rgb", "flow"), snippet_length=4)
    # 3 of rgb, of which the last are columns, then x y of 4 images of flow.
    model = blind_to_columns(
        ordered_network(CLASSES, clip_spec=spec), (2, 4, 6, 8, 10)
    )
    test = Protocol(
        num_segments=3, crops="frame_and_mirror", num_clips=2, stride=3
    )
    result, _ = score(MemorySource(), [4], test, model)
    # 20 frames, 19 flow images: positions 2..17.
    colors = []
    for mirrored in (False, True):
        for times in ([2, 5, 8], [11, 14, 17]):
            flow = np.add.outer(times, np.arange(-2, 2))
            clip = np.zeros((3, 11))
            clip[:, 0], clip[:, 1] = 4, times
            clip[:, 3::2] = 255 - flow if mirrored else flow
            colors.append(clip / 255)
    np.testing.assert_allclose(
        result.scores,
        [expected_logits(np.array(colors), kernel_of(model))],
        rtol=1e-4,
    )


@pytest.mark.parametrize(
    "test, message",
    [
        (
            Protocol(num_segments=4, crops="frame"),
            "num_segments=5. Rec.*num_segments=4",
        ),
        (
            Protocol(num_segments=5, sampling="tsn_pytorch", num_clips=2),
            "num_clips=2.*'tsn_pytorch'",
        ),
        (
            Protocol(num_segments=5, sampling="uniform", stride=3),
            "stride=3, sampling='uniform'",
        ),
        (
            Protocol(num_segments=5, sampling="feature_grid", num_clips=2),
            "num_clips=2.*'feature_grid'",
        ),
    ],
)
def test_a_protocol_that_does_not_fit_is_refused_before_work(test, message):
    source = MemorySource()
    model = ordered_network(CLASSES, num_segments=5)
    with pytest.raises(ValueError, match=message):
        score(source, [0], test, model)
    assert not source.reads


def test_chunks_for_a_network_of_single_snippets():
    """Frame-wise as ever, on a grid of clips."""
    model = mean_color_network(CLASSES)
    kernel, bias = kernel_and_bias(model)
    kernel[2] = 0
    model.get_layer("logits").set_weights([kernel, bias])
    with pytest.raises(ValueError, match="test.stride. Received: stride=None"):
        score(
            MemorySource(),
            [5],
            Protocol(num_segments=2, sampling="chunks"),
            model,
        )
    test = Protocol(
        num_segments=2, sampling="chunks", crops="center", num_clips=2, stride=3
    )
    result, _ = score(MemorySource(), [5], test, model)
    color = np.array([5, np.mean([0, 3, 16, 19]), 0]) / 255
    np.testing.assert_allclose(
        result.scores, [color @ kernel + bias], rtol=1e-5
    )


def test_order_of_the_split_and_labels():
    result, _ = score(MemorySource(), [5, 0, 3])
    assert result.videos == ("video5", "video0", "video3")
    assert result.labels.tolist() == [1, 0, 1]
    assert result.classes == CLASSES
    alone, _ = score(MemorySource(), [0])
    np.testing.assert_allclose(result.scores[1], alone.scores[0], rtol=1e-5)


def test_one_scorer_serves_several_splits():
    model = mean_color_network(CLASSES)
    compiled = scorer.make(model, CENTER)
    for split in ([0, 3], [5]):
        reused, _ = score(MemorySource(), split, model=model, scorer=compiled)
        anew, _ = score(MemorySource(), split, model=model)
        np.testing.assert_array_equal(reused.scores, anew.scores)


def test_a_broken_video_is_left_out_and_told(caplog):
    result, failures = score(MemorySource(broken=[2]), [1, 2, 3])
    assert result.videos == ("video1", "video3")
    whole, _ = score(MemorySource(), [1, 3])
    np.testing.assert_array_equal(result.scores, whole.scores)
    assert list(failures.errors) == ["video2"]
    assert "it is broken" in failures.errors["video2"]
    assert "video2" in caplog.text


def test_too_many_broken_videos_end_it():
    with pytest.raises(TooManyFailures, match="2 of 8 videos cannot be read"):
        score(MemorySource(broken=[2, 6]), range(8))


@pytest.mark.parametrize(
    "model, message",
    [
        (("odd", "even"), r"\('odd', 'even'\). Received: \('even', 'odd'\)"),
        (("even", "odd", "prime"), "prime.*Received"),
        (3, r"3 classes.*Received: \('even', 'odd'\)"),
    ],
)
def test_other_classes_are_refused(model, message):
    if isinstance(model, int):
        model = mean_color_network(classes=model)
    else:
        model = mean_color_network(model)
    with pytest.raises(ValueError, match=message):
        score(MemorySource(), [0], model=model)


def test_unnamed_classes_are_those_of_the_source():
    result, _ = score(MemorySource(), [0], model=mean_color_network(classes=2))
    assert result.classes == CLASSES


def test_a_network_must_know_what_it_wants_to_see():
    model = mean_color_network(CLASSES)
    predictions_layer(model).clip_spec = None
    with pytest.raises(ValueError, match="'mean_color' without a clip spec"):
        score(MemorySource(), [0], model=model)


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
    assert "Nothing is known of what" in caplog.text
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
    with pytest.raises(ValueError, match="videos to test on.*none is in the"):
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


class Counting(MemorySource):
    def __init__(self):
        super().__init__()
        self.seen = []

    def read(self, index, modality, indices):
        self.seen.append(index)
        return super().read(index, modality, indices)


def test_a_killed_test_goes_on_where_it_was(tmp_path):
    model = mean_color_network(CLASSES)
    expected, _ = score(MemorySource(), range(8), model=model)
    path, meta = tmp_path / "journal", {"of": "this test"}
    scored = []
    with ScoreJournal(path, meta) as journal:
        add = journal.add

        def stop(video, scores):
            if len(scored) == 3:
                raise KeyboardInterrupt
            scored.append(video)
            add(video, scores)

        journal.add = stop
        with pytest.raises(KeyboardInterrupt):
            score(MemorySource(), range(8), model=model, journal=journal)
    source = Counting()
    with ScoreJournal(path, meta) as journal:
        result, _ = score(source, range(8), model=model, journal=journal)
    assert sorted({*source.seen}) == [3, 4, 5, 6, 7]
    assert result.videos == expected.videos
    np.testing.assert_array_equal(result.scores, expected.scores)
    np.testing.assert_array_equal(result.labels, expected.labels)
    # All is there: nothing is read any more.
    source = Counting()
    with ScoreJournal(path, meta) as journal:
        result, _ = score(source, range(8), model=model, journal=journal)
    assert not source.seen
    np.testing.assert_array_equal(result.scores, expected.scores)


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


@pytest.mark.parametrize(
    "arguments, received",
    [
        ({"num_clips": 0}, "num_clips=0"),
        ({"num_clips": 2.0}, "num_clips=2.0"),
        ({"stride": 0}, "stride=0"),
        ({"stride": (1, 10)}, r"stride=\(1, 10\)"),
        ({"crops": "frames"}, "crops='frames'"),
    ],
)
def test_invalid_protocols(arguments, received):
    with pytest.raises(ValueError, match=f"Expected .* Received: {received}"):
        Protocol(**arguments)
