import shutil

import cv2
import numpy as np
import pytest

from keras_vidrec.data.catalogs import catalog
from keras_vidrec.data.catalogs import likeness
from keras_vidrec.videos import opening


def scene(seed, shift=0):
    """A still picture of a place, seen from a little aside."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (6, 8, 3), np.uint8)
    image = cv2.resize(small, (160, 96), interpolation=cv2.INTER_CUBIC)
    return np.roll(image, shift, axis=1)


def write(path, image, size=(160, 96), codec="mp4v", num_frames=12, rate=25):
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*codec), rate, size
    )
    for t in range(num_frames):
        frame = cv2.resize(image, size)
        # Somebody moves there.
        cv2.circle(frame, (20 + 5 * t, 50), 6, (0, 0, 255), -1)
        writer.write(frame)
    writer.release()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Two classes of eight places each; of one place there are cuts, one a
    copy in another format, and of one file a copy in the other class."""
    root = tmp_path_factory.mktemp("alike")
    for label, name in enumerate(("run", "walk")):
        for i in range(8):
            write(root / name / f"{i}.mp4", scene(10 * label + i))
    write(root / "run/cut.avi", scene(3), (80, 48), "MJPG", 30, 15)
    shutil.copy(root / "run/5.mp4", root / "walk/copy.mp4")
    return root


def test_what_is_alike_stays_on_one_side(dataset, monkeypatch):
    found = catalog.discover(dataset)
    assert found.alike == (
        ("run/3.mp4", "run/cut.avi"),
        ("run/5.mp4", "walk/copy.mp4"),
    )
    groups = dict(zip(found.videos, found.groups))
    assert len(set(groups.values())) == len(groups) - 2
    for same in found.alike:
        assert len({groups[name] for name in same}) == 1
    (problem,) = found.problems
    assert problem.startswith("4 videos are identical to others or look like")
    assert "'run/3.mp4 = run/cut.avi'" in problem
    # Frames are looked at once.
    monkeypatch.setattr(likeness, "look", None)
    assert catalog.discover(dataset) == found
    (dataset / "run/0.mp4").touch()
    with pytest.raises(TypeError):
        catalog.discover(dataset)


def test_a_list_without_parts_says_what_is_alike(dataset, tmp_path):
    found = catalog.discover(dataset)
    lines = [f"{name},{name.split('/')[0]}" for name in found.videos]
    path = tmp_path / "list.csv"
    path.write_text("\n".join(["path,label", *lines]))
    assert catalog.from_list(path, dataset).alike == found.alike != ()


def test_a_class_of_one_recording_can_be_tested(tmp_path):
    for i in range(4):
        write(tmp_path / "run" / f"{i}.mp4", scene(1), rate=20 + i)
        write(tmp_path / "walk" / f"{i}.mp4", scene(20 + i))
    found = catalog.discover(tmp_path)
    assert found.alike == ()
    assert {found.labels[i] for i in found.splits[1].test} == {0, 1}
    assert found.problems[0].startswith("All clips of a class look like cuts")


def test_videos_without_looks(tmp_path):
    write(tmp_path / "black.avi", np.zeros((96, 160, 3), np.uint8) + 3, (16, 8))
    (tmp_path / "text.avi").write_text("no video")
    assert likeness.look(tmp_path / "text.avi") == ""
    assert likeness.look(tmp_path / "gone.avi") == ""
    write(tmp_path / "place.avi", scene(1), num_frames=1)
    assert len(likeness.look(tmp_path / "place.avi")) == 48


def test_frames_that_a_header_claims_are_not_decoded(dataset, monkeypatch):
    path = dataset / "run/0.mp4"
    assert likeness.look(path)
    monkeypatch.setattr(opening, "MAX_PIXELS", 160 * 96 - 1)
    assert likeness.look(path) == ""
