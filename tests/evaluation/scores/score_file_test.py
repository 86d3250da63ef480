import os

import numpy as np
import pytest

from keras_vidrec.evaluation.scores.metrics import class_accuracies
from keras_vidrec.evaluation.scores.metrics import mean_class_accuracy
from keras_vidrec.evaluation.scores.metrics import top_k_accuracy
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.specs import Origin
from keras_vidrec.specs import VideoSet

VIDEOS = ("跳/v_1.avi", "run/ü 2.avi", "run/3.avi")
CLASSES = ("Fahren", "跳高")


def scores(**changes):
    return Scores(
        **{
            "videos": VIDEOS,
            "scores": np.array([[0.1, 2], [3, -4], [5, 6]], "float32"),
            "labels": [1, 0, -1],
            "classes": CLASSES,
            "meta": {"recipe": "tsn", "split": 1, "sampling": None, "é": [1]},
            **changes,
        }
    )


def arrays(**changes):
    """What a valid file holds."""
    return {
        "videos": np.array(VIDEOS),
        "scores": np.eye(3, 2, dtype="float32"),
        "labels": np.array([1, 0, -1], "int32"),
        "classes": np.array(CLASSES),
        "meta": np.array("{}"),
        **changes,
    }


def test_round_trip(tmp_path):
    path = tmp_path / "new" / "test.npz"
    scores().save(path)
    loaded = Scores.load(path)
    assert loaded.videos == VIDEOS and loaded.classes == CLASSES
    assert loaded.meta == scores().meta
    assert loaded.scores.dtype == np.float32 and loaded.labels.dtype == np.int32
    np.testing.assert_array_equal(loaded.scores, scores().scores)
    np.testing.assert_array_equal(loaded.labels, scores().labels)
    # The plain form that any program can read.
    with np.load(path, allow_pickle=False) as file:
        assert sorted(file) == sorted(arrays())


def test_the_origin_travels_and_its_marks_are_those_of_the_chain(tmp_path):
    network = Origin(
        "network", trained_on=VideoSet.of(["a"]), marks=("1 of 3 leaked",)
    )
    origin = Origin("scores", split=2, parents={"network": network})
    scores(origin=origin).save(tmp_path / "a.npz")
    loaded = Scores.load(tmp_path / "a.npz")
    assert loaded.origin == origin and loaded.marks == network.marks
    marked = loaded.marked("old", "old")
    assert marked.origin.marks == ("old",) and marked.origin.split == 2
    assert marked.marks == ("old", "1 of 3 leaked")
    assert scores().marks == () and scores().marked("old").marks == ("old",)
    # What other programs write has none; what is damaged is named.
    np.savez(tmp_path / "b.npz", **arrays())
    assert Scores.load(tmp_path / "b.npz").origin is None
    for text in ("[]", "{", '{"kind": 1}', '{"parents": {"a": 5}}'):
        np.savez(tmp_path / "c.npz", **arrays(origin=np.array(text)))
        with pytest.raises(ValueError, match="score file.*c.npz"):
            Scores.load(tmp_path / "c.npz")


def test_no_videos(tmp_path):
    empty = scores(videos=(), scores=np.zeros((0, 2)), labels=[])
    empty.save(tmp_path / "empty.npz")
    assert Scores.load(tmp_path / "empty.npz").scores.shape == (0, 2)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "test.npz"
    scores().save(path)

    def full_disk(file, **arrays):
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full_disk)
    with pytest.raises(OSError, match="No space left"):
        scores(labels=[0, 0, 0]).save(path)
    assert Scores.load(path).labels.tolist() == [1, 0, -1]
    assert [file.name for file in tmp_path.iterdir()] == ["test.npz"]


class Attack:
    def __reduce__(self):
        return os.mkdir, ("executed",)


def test_pickles_are_refused_and_not_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("bad.npz", **arrays(videos=np.array([Attack()] * 3, object)))
    with pytest.raises(
        ValueError, match=r"score file.*bad\.npz.*videos of pickled objects"
    ):
        Scores.load("bad.npz")
    assert not os.path.exists("executed")
    np.load("bad.npz", allow_pickle=True)["videos"]
    assert os.path.exists("executed")  # the attack is a real one


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"scores": np.zeros((2, 2))}, r"shape \(2, 2\)"),
        ({"scores": np.zeros(3)}, r"shape \(3,\)"),
        ({"scores": np.array([[0, 1], [0, np.nan], [0, 0]])}, "run/ü 2.avi"),
        ({"scores": np.full((3, 2), np.inf)}, "infinity"),
        ({"scores": np.full((3, 2), "1")}, "scores of <U1"),
        ({"labels": np.zeros((3, 1), int)}, r"labels of shape \(3, 1\)"),
        ({"labels": np.array([0, 2, 0])}, "-1 to 1. Received: 0 to 2"),
        ({"labels": np.array([0, -2, 0])}, "-1 to 1. Received: -2 to 0"),
        ({"labels": np.array([0, 2**32, 0])}, "Received: 0 to 4294967296"),
        ({"labels": np.array([0, 0.5, 0])}, "labels of float64"),
        ({"videos": np.array(["a", "b", "a"])}, "twice.*'a'$"),
        ({"videos": np.array("abc")}, "videos"),
        ({"classes": np.zeros(2)}, "classes of float64"),
        ({"classes": np.full(2, 2**31 - 1, "uint32").view("<U1")}, "maximum"),
        ({"meta": np.array("[" * 100_000)}, "more than 100 levels"),
        ({"meta": np.array("[]")}, r"meta=\[\]"),
        ({"meta": np.array("{")}, "Expecting property name"),
    ],
)
def test_what_does_not_fit_gives_one_clear_error(tmp_path, changes, message):
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays(**changes))
    with pytest.raises(ValueError, match=rf"score file.*bad\.npz.*{message}"):
        Scores.load(path)


@pytest.mark.parametrize("name", list(arrays()))
def test_every_array_is_needed(tmp_path, name):
    path = tmp_path / "bad.npz"
    held = arrays()
    held.pop(name)
    np.savez(path, **held)
    with pytest.raises(ValueError, match=rf"score file.*bad\.npz.*{name}"):
        Scores.load(path)


def test_other_files_give_one_clear_error(tmp_path):
    path = tmp_path / "bad.npz"
    with pytest.raises(ValueError, match=r"score file.*No such file"):
        Scores.load(path)
    np.save(tmp_path / "one.npy", np.zeros(3))
    for content in (
        b"",
        b"video,label\n",
        b"PK\x03\x04",
        (tmp_path / "one.npy").read_bytes(),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"score file.*bad\.npz"):
            Scores.load(path)


def test_float64_is_kept_and_other_numbers_become_float32(tmp_path):
    double = np.array([[0.1, 2], [3, -4], [5, 6]])
    for values, dtype in (
        (double, "float64"),
        (double.astype("float16"), "float32"),
        (double.astype("int64"), "float32"),
    ):
        scores(scores=values).save(tmp_path / "test.npz")
        loaded = Scores.load(tmp_path / "test.npz").scores
        assert loaded.dtype == dtype
        np.testing.assert_array_equal(loaded, values)


def test_damaged_files_are_noticed(tmp_path):
    """Cut off anywhere: an error. Any byte changed: an error, or no harm."""
    path = tmp_path / "bad.npz"
    scores().save(path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 41):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"score file.*bad\.npz"):
            Scores.load(path)
    for position in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        try:
            loaded = Scores.load(path)
        except ValueError as error:
            assert "score file" in str(error)
            continue
        assert loaded.videos == VIDEOS and loaded.classes == CLASSES
        np.testing.assert_array_equal(loaded.scores, scores().scores)
        np.testing.assert_array_equal(loaded.labels, scores().labels)


def test_meta_that_json_does_not_hold_is_refused_at_once():
    with pytest.raises(ValueError, match="can represent. Received: meta={'a'"):
        scores(meta={"a": {1}})


@pytest.mark.parametrize(
    "stream, top_1", [("spatial", 0.8126), ("motion", 0.7967)]
)
def test_real_scores_give_their_figures(real_data, stream, top_1):
    loaded = Scores.load(
        real_data / "scores_ucf101_split1" / f"MinLiAmoy_{stream}.npz"
    )
    assert loaded.scores.shape == (3783, 101)
    figure = top_k_accuracy(loaded.scores, loaded.labels)
    assert round(figure, 4) == top_1
    assert top_k_accuracy(loaded.scores, loaded.labels, 5) > figure
    # The mean of the classes' accuracies, weighted by their sizes, is top-1.
    counts = np.bincount(loaded.labels)
    accuracies = class_accuracies(loaded.scores, loaded.labels)
    np.testing.assert_allclose(accuracies @ counts / counts.sum(), figure)
    assert mean_class_accuracy(loaded.scores, loaded.labels) == pytest.approx(
        accuracies.mean()
    )
