import numpy as np
import pytest

from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.data.failures import TooManyFailures
from keras_vidrec.evaluation import evaluator
from keras_vidrec.evaluation.scorers import scorer
from keras_vidrec.evaluation.scores.score_journal import ScoreJournal
from keras_vidrec.specs import TestProtocol as Protocol
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
    with pytest.raises(
        ValueError, match="clip specification.*'mean_color' without"
    ):
        score(MemorySource(), [0], model=model)


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
