import pytest

from keras_vidrec.data import opening
from keras_vidrec.data.catalogs import background
from keras_vidrec.data.catalogs import catalog as catalogs
from tests.data import numbered_video


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Videos of 4 s, 25 frames a second."""
    directory = tmp_path_factory.mktemp("videos")
    for name in "abcd":
        numbered_video.write(directory / f"{name}.avi", 100)
    (directory / "broken.avi").write_bytes(b"no video")
    return directory


def listed(root, text, columns="path,label,start,end,split"):
    path = root / "list.csv"
    path.write_text(f"{columns}\n" + text.replace(" ", "\n") + "\n")
    return catalogs.from_list(path, root)


def rows_of(catalog, first):
    names = {
        index: part
        for part, indices in zip(("train", "test"), catalog.splits[1])
        for index in indices
    }
    names |= dict.fromkeys(catalog.validation.get(1, ()), "val")
    return [
        (catalog.videos[i], catalog.classes[catalog.labels[i]], names.get(i))
        for i in range(first, len(catalog.videos))
    ]


def test_what_segments_leave_is_background(root):
    before = listed(
        root,
        "a.avi,run,1,2,train a.avi,jump,1.5,2.5,train a.avi,run,2.9,4,train "
        "b.avi,run,0,1,val c.avi,jump,2.25,,test d.avi,jump,1,2,none",
    )
    after = background.add(before)
    assert after.classes == ("jump", "run", "background")
    assert after.videos[:6] == before.videos
    assert after.labels[:6] == before.labels
    # Most segments last a second; 0.4 s at second 2.5 is too short.
    assert rows_of(after, 6) == [
        ("a.avi#0-1", "background", "train"),
        ("b.avi#1-2", "background", "val"),
        ("b.avi#2-3", "background", "val"),
        ("b.avi#3-4", "background", "val"),
        ("c.avi#0-1.125", "background", "test"),
        ("c.avi#1.125-2.25", "background", "test"),
        ("d.avi#0-1", "background", None),
        ("d.avi#2-3", "background", None),
        ("d.avi#3-4", "background", None),
    ]
    assert after.groups[6] == after.groups[0] == "a.avi"
    assert after.problems[-1].startswith("Background: 9 clips from 4 files")
    again = background.add(before)
    assert again == after


def test_they_are_read_as_any_clip(root):
    """From frames as from seconds, by their number in the picture."""
    listed(root, "a.avi,run,20,60 b.avi,jump,50,90",
           "path,label,start_frame,end_frame")  # fmt: skip
    opened = opening.open_dataset(
        root, videos_list=root / "list.csv", background=True
    )
    source = opened.source
    assert source.videos[2:] == ("a.avi#f0-20", "a.avi#f60-100", "b.avi#f0-50")
    assert source.labels[2:] == (2, 2, 2)
    counts = [source.num_frames(i, "rgb") for i in range(2, 5)]
    assert counts == [20, 40, 50]
    (frame,) = source.read(3, "rgb", [5])
    assert numbered_video.number(frame) == 65
    # Clips of one video stay on one side.
    for part in opened.catalog.splits[1]:
        files = {source.files[i] for i in part}
        rest = set(range(5)).difference(part)
        assert files.isdisjoint(source.files[i] for i in rest)


def test_what_gives_none_is_named(root):
    after = background.add(
        listed(
            root,
            "a.avi,run,1,2,train a.avi,jump,2,3,test b.avi,run,0,2,train "
            "broken.avi,run,0,1,train c.avi,jump,0,2,test",
        )
    )
    assert [row[0] for row in rows_of(after, 5)] == [
        "b.avi#2-4",
        "c.avi#2-4",
    ]
    unread, torn = after.problems[-2:]
    assert "Unreadable" in unread and "'broken.avi'" in unread
    assert "in several parts" in torn and "'a.avi'" in torn


def test_what_has_no_background(root):
    with pytest.raises(ValueError, match="start and end. Received: whole fil"):
        background.add(listed(root, "a.avi,run b.avi,jump", "path,label"))
    with pytest.raises(ValueError, match="no class 'background' in the list"):
        background.add(
            listed(root, "a.avi,run,0,1,train b.avi,background,0,1,test")
        )
    with pytest.raises(ValueError, match="'a.avi', 'b.avi'.*no other parts"):
        background.add(listed(root, "a.avi,run,0,4,train b.avi,jump,0,9,test"))
