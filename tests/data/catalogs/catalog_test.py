import os
import pathlib
import re

import pytest

from keras_vidrec.data.catalogs import catalog
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.catalogs.split import carve_validation

UCF_LISTS = {
    "classInd.txt": "1 Jump\r\n2 Run\r\n3 Swim\r\n",
    "trainlist01.txt": "Jump/v_Jump_g01_c01.avi 1\r\n"
    "Run/v_Run_g01_c01.avi 2\r\nRun/v_Run_g01_c02.avi 2\r\n",
    "testlist01.txt": "Jump/v_Jump_g02_c01.avi\r\nRun/v_Run_g02_c01.avi\r\n",
}


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def write(directory, files):
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name).write_text(text)


def names(dataset, indices):
    return [dataset.videos[i] for i in indices]


def test_ucf101(tmp_path):
    write(tmp_path / "lists", UCF_LISTS)
    touch(
        tmp_path / "videos",
        "Jump/v_Jump_g01_c01.avi",
        "Jump/v_Jump_g02_c01.mp4",
        "Run/v_Run_g01_c02.avi",
        "Run/v_Run_g02_c01.avi",
        "Run/holiday.avi",
    )
    dataset = catalog.ucf101(tmp_path / "videos", tmp_path / "lists")
    assert dataset.root == tmp_path / "videos"
    assert dataset.classes == ("Jump", "Run", "Swim")
    assert dataset.videos == (
        "Jump/v_Jump_g01_c01.avi",
        "Run/v_Run_g01_c02.avi",
        "Jump/v_Jump_g02_c01.mp4",
        "Run/v_Run_g02_c01.avi",
    )
    assert dataset.labels == (0, 1, 0, 1)
    assert dataset.groups == ("Jump/g01", "Run/g01", "Jump/g02", "Run/g02")
    assert dataset.splits == {1: Split((0, 1), (2, 3))}
    assert dataset.problems == (
        "1 of 5 clips of the split files have no video and are left out: "
        "'Run/v_Run_g01_c01.avi'.",
        "Videos that are not in the split files: 'Run/holiday.avi'.",
        "Classes without clips: 'Swim'.",
    )


def test_real_ucf101_clips(real_data):
    videos, lists = real_data / "ucf101_clips", real_data / "splits" / "ucf101"
    dataset = catalog.discover(videos, splits=lists)
    # Earlier runs keep their frame counts beside the clips.
    assert len(dataset.videos) == len(list(videos.glob("*.avi"))) == 79
    assert len(dataset.classes) == 101
    i = dataset.videos.index("v_Archery_g02_c02.avi")
    assert dataset.classes[dataset.labels[i]] == "Archery"
    assert dataset.groups[i] == "Archery/g02"
    # The test of split 1 is groups 1 to 7.
    assert i in dataset.splits[1].test
    assert i in dataset.splits[2].train
    assert dataset.problems[0].startswith("13241 of 13320 clips")


def test_real_hmdb51_clips(real_data):
    dataset = catalog.discover(
        real_data / "hmdb51_clips", splits=real_data / "splits" / "hmdb51"
    )
    assert len(dataset.videos) == 2
    assert dataset.problems[0].startswith("6764 of 6766 clips")
    # Its name has a prefix that the official one has not.
    assert "'hmdb51_Turnk_r_Pippi" in dataset.problems[1]
    i = dataset.videos.index("RATRACE_wave_f_nm_np1_fr_goo_37.avi")
    assert dataset.classes[dataset.labels[i]] == "wave"
    assert dataset.groups[i] == "wave/RATRACE"


def test_hmdb51_unused_clips_are_in_no_part(tmp_path):
    lists = {"run_test_split1.txt": "a_run_1.avi 1 \nb_run_1.avi 0 \n"}
    write(tmp_path, lists | {"hop_test_split1.txt": "c_hop_1.avi 2 \n"})
    touch(tmp_path, "run/a_run_1.avi", "run/b_run_1.avi", "hop/c_hop_1.avi")
    dataset = catalog.hmdb51(tmp_path, tmp_path)
    assert len(dataset.videos) == 3
    assert names(dataset, dataset.splits[1].train) == ["run/a_run_1.avi"]
    assert names(dataset, dataset.splits[1].test) == ["hop/c_hop_1.avi"]
    assert dataset.problems == (
        "Classes without training clips in split 1: 'hop'.",
        "Classes without test clips in split 1: 'run'.",
    )


def test_no_clip_found(tmp_path):
    write(tmp_path / "lists", UCF_LISTS)
    touch(tmp_path / "videos", "holiday.avi")
    with pytest.raises(ValueError, match=r"'.*videos' with 1 video"):
        catalog.ucf101(tmp_path / "videos", tmp_path / "lists")
    with pytest.raises(ValueError, match="Received: videos='.*nowhere'"):
        catalog.ucf101(tmp_path / "nowhere", tmp_path / "lists")
    with pytest.raises(ValueError, match="Received: splits='.*nowhere'"):
        catalog.hmdb51(tmp_path, tmp_path / "nowhere")


def test_folder(tmp_path):
    touch(tmp_path, "loose.mp4", "notes/readme.txt", ".trash/1.mp4")
    touch(
        tmp_path,
        *(f"run/v_Run_g{i:02}_c{j}.avi" for i in range(8) for j in "12"),
    )
    touch(tmp_path, *(f"jump/day1/{i}.mov" for i in range(4)), "sit/only.avi")
    dataset = catalog.folder(tmp_path, test_fraction=0.25, seed=1)
    assert dataset.classes == ("jump", "run", "sit")
    assert len(dataset.videos) == 16 + 4 + 1
    assert dataset.videos[0] == "jump/day1/0.mov"
    assert dataset.groups[0] == "jump/day1/0"
    assert dataset.groups[-2] == "run/g07"
    train, test = dataset.splits[1]
    assert len(test) == 4 + 1
    assert len(train) == 16
    held = {dataset.groups[i] for i in test}
    assert held.isdisjoint(dataset.groups[i] for i in train)
    assert dataset.problems == (
        "Skipped, hidden: '.trash'.",
        "Skipped, not a video extension: 'notes/readme.txt'.",
        "Videos outside of class folders, left out: 'loose.mp4'.",
        "Folders without videos, which are not classes: 'notes'.",
        "Classes without test clips in split 1: 'sit'.",
    )
    assert catalog.folder(tmp_path, seed=1) == dataset
    others = [catalog.folder(tmp_path, seed=seed).splits for seed in range(4)]
    assert any(splits != dataset.splits for splits in others)


def test_folder_with_one_file_twice(tmp_path):
    touch(tmp_path, "run/1.avi", "jump/2.avi")
    (tmp_path / "run" / "3.avi").symlink_to(tmp_path / "jump" / "2.avi")
    with pytest.raises(ValueError, match="'jump/2.avi' and 'run/3.avi'"):
        catalog.folder(tmp_path)


def test_one_class(tmp_path):
    touch(tmp_path, "UCF-101/Run/1.avi", "UCF-101/Run/2.avi")
    with pytest.raises(ValueError, match="of one class.*'Run' with 2 clips"):
        catalog.folder(tmp_path)
    touch(tmp_path, "UCF-101/Walk/3.avi")
    found = catalog.folder(tmp_path)
    assert found.classes == ("Run", "Walk")
    assert found.videos[0] == "UCF-101/Run/1.avi"
    assert found.understood == "classes are the folders in UCF-101/"


@pytest.mark.parametrize(
    "form",
    [
        "{part}/{name}/{i}.mp4",
        "data/{name}/{part}/{i}.mp4",
        "k400_{part}_256/{name}/{i}.mp4",
    ],
)
def test_folders_of_parts(tmp_path, form):
    for part, count in (("Train", 3), ("valid", 2), ("TESTING", 1)):
        for name in ("walk", "run"):
            for i in range(count):
                touch(tmp_path, form.format(part=part, name=name, i=i))
    found = catalog.discover(tmp_path)
    assert found.classes == ("run", "walk")
    train, test = found.splits[1]
    assert [len(x) for x in (train, found.validation[1], test)] == [6, 4, 2]
    assert all("Train" in name for name in names(found, train))
    assert found.understood.endswith(" are the parts")
    assert "TESTING" in found.understood
    assert not found.problems
    # Folders of frames are clips with such names.
    clips = [name.removesuffix(".mp4") for name in found.videos]
    assert catalog.discover(tmp_path, clips=clips).splits == found.splits


def test_a_clip_beside_the_folders_of_parts_does_not_undo_them(tmp_path):
    split = [f"{c}/{p}/1.mp4" for c in "ab" for p in ("train", "test")]
    touch(tmp_path, *split, "a/2.mp4")
    found = catalog.discover(tmp_path)
    assert found.splits[1] == ((1, 3), (0, 2))
    assert "left out: 'a/2.mp4'" in found.problems[0]


@pytest.mark.parametrize(
    "names", [("crash_test", "crash"), ("test_a", "train_b"), ("latest", "a")]
)
def test_classes_that_speak_of_parts_are_classes(tmp_path, names):
    touch(tmp_path, *(f"{name}/x/{i}.mp4" for name in names for i in "12"))
    found = catalog.discover(tmp_path)
    assert found.classes == tuple(sorted(names))


@pytest.mark.parametrize(
    "paths, message",
    [
        (["train/a/1.mp4", "walk/2.mp4"], r"\['train'\] next to 'walk'"),
        (["train/1.mp4", "test/2.mp4"], "no class folders.*test/2.mp4"),
        (["train/a/1.mp4", "test/a/2.mp4"], "one class.*'a' with 2 clips"),
    ],
)
def test_folders_called_like_parts(tmp_path, paths, message):
    touch(tmp_path, *paths)
    with pytest.raises(ValueError, match=message):
        catalog.discover(tmp_path)


def test_list_with_parts(tmp_path):
    touch(tmp_path, "a/1.avi", "a/2.avi", "b/3.avi", "b/4.avi")
    (tmp_path / "frames").mkdir()
    write(
        tmp_path,
        {
            "list.csv": "path,label,group,split\n"
            "a/gone.avi,run,,train\n"
            "a/1.avi,run,ann,train\na/2.avi,jump,bob,test\n"
            "./b/3.avi,run,,test\nb/4.avi,jump,ann,train\n"
            "frames,run,bob,test\n"
        },
    )
    dataset = catalog.from_list(tmp_path / "list.csv")
    assert dataset.root == tmp_path
    assert dataset.videos == (
        "a/1.avi",
        "a/2.avi",
        "b/3.avi",
        "b/4.avi",
    )
    assert dataset.classes == ("jump", "run")
    assert dataset.labels == (1, 0, 1, 0)
    assert dataset.groups == ("ann", "bob", "b/3.avi", "ann")
    assert dataset.splits == {1: Split((0, 3), (1, 2))}
    # A folder is a clip only where frames are.
    assert dataset.missing == ("a/gone.avi", "frames")
    assert dataset.problems == (
        "2 of 6 listed paths have no file and are left out: 'a/gone.avi', "
        "'frames' (2 in all).",
    )


def test_list_without_parts(tmp_path):
    touch(tmp_path / "videos", *(f"{i}.avi" for i in range(16)))
    lines = [f"{i}.avi,{2 * (i % 2)},actor{i // 4}" for i in range(16)]
    write(tmp_path, {"list.csv": "\n".join(["path,label,group", *lines])})
    dataset = catalog.from_list(tmp_path / "list.csv", tmp_path / "videos")
    assert dataset.classes == ("0", "1", "2")
    assert dataset.problems == ("Classes without clips: '1'.",)
    train, test = dataset.splits[1]
    assert len({dataset.groups[i] for i in test}) == 1
    assert len(test) == 4
    assert sorted(train + test) == list(range(16))


@pytest.mark.parametrize(
    "lines,message",
    [
        (
            "a.avi,run,x,train\n./a.avi,run,x,test",
            "two parts.*'a.avi' .*line 2",
        ),
        ("a.avi,run,x,\n", "line 2: a.avi,run,x,"),
        ("a.avi,run,x,train\nb.avi,run,x,test", "shares a group.*'x'"),
        ("no.avi,run,x,train\nnor.avi,run,x,train", "'no.avi', 'nor.avi' \\(2"),
        ("../a.avi,run,x,train", "outside of .*'../a.avi'"),
        ("a.avi,run,x,train\nlink.avi,run,y,test", "'a.avi' and 'link.avi'"),
    ],
)
def test_faulty_lists(tmp_path, lines, message):
    touch(tmp_path, "a.avi", "b.avi")
    (tmp_path / "link.avi").symlink_to("a.avi")
    write(tmp_path, {"list.csv": f"path,label,group,split\n{lines}\n"})
    with pytest.raises(ValueError, match=message):
        catalog.from_list(tmp_path / "list.csv")


def test_discover_split_files(tmp_path):
    touch(tmp_path, "UCF-101/Jump/v_Jump_g01_c01.avi", "UCF-101/x.avi")
    write(tmp_path / "ucfTrainTestlist", UCF_LISTS)
    found = catalog.discover(tmp_path)
    assert found == catalog.ucf101(tmp_path, tmp_path / "ucfTrainTestlist")
    assert catalog.discover(tmp_path, layout="ucf101") == found
    with pytest.raises(ValueError, match="of one class"):
        catalog.discover(tmp_path, layout="folder")
    # Two kinds: one must be chosen.
    write(tmp_path / "other", {"Jump_test_split1.txt": "v_Jump_g01_c01.avi 1"})
    with pytest.raises(ValueError, match="Several directories"):
        catalog.discover(tmp_path)
    assert catalog.discover(tmp_path, layout="ucf101") == found
    assert catalog.discover(tmp_path, splits=tmp_path / "other") == (
        catalog.hmdb51(tmp_path, tmp_path / "other")
    )


def test_discover_folder_and_list(tmp_path):
    touch(tmp_path, "run/1.avi", "run/2.avi", "jump/3.avi", "jump/4.avi")
    write(tmp_path, {"list.csv": "path,label\nrun/1.avi,run\n"})
    found = catalog.discover(tmp_path, test_fraction=0.5, seed=3)
    assert found == catalog.folder(tmp_path, test_fraction=0.5, seed=3)
    found = catalog.discover(None, videos_list=tmp_path / "list.csv")
    assert found == catalog.from_list(tmp_path / "list.csv")


def test_discover_nothing(tmp_path):
    touch(tmp_path, "1.avi", "2.avi", "run/notes.txt")
    with pytest.raises(
        ValueError,
        match="three layouts: one folder per class .* split files .* list of "
        "videos .* with 2 videos outside",
    ):
        catalog.discover(tmp_path)
    with pytest.raises(ValueError, match="Received: root='.*nowhere'"):
        catalog.discover(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="Received: root=None"):
        catalog.discover(None)
    for arguments in ({"splits": tmp_path}, {"layout": "hmdb51"}):
        with pytest.raises(ValueError, match="Found no split files"):
            catalog.discover(tmp_path, **arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"layout": "list"},
        {"layout": "folder", "splits": "lists"},
        {"layout": "ucf101", "videos_list": "list.csv"},
        {"videos_list": "list.csv", "splits": "lists"},
    ],
)
def test_discover_contradictory(tmp_path, arguments):
    with pytest.raises(ValueError, match="Conflicting .* Received: layout="):
        catalog.discover(tmp_path, **arguments)


def test_discover_unknown_layout(tmp_path):
    with pytest.raises(ValueError, match="Received: layout='kinetics'"):
        catalog.discover(tmp_path, layout="kinetics")


def test_carve_validation(real_data):
    videos, lists = real_data / "ucf101_clips", real_data / "splits" / "ucf101"
    dataset = catalog.ucf101(videos, lists)
    train, validation = carve_validation(dataset, 1, 0.2, 0)
    assert validation
    assert sorted(train + validation) == sorted(dataset.splits[1].train)
    assert {dataset.groups[i] for i in validation}.isdisjoint(
        dataset.groups[i] for i in train
    )
    # A class keeps training clips.
    assert {dataset.labels[i] for i in train} == {
        dataset.labels[i] for i in dataset.splits[1].train
    }


def small_catalog(**changes):
    arguments = {
        "root": pathlib.Path("."),
        "videos": ("a", "b", "c", "d"),
        "labels": (0, 0, 1, 1),
        "groups": ("g", "g", "h", "i"),
        "classes": ("x", "y"),
        "splits": {1: Split((0, 1, 2), (3,))},
    }
    return catalog.Catalog(**(arguments | changes))


def test_carve_validation_takes_whole_groups():
    dataset = small_catalog(splits={"all": Split((3, 2, 1, 0), ())})
    train, validation = carve_validation(dataset, "all", 0.5, 0)
    assert validation in ((2,), (3,))
    assert set(train) | set(validation) == {0, 1, 2, 3}


def test_carve_validation_refuses():
    with pytest.raises(ValueError, match=r"one of \(1,\). Received: split=2"):
        carve_validation(small_catalog(), 2, 0.2, 0)
    with pytest.raises(ValueError, match="Received: 3 training clips"):
        carve_validation(small_catalog(), 1, 0.2, 0)


@pytest.mark.parametrize(
    "changes,message",
    [
        ({"labels": (0, 1)}, "(videos, labels, groups)=(4, 2, 4)"),
        ({"videos": ("a", "b", "a", "b")}, "Received: 'a' (2 in all)"),
        ({"labels": (0, -1, 2, 1)}, "Received: -1 (2 in all)"),
        ({"splits": {1: Split((4,), (5,))}}, "Received: 4 (2 in all)"),
        ({"splits": {1: Split((0, 1), (1,))}}, "Received: 'b'"),
        ({"validation": {1: (0,)}}, "The validation part of split 1"),
        ({"segments": (None,)}, "and a segment) for each video"),
    ],
)
def test_invalid_catalog(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        small_catalog(**changes)


def test_names_that_are_no_text_are_left_out(tmp_path):
    for name in (b"a/good.avi", b"a/bad\xff.avi", b"b/other.avi"):
        path = os.path.join(os.fsencode(tmp_path), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            open(path, "wb").close()
        except OSError:
            pytest.skip("this file system knows no such names")
    found = catalog.discover(tmp_path)
    assert found.videos == ("a/good.avi", "b/other.avi")
    (problem,) = [p for p in found.problems if "UTF-8" in p]
    assert r"bad\udcff.avi" in problem
    problem.encode()  # can be printed
