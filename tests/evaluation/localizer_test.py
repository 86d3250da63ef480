import cv2
import numpy as np
import pytest

from keras_vidrec.data import failures
from keras_vidrec.evaluation import localizer
from keras_vidrec.evaluation import segments
from keras_vidrec.evaluation.segments import Merging
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import TestProtocol as Protocol
from tests.evaluation.mean_color_network import mean_color_network

CLASSES = ("background", "blue", "red")
COLORS = {"black": (0, 0, 0), "red": (255, 0, 0), "blue": (0, 0, 255)}
RATE = 10


def film(path, *parts):
    """Writes colors one after the other, each for some seconds."""
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*"FFV1"), RATE, (40, 32)
    )
    for color, seconds in parts:
        frame = np.full((32, 40, 3), COLORS[color][::-1], np.uint8)
        for _ in range(round(seconds * RATE)):
            writer.write(frame)
    writer.release()


def color_network():
    """It knows red and blue; black is background."""
    model = mean_color_network(
        CLASSES,
        clip_spec=ClipSpec(size=32),
        test=Protocol(num_segments=4, crops="center"),
    )
    kernel = np.zeros((3, 3))
    kernel[2, 1] = kernel[0, 2] = 20
    model.get_layer("logits").set_weights([kernel, np.array([9.9, 0, 0])])
    return model


def two_films(root):
    """Writes films and a list of what is in them into a new directory."""
    root.mkdir()
    film(root / "a.avi", ("black", 2), ("red", 3), ("black", 2), ("blue", 2))
    film(root / "b.avi", ("blue", 4), ("black", 2))
    write(
        root,
        "a.avi,red,2,5", "a.avi,blue,7,9", "b.avi,blue,0,4",
        "b.avi,background,4,6",
    )  # fmt: skip
    return root


@pytest.fixture
def network():
    return color_network()


@pytest.fixture
def videos(tmp_path):
    return two_films(tmp_path / "videos")


def write(root, *rows):
    text = "\n".join(("path,label,start,end", *rows))
    (root / "truth.csv").write_text(text + "\n")


def localize(network, root, **options):
    return localizer.localize(
        network, root / "truth.csv", window=1.0, stride=0.5, verbose=False,
        **options,
    )  # fmt: skip


def test_what_is_plain_is_found(network, videos):
    tested = localize(network, videos)
    assert tested.num_segments == 3
    assert tested.figures.classes == ("blue", "red")
    assert tested.figures.precisions.min() == 1
    found = {
        video: [(s.name, s.start, s.end) for s in some]
        for video, some in tested.found.items()
    }
    # Half a window is uncertain at each end.
    assert [name for name, *_ in found["a.avi"]] == ["red", "blue"]
    np.testing.assert_allclose(found["a.avi"][0][1:], [2, 5], atol=0.5)
    np.testing.assert_allclose(found["a.avi"][1][1:], [7, 9], atol=0.5)
    assert [name for name, *_ in found["b.avi"]] == ["blue"]
    # Options are heeded: what is dropped is not found.
    tested = localize(network, videos, merging=Merging(min_length=3.5))
    assert tested.figures.precisions[0].tolist() == [0.5, 0]


def test_a_test_that_was_killed_goes_on(network, videos, monkeypatch, tmp_path):
    """Videos that are done are not done again, by the same test alone."""
    expected = localize(network, videos)
    done = []
    merge = segments.merge

    def failing(windows, classes, how):
        if failing.at == len(done):
            raise KeyboardInterrupt
        done.append(windows)
        return merge(windows, classes, how)

    monkeypatch.setattr(segments, "merge", failing)
    journal = tmp_path / "out" / ".truth.journal"
    failing.at = 1
    with pytest.raises(KeyboardInterrupt):
        localize(network, videos, journal=journal)
    failing.at = None
    tested = localize(network, videos, journal=journal)
    assert len(done) == 2
    assert tested.found == expected.found
    assert [*tested.found] == [*expected.found]
    localize(network, videos, journal=journal, merging=Merging(min_length=1.0))
    assert len(done) == 4
    assert [path.name for path in journal.parent.iterdir()] == [journal.name]


def test_workers_need_a_journal(network, videos):
    with pytest.raises(ValueError, match="Invalid `journal`.*that the workers"):
        localize(network, videos, runner=object())


def test_what_is_left_out_is_named(network, videos, caplog):
    (videos / "c.avi").write_bytes(b"no video")
    rows = (videos / "truth.csv").read_text().splitlines()[1:]
    write(
        videos, *rows, "c.avi,red,0,1", "gone.avi,red,0,1", "a.avi,fly,0,1",
        "a.avi,swim,1,2",
    )  # fmt: skip
    tested = localize(network, videos)
    assert set(tested.found) == {"a.avi", "b.avi"}
    assert tested.num_segments == 3 and tested.figures.precisions.min() == 1
    text = caplog.text
    assert "does not have are left out: 'fly', 'swim' (2 in all)" in text
    assert "'gone.avi'" in text and "Cannot read the video" in text
    (videos / "b.avi").write_bytes(b"no video either")
    with pytest.raises(failures.TooManyFailures, match="2 of 3 videos"):
        localize(network, videos)


def test_lists_that_say_too_little(network, videos):
    write(videos, "a.avi,fly,0,1", "a.avi,swim,2,3")
    with pytest.raises(ValueError, match="classes of the network.*fly"):
        localize(network, videos)
    write(videos, "a.avi,red,0,1", "a.avi,blue,2,")
    with pytest.raises(ValueError, match="truth.csv.*end in seconds of each"):
        localize(network, videos)
    (videos / "truth.csv").write_text(
        "path,label,start,end,split\na.avi,red,2,5,test\n"
        "a.avi,blue,7,9,test\nb.avi,blue,0,4,train\n"
    )
    assert [*localize(network, videos).found] == ["a.avi"]
    text = (videos / "truth.csv").read_text().replace("test", "val")
    (videos / "truth.csv").write_text(text)
    with pytest.raises(ValueError, match="rows of the test part"):
        localize(network, videos)
