"""Datasets of several labels a clip: from lists to catalogs and back."""

import collections
import json

import numpy as np
import pytest

from keras_vidrec.data.catalogs import catalog
from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.data.catalogs import list_writer
from keras_vidrec.data.catalogs import split

CLIPS = ("a.mp4", "b.mp4", "c.mp4", "d.mp4")
NAMED = {
    "a.mp4": ("run", "walk"),
    "b.mp4": ("walk",),
    "c.mp4": ("jump", "run", "walk"),
    "d.mp4": ("run",),
}


def read(directory, text):
    for clip in CLIPS:
        (directory / clip).touch()
    (directory / "list.csv").write_text(text)
    return catalog.from_list(directory / "list.csv")


def named(found):
    return {
        name: label_sets.names(label, found.classes)
        for name, label in zip(found.videos, found.labels)
    }


@pytest.mark.parametrize(
    "text",
    [
        "path,label\na.mp4,walk;run\nb.mp4,walk\nc.mp4,jump;run; walk\n"
        "d.mp4,run\n",
        "path,label\na.mp4,walk|run\nb.mp4,walk|\nc.mp4,jump|run|walk|run\n"
        "d.mp4,run\n",
        'a.mp4,"walk,run"\nb.mp4,walk\nc.mp4,"run,jump,walk"\nd.mp4,run\n'
        'c.mp4,"walk,jump"\n',
        "path,label\na.mp4,walk\na.mp4,run\nb.mp4,walk\nc.mp4,jump\nd.mp4,run\n"
        "c.mp4,run\nc.mp4,walk\n",
        json.dumps([{"path": p, "label": list(x)} for p, x in NAMED.items()]),
        "id,subject,actions,length\na,1,walk 0.0 5.2;run 3 4,9\n"
        "b,2,walk 0.0 5.2,9\nc,3,jump 1 2;run 0 1;run 2 3;walk 0 3.25,9\n"
        "d,4,run 0.0 1.0,9\n",
    ],
    ids=["semicolons", "bars", "commas", "rows", "JSON", "Charades"],
)
def test_forms(tmp_path, text):
    found = read(tmp_path, text)
    assert named(found) == NAMED
    assert found.classes == ("jump", "run", "walk")
    assert label_sets.are_sets(found.labels)
    assert "2 of 4 clips have more than one" in found.understood


def test_numbers_and_none(tmp_path):
    found = read(tmp_path, "a.mp4 1 3\nb.mp4 2\nc.mp4 0 1 3\nd.mp4 1\n")
    assert found.labels == ((1, 3), (2,), (0, 1, 3), (1,))
    found = read(tmp_path, "path,label\na.mp4,x;y\nb.mp4,\nc.mp4,;\nd.mp4,y\n")
    assert found.labels == ((0, 1), (), (), (1,))
    assert "1 of 4 clips have more than one, 2 none" in found.understood
    rows = label_sets.multi_hot(found.labels, 2)
    np.testing.assert_array_equal(rows, [[1, 1], [0, 0], [0, 0], [0, 1]])
    with pytest.raises(ValueError, match="Received: a list without any"):
        read(tmp_path, "path,label\na.mp4,;\nb.mp4,;\n")


@pytest.mark.parametrize(
    "text",
    [
        'a.mp4,"Cut, in half"\nb.mp4,"Cut, away"\n',
        'a.mp4,"x,y"\nb.mp4,"x"\nc.mp4,z\n',
    ],
)
def test_names_with_commas(tmp_path, text):
    assert not label_sets.are_sets(read(tmp_path, text).labels)


def test_written_and_read_again(tmp_path):
    text = "path,label,split\na.mp4,x;y,train\nb.mp4,,train\nc.mp4,y,test\n"
    found = read(tmp_path, text)
    list_writer.write(found, tmp_path / "again.csv")
    again = catalog.from_list(tmp_path / "again.csv")
    assert (again.labels, again.splits) == (found.labels, found.splits)
    # Where no clip has several they are sets all the same.
    found = read(tmp_path, "path,label\na.mp4,x;\nb.mp4,y;\nc.mp4,x;\n")
    list_writer.write(found, tmp_path / "again.csv")
    again = catalog.from_list(tmp_path / "again.csv")
    assert again.labels == found.labels == ((0,), (1,), (0,))


def test_split():
    """Each class gives its share, the rare ones too, whatever goes with it."""
    rng = np.random.default_rng(0)
    rates = np.array([0.5, 0.3, 0.2, 0.05, 0.02])
    labels = [
        tuple(np.flatnonzero(row).tolist())
        for row in rng.uniform(size=(400, 5)) < rates
    ]
    groups = [f"g{i // 2}" for i in range(400)]
    train, test = split.split_groups(labels, groups, 0.25, 0)
    assert not {groups[i] for i in train} & {groups[i] for i in test}
    assert sorted(train + test) == list(range(400))
    every = collections.Counter(x for label in labels for x in label)
    held = collections.Counter(x for i in test for x in labels[i])
    for label, number in every.items():
        assert held[label] == pytest.approx(number / 4, abs=2), label
    assert len(test) == pytest.approx(100, abs=8)
    problems = split.find_empty_classes(
        [(0, 1), (0,)], "ab", {1: split.Split((0,), (1,))}
    )
    assert problems == ["Classes without test clips in split 1: 'b'."]


def test_catalogs_check_sets():
    with pytest.raises(ValueError, match="labels from 0 to 1. Received: 2"):
        catalog.Catalog(
            None, ("a", "b"), ((0, 2), ()), ("a", "b"), ("x", "y"), {}
        )
