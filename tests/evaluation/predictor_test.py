import shutil
import threading

import numpy as np
import pytest

from keras_vidrec.applications import TSLSTM
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.data.catalogs import catalog as catalogs
from keras_vidrec.data.sources.source import Source
from keras_vidrec.data.sources.video_files import VideoFiles
from keras_vidrec.data.synthetic import KINDS
from keras_vidrec.evaluation import evaluator
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.evaluation.predictor import Unread
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.specs import Origin
from keras_vidrec.specs import TestProtocol as Protocol
from keras_vidrec.specs import VideoSet
from keras_vidrec.videos import video
from keras_vidrec.videos.content import fingerprint as fingerprint_of
from tests.data import numbered_video
from tests.evaluation.mean_color_network import mean_color_network
from tests.evaluation.mean_color_network import softmax
from tests.evaluation.ordered_network import ordered_network

CLASSES = tuple(sorted(KINDS))


@pytest.fixture
def clip(small_videos):
    return sorted(small_videos.rglob("*.avi"))[0]


class OneVideo(Source):
    """The `Source` of all frames of one video."""

    modalities = ("rgb", "rgb_diff")
    flow = None

    def __init__(self, path):
        self.videos = self.groups = (path.name,)
        self.labels, self.classes = (0,), CLASSES
        self._frames = np.stack(list(video.iter_frames(path)))

    def num_frames(self, _index, _modality):
        return len(self._frames)

    def read(self, index, _modality, indices):
        return self._resized(index, self._frames[indices])


@pytest.mark.parametrize("modality", ["rgb", "rgb_diff"])
@pytest.mark.parametrize("crops", ["center", "ten"])
def test_equals_the_evaluation(clip, modality, crops):
    length = 1 if modality == "rgb" else 5
    model = mean_color_network(
        CLASSES,
        clip_spec=ClipSpec((modality,), snippet_length=length, size=32),
    )
    test = Protocol(num_segments=4, crops=crops)
    scores, _ = evaluator.score(model, OneVideo(clip), [0], test, verbose=False)
    expected = softmax(scores.scores[0])
    best = np.argsort(expected)[::-1]

    prediction = Predictor(model, test)(clip, top=12)
    assert prediction.video == str(clip)
    assert prediction.classes == tuple(CLASSES[i] for i in best)
    np.testing.assert_allclose(
        prediction.probabilities, expected[best], rtol=1e-5
    )
    few = Predictor(model, test)(str(clip), top=2)
    assert few.classes == prediction.classes[:2]
    assert few.probabilities == prediction.probabilities[:2]


def trained_on(names, contents=None):
    return Origin("network", trained_on=VideoSet.of(names, contents))


def test_a_video_that_was_trained_on_is_remarked(clip, tmp_path):
    """By its content, wherever it lies, or by its name in a dataset."""
    elsewhere = tmp_path / "a.avi"
    shutil.copy(clip, elsewhere)
    name = f"{clip.parent.name}/{clip.name}"
    content = fingerprint_of(clip)
    by_content = "The network was trained on this video"
    for origin, remarks in (
        (trained_on(["x"], [content]), [by_content, by_content]),
        (
            Origin("network", parents={"rgb": trained_on([name])}),
            [
                "A network that it was made from (rgb) was trained "
                "on a video of this name",
                None,
            ],
        ),
        (trained_on([clip.name, "a.avi"], ["c", "d"]), [None, None]),
        (None, [None, None]),
    ):
        model = mean_color_network(CLASSES)
        predictions_layer(model).origin = origin
        predictor = Predictor(model, Protocol(num_segments=1, crops="center"))
        for path, expected in zip((clip, elsewhere), remarks):
            found = predictor(path).remarks
            assert found == predictor.remarks(path)
            assert found == (() if expected is None else (expected,))


@pytest.mark.parametrize(
    "built_for, own, named",
    [
        (None, Protocol(num_segments=None, crops="center"), None),
        (4, Protocol(num_segments=None, crops="ten"), None),
        (None, Protocol(), "5_chunks"),
        (None, Protocol(num_segments=3, num_clips=4, crops="center",
                        stride=2, averaged="probabilities"), None),
        (None, Protocol(sampling="uniform", num_clips=2, num_segments=3,
                        crops="frame"), None),
        (None, Protocol(sampling="spread", crops="center"), None),
    ],
)  # fmt: skip
def test_ordered_networks(clip, built_for, own, named):
    """The network's own test, or another by name, in both places."""
    model = ordered_network(CLASSES, num_segments=built_for, test=own)
    scores, _ = evaluator.score(
        model, OneVideo(clip), [0], named, verbose=False
    )
    prediction = Predictor(model, named)(clip, top=12)
    expected = np.sort(softmax(scores.scores[0]))[::-1]
    np.testing.assert_allclose(prediction.probabilities, expected, atol=1e-6)


def test_several_modalities(clip):
    spec = ClipSpec(("rgb", "rgb_diff"), snippet_length=2, size=32)
    prediction = Predictor(mean_color_network(CLASSES, clip_spec=spec))(clip)
    assert len(prediction.classes) == 5


def test_unnamed_classes_have_numbers(clip):
    prediction = Predictor(mean_color_network(classes=2))(clip)
    assert sorted(prediction.classes) == ["0", "1"]
    assert sum(prediction.probabilities) == pytest.approx(1)


@pytest.mark.parametrize("modality", ["flow", "warped_flow"])
def test_motion_is_made_as_the_network_wants_it(clip, modality):
    """From a video file as from the dataset it lies in."""
    flow = FlowSpec("dis", bound=6)
    spec = ClipSpec(
        ("rgb", modality),
        snippet_length=3,
        size=32,
        frame=FrameSpec("short48"),
        flow=flow,
    )
    model = mean_color_network(CLASSES, clip_spec=spec)
    catalog = catalogs.discover(clip.parent.parent)
    source = VideoFiles(catalog, flow)
    index = catalog.videos.index(f"{clip.parent.name}/{clip.name}")
    scores, _ = evaluator.score(
        model,
        source,
        [index],
        Protocol(num_segments=4, crops="center"),
        verbose=False,
    )
    prediction = Predictor(model, "4x1")(clip, top=12)
    expected = np.sort(softmax(scores.scores[0]))[::-1]
    np.testing.assert_allclose(prediction.probabilities, expected, rtol=1e-5)
    # The bound and the size are heeded: others give other numbers.
    for changed in (
        {"flow": {"bound": 20}},
        {"frame": {"size": "short96"}},
    ):
        predictions_layer(model).clip_spec = spec.changed(changed)
        other = Predictor(model, "4x1")(clip, top=12)
        assert not np.allclose(other.probabilities, expected, rtol=1e-5)


def test_what_cannot_be_predicted_with():
    model = mean_color_network(classes=2)
    with pytest.raises(ValueError, match="'8x10'.*Received: protocol='five'"):
        Predictor(model, "five")
    predictions_layer(model).test_protocol = None
    with pytest.raises(ValueError, match="25x10, 25x1.*'mean_color' without"):
        Predictor(model)
    Predictor(model, "3x1")
    predictions_layer(model).clip_spec = None
    with pytest.raises(
        ValueError, match="clip specification.*'mean_color' without"
    ):
        Predictor(model)
    fixed = ordered_network(CLASSES, num_segments=4, size=16)
    with pytest.raises(ValueError, match="Expected num_segments=4"):
        Predictor(fixed, "25x1")
    with pytest.raises(ValueError, match="Received: crops='frame'"):
        Predictor(fixed, Protocol(num_segments=4, crops="frame"))


@pytest.mark.parametrize("content", [None, b"", b"no video"])
def test_broken_files_are_named(tmp_path, content):
    path = tmp_path / "broken.avi"
    if content is not None:
        path.write_bytes(content)
    predictor = Predictor(mean_color_network(classes=2))
    with pytest.raises(video.VideoError, match=r"broken\.avi"):
        predictor(path)


def test_many_videos_of_several_sizes(small_videos, tmp_path):
    """Whole frames of one size pass the network together, in any order."""
    paths = sorted(small_videos.rglob("*.avi"))[:3]
    paths.insert(1, numbered_video.write(tmp_path / "wide.mp4", 7))
    paths.insert(3, tmp_path / "no.avi")
    model = mean_color_network(CLASSES)
    predictor = Predictor(model, Protocol(num_segments=4, crops="frame"))
    together = []
    many = predictor._scorer.many
    predictor._scorer.many = lambda clips: (
        together.append(len(clips)),
        many(clips),
    )[1]
    answers = list(predictor.many(iter(map(str, paths)), top=2))
    assert sorted(together) == [1, 3]
    assert [answer.video for answer in answers] == [str(p) for p in paths]
    unread = answers.pop(3)
    assert isinstance(unread, Unread) and "no.avi" in str(unread.error)
    assert unread.to_dict() == {
        "video": str(paths.pop(3)),
        "error": str(unread.error),
    }
    for answer, path in zip(answers, paths, strict=True):
        alone = predictor(path, top=2)
        assert answer.classes == alone.classes
        np.testing.assert_allclose(
            answer.probabilities, alone.probabilities, rtol=1e-5
        )
        assert answer.to_dict()["health"] == alone.to_dict()["health"]
    assert "health" not in repr(answers[0])


def test_videos_are_decoded_while_the_network_computes(clip, tmp_path):
    last = shutil.copy(clip, tmp_path / "last.avi")
    predictor = Predictor(mean_color_network(CLASSES), "64x1")
    computes, is_read = threading.Event(), threading.Event()
    read, answer = predictor._read, predictor._scorer.many

    def read_last_late(path):
        if path == last:
            assert computes.wait(timeout=60)
        shown = read(path)
        if path == last:
            is_read.set()
        return shown

    def answer_later(clips):
        computes.set()
        assert is_read.wait(timeout=60)
        return answer(clips)

    predictor._read = read_last_late
    predictor._scorer.many = answer_later
    assert len(list(predictor.many([clip, last]))) == 2


def test_features_are_no_videos():
    with pytest.raises(ValueError, match="whose input is features"):
        Predictor(TSLSTM(classes=3, features=4, units=(5,)))
