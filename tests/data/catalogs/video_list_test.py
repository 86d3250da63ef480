import dataclasses
import json
import os
import re

import pytest

from keras_vidrec.data.catalogs import catalog
from keras_vidrec.data.catalogs import list_writer
from keras_vidrec.data.catalogs import video_list

WALK = ("walk/0.mp4", "walk/1 b.mp4")
RUN = ("run/0.mp4", "run/1 b.mp4")


@pytest.fixture
def root(tmp_path):
    """A dataset, beside which the lists are written."""
    touch(tmp_path / "data", *WALK, *RUN)
    return tmp_path / "data"


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def read(root, text, name="list.csv", encoding="utf-8", clips=None):
    path = root.parent / name
    path.write_bytes(text.encode(encoding))
    return catalog.from_list(path, root, clips=clips)


def labels(found):
    return {
        name: found.classes[label]
        for name, label in zip(found.videos, found.labels)
    }


NAMED = dict.fromkeys(WALK, "walk") | dict.fromkeys(RUN, "run")
NUMBERED = dict.fromkeys(WALK, "0") | dict.fromkeys(RUN, "1")


def lines(form, header=""):
    clips = [(clip, 0, "walk") for clip in WALK]
    clips += [(clip, 1, "run") for clip in RUN]
    text = "".join(
        form.format(path=path, i=i, label=label, n=n) + "\n"
        for n, (path, i, label) in enumerate(clips)
    )
    return header and f"{header}\n" + text or text


@pytest.mark.parametrize(
    "text, said",
    [
        (lines("{path},{label}", "path,label"), "by commas, columns path, la"),
        (lines("{path};{label}", "path;label"), "by semicolons, columns"),
        (lines("{path}\t{label}", "path\tlabel"), "by tabs, columns"),
        (lines("{label}, {path}", "Class, File Name"), "path is 'File Name'"),
        (lines("{path},{label}"), "no header, columns path, label"),
        (lines("{path} {i}"), "separated by blanks, blanks in names"),
        (lines("{path} 250 {i}"), "separated by blanks, blanks in names"),
        (lines("{path},{i}"), "separated by commas, no header"),
        (lines("{path};{i}"), "separated by semicolons, no header"),
        (lines("{n},{path},{label}", ",path,label"), "columns path, label, 4"),
        (lines("{n},{path},{label}"), "no header, columns path, label"),
        (lines("{path},{label},7,x", "path,label,b,url"), "not used: 'b', 'u"),
        (lines("{label},/x/y/data/{path}"), "columns label, path"),
        ("sep=;\n" + lines("{path};{label}", "path;label"), "semicolons"),
        (lines("{path},{label},TRAIN"), "columns path, label, split"),
    ],
)
def test_tables(root, text, said):
    found = read(root, text)
    assert labels(found) in (NAMED, NUMBERED)
    assert said in found.understood
    assert not [p for p in found.problems if "Classes" not in p]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]
)
def test_encodings(root, encoding):
    text = "path,label\r\nwalk/0.mp4,läuft\r\nrun/0.mp4,rennt\r\n"
    found = read(root, text, encoding=encoding)
    assert found.classes == ("läuft", "rennt")
    with pytest.raises(ValueError, match="UTF-8 or UTF-16"):
        read(root, text, encoding="latin-1")


def test_parts(root):
    touch(root, *(f"walk/{i}.mp4" for i in range(2, 5)))
    text = (
        "path,label,split\nwalk/0.mp4,walk,Train\nrun/0.mp4,run,TRAINING\n"
        "walk/2.mp4,walk,val\nwalk/3.mp4,walk,Validation\n"
        "walk/4.mp4,walk,test\nrun/1 b.mp4,run,none\n"
    )
    found = read(root, text)
    assert found.splits[1] == ((0, 1), (4,))
    assert found.validation == {1: (2, 3)}
    # Lists of the parts, one beside the other.
    (root.parent / "my_val_list.txt").write_text("walk/2.mp4 0\n")
    (root.parent / "my_test_list.txt").write_text("run/1 b.mp4 1\n")
    found = read(root, lines("{path} {i}")[:28], "my_train_list.txt")
    assert found.understood.startswith(
        "my_train_list.txt and my_test_list.txt and my_val_list.txt: "
    )
    train, test = found.splits[1]
    parts = (train, test, found.validation[1])
    assert [[found.videos[i] for i in part] for part in parts] == [
        list(WALK),
        ["run/1 b.mp4"],
        ["walk/2.mp4"],
    ]


def test_links_and_absolute_paths(root):
    disk = root.parent / "disk"
    root.rename(disk)
    root.mkdir()
    (root / "videos").symlink_to(disk)
    for form in ("videos/{path},{label}", f"{root}/videos/{{path}},{{label}}"):
        found = read(root, lines(form))
        assert found.videos[0] == "videos/walk/0.mp4"
    # The list of another machine.
    found = read(disk, lines("/mnt/nas/kinetics/{path},{label}"))
    assert labels(found) == NAMED
    touch(root.parent, "away/x.mp4")
    for path in (f"{root.parent}/away/x.mp4", "../away/x.mp4"):
        with pytest.raises(ValueError, match=f"outside of .*{re.escape(path)}"):
            read(root, f"path,label\n{path},a\n")


def test_kinetics(tmp_path):
    root = tmp_path / "data"
    touch(root, "-abc_000010_000020.mp4", "riding a bike/xyz.mp4")
    text = (
        "label,youtube_id,time_start,time_end,split,is_cc\n"
        "juggling,-abc,10,20,train,0\nriding a bike,xyz,3,13,validate,0\n"
        "juggling,gone,3,13,train,0\n"
    )
    found = read(root, text)
    assert found.videos == (
        "-abc_000010_000020.mp4",
        "riding a bike/xyz.mp4#3-13",
    )
    assert found.segments == (None, (3, 13, "seconds"))
    assert found.splits[1].train == (0,) and found.validation == {1: (1,)}
    assert found.missing == ("gone",)
    assert "format of Kinetics" in found.understood


def test_something_something(tmp_path):
    root = tmp_path / "data"
    touch(root, "20/7.webm", "20/8.webm")
    (tmp_path / "something-something-v2-labels.json").write_text(
        json.dumps({"Putting something": "1", "Opening something": "0"})
    )
    rows = [
        {
            "id": "7",
            "label": "putting a cup",
            "template": "Putting [something]",
        },
        {"id": "8", "label": "opening it", "template": "Opening [something]"},
    ]
    for name, part in (("train", rows[:1]), ("validation", rows[1:])):
        (tmp_path / f"something-something-v2-{name}.json").write_text(
            json.dumps([{**row, "placeholders": ["a", "b"]} for row in part])
        )
    (tmp_path / "something-something-v2-test.json").write_text('[{"id": "9"}]')
    found = catalog.from_list(
        tmp_path / "something-something-v2-train.json", root
    )
    assert labels(found) == {
        "20/7.webm": "Putting something",
        "20/8.webm": "Opening something",
    }
    assert found.classes == ("Opening something", "Putting something")
    assert found.validation == {1: (1,)}
    assert "format of Something-Something" in found.understood
    assert "names of something-something-v2-labels.json" in found.understood


def test_jester_and_diving48(tmp_path):
    root = tmp_path / "data"
    touch(root, "a_00001.mp4", "a_00002.mp4")
    (tmp_path / "jester-v1-labels.csv").write_text("Swiping Left\nNo gesture\n")
    clips = ("20bn/34870", "20bn/56557")
    text = "34870;No gesture\n56557;Swiping Left\n"
    # The list of the test tells ids only.
    (tmp_path / "jester-v1-test.csv").write_text("31\n32\n")
    found = read(root, text, "jester-v1-train.csv", clips=clips)
    assert found.videos == clips and found.labels == (1, 0)
    assert "jester-v1-test.csv has no labels" in found.understood
    assert found.classes == ("Swiping Left", "No gesture")
    rows = [
        {
            "vid_name": f"a_0000{i}",
            "label": i % 2,
            "start_frame": 0,
            "end_frame": 9,
        }
        for i in (1, 2)
    ]
    (tmp_path / "jester-v1-labels.csv").unlink()
    (tmp_path / "Diving48_vocab.json").write_text(
        json.dumps([["Back", "15som"], ["Forward", "25som"]])
    )
    found = read(root, json.dumps(rows), "Diving48_V2.json")
    assert labels(found) == {
        "a_00001.mp4": "Forward 25som",
        "a_00002.mp4": "Back 15som",
    }
    assert not any(found.segments)


def test_numbers_and_class_names(root):
    # The numbers of UCF101's lists run from 1, those of mmaction2's from 0.
    (root.parent / "classInd.txt").write_text("1 walk\n2 run\n")
    for first in (0, 1):
        text = "".join(f"{p} {first + (p in RUN)}\n" for p in (*WALK, *RUN))
        found = read(root, text, "list.txt")
        assert labels(found) == NAMED and found.classes == ("walk", "run")
    (root.parent / "classInd.txt").unlink()
    found = read(root, lines("{path} {i}"), "list.txt")
    assert found.classes == ("0", "1")
    with pytest.raises(ValueError, match="label=1700000000 among 2"):
        read(root, "walk/0.mp4,1\nrun/0.mp4,1700000000\n")


@pytest.mark.parametrize(
    "columns, first, second, segment, name",
    [
        ("start,end", "0,2", "2.5,", (2.5, None, "seconds"), "2.5-"),
        (
            "start_frame,end_frame",
            "0,50",
            "50,60",
            (50, 60, "frames"),
            "f50-60",
        ),
        (
            "time_start,time_end",
            "0,0:00:02",
            "00:01:02.5,1:03.25",
            (62.5, 63.25, "seconds"),
            "62.5-63.25",
        ),
    ],
)
def test_segments(root, columns, first, second, segment, name):
    text = (
        f"path,label,{columns}\nwalk/0.mp4,walk,{first}\n"
        f"walk/0.mp4,run,{second}\nrun/0.mp4,run,,\n"
    )
    found = read(root, text)
    assert found.files == ("walk/0.mp4", "walk/0.mp4", "run/0.mp4")
    assert found.videos[1:] == (f"walk/0.mp4#{name}", "run/0.mp4")
    assert found.segments[1:] == (segment, None)
    # Segments of one file are of one recording.
    assert found.groups == found.files
    assert f"segments in {segment[2]}" in found.understood


@pytest.mark.parametrize("times", ["4,2", "2,2", "-1,2", "a,2", "nan,-3"])
def test_faulty_segments(root, times):
    text = f"path,label,start,end\nwalk/0.mp4,walk,0,1\nrun/0.mp4,run,{times}\n"
    with pytest.raises(ValueError, match="list.csv, line 3.*start=.*end="):
        read(root, text)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "Received: ''"),
        ("path,label\n", "Received: the header only"),
        ("path\nwalk/0.mp4", "Received: 'path'"),
        ("path,text\nwalk/0.mp4,walk", "Cannot make out the columns"),
        ("path,label\nwalk/0.mp4,walk\nrun/0.mp4", "line 3: run/0.mp4'"),
        ("path,label\nwalk/0.mp4,walk,x", "line 2: walk/0.mp4,walk,x"),
        ("path,label\n,walk", "line 2: ,walk"),
        ("path,label\nwalk/0.mp4,", "line 2: walk/0.mp4,"),
        ("path,label,split\nwalk/0.mp4,walk,dev", "line 2: walk/0.mp4,walk,d"),
        ("path,label\na\0.mp4,walk", "line 2: a"),
        ("path,label\ngone.mp4,walk\naway.mp4,run", "'away.mp4' (2 in all)"),
        ("path,label,start\nwalk/0.mp4,walk,3", "Received: 'start' only"),
        ("path,label,End\nwalk/0.mp4,walk,3", "Received: 'End' only"),
        ("walk/0.mp4 0.1 2.5 0\nrun/0.mp4 1.0 2 1", "walk/0.mp4: 0.1 2.5 0"),
        ("walk/0.mp4,-1\nrun/0.mp4,0\nwalk/1 b.mp4,1", "label=-1"),
        (
            "path,label,start_frame,end_frame\nwalk/0.mp4,walk,inf,9",
            "start='inf'",
        ),
    ],
)
def test_faulty_lists(root, text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read(root, text)


def test_classes_that_may_be_meant_to_be_one(root):
    found = read(root, "walk/0.mp4,walk\nrun/0.mp4,Run\nrun/1 b.mp4,run")
    assert found.classes == ("Run", "run", "walk")
    assert "differ only in case or spaces" in str(found.problems)
    assert "'run'" in str(found.problems)


def test_no_list(root):
    with pytest.raises(ValueError, match=r"existing file. Received: '.*x.csv'"):
        video_list.read(root / "x.csv", root)


def test_repeated_lines_and_what_is_no_file(root):
    os.mkfifo(root / "pipe.mp4")
    (root / "folder.mp4").mkdir()
    (root / "loop.mp4").symlink_to("loop.mp4")
    found = read(
        root,
        "path,label\nwalk/0.mp4,walk\nrun/0.mp4,run\n./walk/0.mp4,walk\n"
        "pipe.mp4,run\nfolder.mp4,run\nloop.mp4,walk\n",
    )
    assert found.videos == ("walk/0.mp4", "run/0.mp4")
    assert found.missing == ("pipe.mp4", "folder.mp4", "loop.mp4")
    assert "1 lines repeat others" in found.problems[1]


@pytest.mark.parametrize("has_segments", [False, True])
def test_the_canonical_form(root, has_segments):
    """It reads back to the same catalog, classes without clips included."""
    touch(root, 'odd, "name".mp4', "=1+1.mp4")
    (root.parent / "labels.txt").write_text("walk\nrun\nswim\n@run\n")
    times = ",0.1,7" if has_segments else ""
    found = read(
        root,
        "path,label,split,group" + (",start,end" if has_segments else "") + "\n"
        f"walk/0.mp4,walk,train,ann{times}\nrun/0.mp4,run,test,{times}\n"
        f"=1+1.mp4,@run,train,{times}\n"
        f'"odd, ""name"".mp4",run,val,bob{times}\nwalk/1 b.mp4,walk,none,'
        + ("," * 2 if has_segments else ""),
    )
    (root.parent / "labels.txt").unlink()
    out = root.parent / "out.csv"
    assert list_writer.write(found, out) == [
        out,
        root.parent / "out.labels.txt",
    ]
    again = catalog.from_list(out, root)
    for name in (
        *("videos", "files", "segments", "labels", "groups", "classes"),
        *("splits", "validation"),
    ):
        assert getattr(again, name) == getattr(found, name), name
    assert "\n'=1+1.mp4,'@run,train," in out.read_text("utf-8")
    with pytest.raises(ValueError, match="`split`.*split=2"):
        list_writer.write(found, out, split=2)
    # What would not be read back is not written.
    found = dataclasses.replace(found, classes=("a;b", *found.classes[1:]))
    with pytest.raises(ValueError, match="one label each.*'a;b'"):
        list_writer.write(found, out)


def test_where_listed_clips_lie(root):
    """A clip of a folder that is not there may lie at the top, where most are
    missing too; but not in a folder of another name."""
    text = "".join(f"v{i:03}/0.mp4 0\n" for i in range(300))
    touch(root, "c.avi")
    found = read(root, f"{text}run/0 1\nwalk\\0.mp4 0\naway/c.mp4 1\n")
    assert found.videos == ("run/0.mp4", "walk/0.mp4", "c.avi")
    assert len(found.missing) == 300
    with pytest.raises(ValueError, match="Several clips match '0'"):
        read(root, "path,label\n0,walk\n")


@pytest.mark.parametrize(
    "name, is_said",
    [("val.csv", True), ("my-test.csv", True), ("a.csv", False)],
)
def test_a_part_alone_is_split_and_said_to_be(root, name, is_said):
    found = read(root, lines("{path},{label}", "path,label"), name)
    assert any("named like a part" in p for p in found.problems) == is_said
    assert found.splits[1].train and found.splits[1].test
