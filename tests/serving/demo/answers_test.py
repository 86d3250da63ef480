import re

import numpy as np
import pytest

import keras_vidrec
from keras_vidrec.evaluation import segments
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.serving.demo import answers
from keras_vidrec.serving.demo import markup
from keras_vidrec.serving.demo.taken import Taken
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import TestProtocol as Protocol
from tests.evaluation.mean_color_network import mean_color_network
from tests.serving.demo.clips import write_mp4

# Names of strangers are text, whatever they look like.
CLASSES = ("<b>red</b>", "${1 + 1}", 'blue "3"')


def network(activation="softmax"):
    model = mean_color_network(
        CLASSES, clip_spec=ClipSpec(size=32), activation=activation
    )
    model.get_layer("predictions").test_protocol = Protocol(num_segments=4)
    return model


@pytest.fixture(scope="module")
def recognizer():
    return keras_vidrec.Recognizer(network())


@pytest.fixture
def taken(tmp_path):
    return Taken(tmp_path, write_mp4(tmp_path / "clip.mp4"), 60.0)


def test_an_answer_is_that_of_predict(recognizer, taken):
    first, found = answers.ask("a run", recognizer, taken, window=0.5)
    assert first.prediction is found.prediction and first.timeline is None
    expected = Predictor(recognizer.model)(taken.path)
    assert found.prediction.classes == expected.classes
    np.testing.assert_allclose(
        found.prediction.probabilities, expected.probabilities, atol=1e-6
    )
    windows = [*recognizer.windows(taken.path, 0.5, 0.25)]
    np.testing.assert_array_equal(
        found.timeline.probabilities, [w.probabilities for w in windows]
    )
    assert found.segments == segments.merge(windows, CLASSES)
    page = markup.answer(found, taken.seconds, markup.Colors())
    told = re.findall(r'data-probability="([\d.]+)"', page)
    np.testing.assert_allclose(
        [float(one) for one in told], expected.probabilities, atol=1e-6
    )
    starts = re.findall(r'data-seek="([\d.]+)"', page)
    assert [float(one) for one in starts] == [
        pytest.approx(one.start, abs=1e-3) for one in found.segments
    ]
    assert "<b>red" not in page and "&lt;b&gt;red" in page
    assert 'blue "3"' not in page and "&quot;3&quot;" in page
    said = markup.described(taken, [found])
    assert said == "clip.mp4: 20 frames of 64 x 48, 1.9 s."


def test_a_video_shorter_than_a_window_has_no_timeline(recognizer, taken):
    _, found = answers.ask("a run", recognizer, taken, window=5.0)
    page = markup.answer(found, taken.seconds, markup.Colors())
    assert found.timeline is None and "data-probability" in page
    assert "shorter than a window of 5 s" in page and "data-seek" not in page


def test_several_labels_a_video(taken):
    recognizer = keras_vidrec.Recognizer(network("sigmoid"))
    _, found = answers.ask("a run", recognizer, taken, window=0.5)
    page = markup.answer(found, taken.seconds, markup.Colors())
    shown = ", ".join(found.prediction.present) or "none of the classes"
    assert f"Shows: <b>{markup.html.escape(shown)}</b>" in page


def test_an_error_is_one_sentence_without_the_place(recognizer, taken):
    taken.path.write_bytes(b"no video any more")
    with pytest.raises(ValueError) as error:
        next(answers.ask("a run", recognizer, taken, window=0.5))
    said = answers.sentence(error.value, taken.path)
    assert said.startswith("Cannot read the video 'clip.mp4': no frame")
    assert answers.sentence(KeyError("a\nb")).startswith(
        "Something went wrong, KeyError: "
    )
