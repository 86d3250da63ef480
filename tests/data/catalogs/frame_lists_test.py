import pytest

from keras_vidrec.data.catalogs import frame_lists
from keras_vidrec.data.catalogs import official_splits
from keras_vidrec.data.catalogs.split import check_disjoint

CLIPS = ("run/a b", "run/c", "jump/d_g01_c01", "jump/e_g01_c02")


def write(path, *lines):
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def test_parts_of_splits(tmp_path):
    write(tmp_path / "x_rgb_train_split_1.txt", "run/a b 12 1", "run/c 5 1")
    write(tmp_path / "x_flow_train_split_1.txt", "run/a b 11 1", "run/c 4 1")
    write(tmp_path / "x_rgb_val_split_1.txt", "jump/d_g01_c01 9 0")
    write(tmp_path / "x_train_split_2_rawframes.txt", "jump/d_g01_c01 9 0")
    write(tmp_path / "x_val_split_2_rawframes.txt", "run/gone 9 1", "run/c 5 1")
    write(tmp_path / "notes_on_training.txt", "nothing of the kind")
    lists = frame_lists.find_lists(tmp_path)
    assert {key: sorted(parts) for key, parts in lists.items()} == {
        1: ["test", "train"],
        2: ["test", "train"],
    }
    catalog = frame_lists.catalog(tmp_path, CLIPS, lists)
    assert set(catalog.videos) == set(CLIPS[:3])
    parts = {
        key: [[catalog.videos[i] for i in part] for part in split]
        for key, split in catalog.splits.items()
    }
    assert parts == {
        1: [["run/a b", "run/c"], ["jump/d_g01_c01"]],
        2: [["jump/d_g01_c01"], ["run/c"]],
    }
    labels = dict(zip(catalog.videos, catalog.labels))
    assert labels == {"run/a b": 1, "run/c": 1, "jump/d_g01_c01": 0}
    assert catalog.classes == ("0", "1")
    assert "1 of 4 listed clips have no folder" in catalog.problems[0]
    assert "'run/gone'" in catalog.problems[0]
    # Beside a list of the test, that of the validation is no other test.
    assert not catalog.validation
    write(tmp_path / "x_rgb_test_split_1.txt", "jump/e_g01_c02 9 0")
    lists = frame_lists.find_lists(tmp_path)
    catalog = frame_lists.catalog(tmp_path, CLIPS, lists)
    ((key, part),) = catalog.validation.items()
    assert key == 1 and [catalog.videos[i] for i in part] == [CLIPS[2]]
    assert [catalog.videos[i] for i in catalog.splits[1].test] == [CLIPS[3]]


def test_one_list_is_split_by_groups(tmp_path):
    path = write(
        tmp_path / "all.txt",
        f"{tmp_path}/jump/d_g01_c01 9 0",
        "/of/another/machine/jump/e_g01_c02 9 0",
        "run/a b 9 1",
        "",
        "  run/c   9   1 ",
    )
    write(tmp_path / "classInd.txt", "1 Jump", "2 Run", "3 Walk")
    assert frame_lists.is_list(path)
    catalog = frame_lists.catalog(tmp_path, CLIPS, path, test_fraction=0.5)
    assert catalog.videos == (
        "jump/d_g01_c01",
        "jump/e_g01_c02",
        "run/a b",
        "run/c",
    )
    assert catalog.classes == ("Jump", "Run", "Walk")
    assert catalog.groups[:2] == ("Jump/g01", "Jump/g01")
    # The jumps are of one group, which stays in training.
    assert {0, 1} < set(catalog.splits[1].train)
    assert len(catalog.splits[1].test) == 1
    assert "'Walk'" in catalog.problems[0]


@pytest.mark.parametrize(
    "lines, message",
    [
        ([], "no lines"),
        (["run/c 5"], r"path num_frames label.*'run/c 5'"),
        (["run/c 5 one"], "'run/c 5 one'"),
        (["run/c 5 0", "run/c 6 0"], "'run/c'"),
        (["run/gone 5 0"], r"'run/gone'.*4 folders"),
    ],
)
def test_what_is_no_list(tmp_path, lines, message):
    path = write(tmp_path / "list.txt", *lines)
    with pytest.raises(ValueError, match=message):
        frame_lists.catalog(tmp_path, CLIPS, path)
    with pytest.raises(ValueError, match="existing file.*nowhere"):
        frame_lists.read(tmp_path / "nowhere.txt")


def test_contradictions(tmp_path):
    write(tmp_path / "train_split_1.txt", "run/c 5 0")
    write(tmp_path / "val_split_1.txt", "run/c 5 1")
    lists = frame_lists.find_lists(tmp_path)
    with pytest.raises(ValueError, match="one label.*'run/c' with 0 and 1"):
        frame_lists.catalog(tmp_path, CLIPS, lists)
    write(tmp_path / "val_split_1.txt", "run/c 5 0")
    with pytest.raises(ValueError, match="shares a video.*'run/c'"):
        frame_lists.catalog(tmp_path, CLIPS, lists)


def test_labels_beyond_the_classes(tmp_path):
    write(tmp_path / "classInd.txt", "1 Jump")
    path = write(tmp_path / "list.txt", "run/c 5 1")
    with pytest.raises(ValueError, match="0 to 0.*1"):
        frame_lists.catalog(tmp_path, CLIPS, path)


def test_real_lists_of_ucf101(real_data):
    lists = frame_lists.find_lists(
        real_data / "splits" / "ucf101_framecount_lists"
    )
    rows = frame_lists.read(lists[1]["train"][0])
    rows += frame_lists.read(lists[1]["test"][0])
    clips = tuple(row.path for row in rows)
    catalog = frame_lists.catalog(real_data, clips, lists)
    counts = {key: tuple(map(len, s)) for key, s in catalog.splits.items()}
    assert counts == official_splits.UCF101_COUNTS
    assert len(catalog.classes) == 101 and not catalog.problems
    assert len(catalog.videos) == 13320
    # 25 groups a class, never on both sides.
    assert len(set(catalog.groups)) == 101 * 25
    check_disjoint(catalog.splits, catalog.videos, catalog.groups)
