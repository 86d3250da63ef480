import os
import pathlib
import socket
import urllib.request

import gradio
import pytest

import keras_vidrec
from keras_vidrec.serving.demo import layout
from keras_vidrec.serving.demo.page import in_a_loop
from keras_vidrec.specs import ClipSpec
from tests.evaluation.mean_color_network import mean_color_network
from tests.serving.demo.clips import write_mp4


@pytest.fixture(scope="module")
def recognizer():
    return keras_vidrec.Recognizer(
        mean_color_network(("red", "blue"), clip_spec=ClipSpec(size=32))
    )


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def page(recognizer, home):
    runs = {"one": recognizer, "two": recognizer}

    def make():
        with gradio.Blocks(analytics_enabled=False):
            return layout._Page(gradio, runs, (), home, 0.5, 5.0)

    return in_a_loop(make)


def last(changes):
    """What stands on the page: the last change is all of it."""
    return [dict(one) for one in changes][-1]


def answered(page, before, path):
    """What stands there when a video was answered."""
    taken = last(page._take(before, path))
    return taken | last(page._answer(taken[page._taken], 0.5))


def test_a_video_is_answered_by_every_run(page, home, tmp_path):
    path = write_mp4(tmp_path / "clip.mp4")
    stands = answered(page, None, path)
    taken = stands[page._taken]
    assert stands[page._video] == str(taken.shown) and not path.exists()
    assert "clip.mp4: 20 frames" in stands[page._status]
    for column in page._columns:
        assert "data-probability" in stands[column.answer]
        # The network has no maps to look at: the answers stay.
        assert "No picture: " in stands[column.where]
    assert stands[page._flow].count("data:image/png") == 1
    # The next one takes its place.
    other = write_mp4(tmp_path / "other.mp4")
    stands = answered(page, taken, other)
    assert [*home.iterdir()] == [stands[page._taken].path.parent]
    # Windows of another length.
    again = last(page._answer(stands[page._taken], 1.0))
    assert "windows of 1.00 s" in again[page._columns[0].answer]
    wrong = last(page._answer(stands[page._taken], 0))
    assert "Invalid `window`" in wrong[page._status]
    cleared = page._clear(stands[page._taken])
    assert cleared[page._columns[0].answer] == "" and not [*home.iterdir()]


def test_what_is_no_video_is_one_sentence(page, home, tmp_path):
    text = tmp_path / "notes.mp4"
    text.write_text("no video")
    long = write_mp4(tmp_path / "long.mp4", seconds=6.0)
    for path, why in ((text, "no frame of a video"), (long, "longer than")):
        stands = last(page._take(None, path))
        status = stands[page._status]
        assert f"'{path.name}'" in status.replace("&#x27;", "'")
        assert why in status and "vidrec-failed" in status
        assert str(tmp_path) not in status and "Traceback" not in status
        assert stands[page._video] is None and stands[page._taken] is None
        assert not [*home.iterdir()] and not [*page._answer(None, 0.5)]


def test_it_is_served_to_this_machine_and_leaves_nothing(recognizer, tmp_path):
    places, begun = set(), dict(os.environ)
    page = keras_vidrec.serving.Demo({"a <run>": recognizer})
    with page.serving(port=0) as address:
        assert address.startswith("http://127.0.0.1:")
        home = pathlib.Path(os.environ["GRADIO_TEMP_DIR"])
        (home / "rest").write_text("of an upload")
        with urllib.request.urlopen(address) as answer:
            text = answer.read().decode()
        assert "vidrec: a \\u003crun\\u003e" in text or "a &lt;run&gt;" in text
        assert "fonts.googleapis.com" not in text
        port = int(address.rstrip("/").rpartition(":")[2])
        with pytest.raises(OSError, match=rf"Port {port} cannot.*--port"):
            with page.serving(port):
                places.add("never")
    assert not home.exists() and not places and dict(os.environ) == begun
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", port))


def test_networks_have_names_of_their_own(recognizer, tmp_path):
    with pytest.raises(ValueError, match="Invalid `recognizers`"):
        keras_vidrec.serving.Demo({})
    for parent in "ab":
        (tmp_path / parent).mkdir()
        recognizer.model.save(tmp_path / parent / "run.keras")
    places = [tmp_path / "a" / "run.keras", tmp_path / "b" / "run.keras"]
    page = keras_vidrec.serving.Demo.of(places)
    assert [*page._recognizers] == [str(place) for place in places]
    with pytest.raises(ValueError, match="Invalid `places`"):
        keras_vidrec.serving.Demo.of(places[:1] * 2)
