import re

import pytest

from keras_vidrec.data.catalogs import official_splits
from keras_vidrec.data.catalogs.split import check_disjoint


def write(directory, files):
    for name, lines in files.items():
        (directory / name).write_text("\n".join(lines))


UCF = {
    "classInd.txt": ["2 Run\r", "1 Jump Rope\r", ""],
    "trainlist01.txt": [
        "Jump Rope/v_JumpRope_g01_c01.avi 1 \r",
        "Run/v_Run_g01_c01.avi 2\r",
        "\r",
    ],
    "testlist01.txt": ["Run/v_Run_g02_c01.avi  ", "Run/odd name.avi"],
}
HMDB = {
    "run_test_split1.txt": ["a_run_run_f_1.avi 1 ", "b_run_f_2.avi 2", ""],
    "run_test_split2.txt": ["a_run_run_f_1.avi 0 ", "b_run_f_2.avi 1"],
    "wave_test_split1.txt": ["odd (name)!.avi 0\r"],
    "wave_test_split2.txt": ["odd (name)!.avi 2\r"],
}


def test_ucf101(tmp_path):
    write(tmp_path, UCF)
    result = official_splits.ucf101(tmp_path)
    assert result.clips == (
        "Jump Rope/v_JumpRope_g01_c01.avi",
        "Run/v_Run_g01_c01.avi",
        "Run/v_Run_g02_c01.avi",
        "Run/odd name.avi",
    )
    assert result.labels == (0, 1, 1, 1)
    assert result.groups == (
        "Jump Rope/g01",
        "Run/g01",
        "Run/g02",
        "Run/odd name",
    )
    assert result.classes == ("Jump Rope", "Run")
    assert result.splits == {1: ((0, 1), (2, 3))}
    assert result.problems == ()
    assert official_splits.find_kind(tmp_path) == "ucf101"


def test_lists_in_utf_16_and_in_no_encoding(tmp_path):
    write(tmp_path, UCF)
    expected = official_splits.ucf101(tmp_path)
    path = tmp_path / "classInd.txt"
    path.write_bytes(path.read_text().encode("utf-16"))
    assert official_splits.ucf101(tmp_path) == expected
    path.write_bytes(b"1 caf\xe9\n2 Run\n")
    with pytest.raises(ValueError, match="classInd.txt .*UTF-8 or UTF-16"):
        official_splits.ucf101(tmp_path)


def test_hmdb51(tmp_path):
    write(tmp_path, HMDB)
    result = official_splits.hmdb51(tmp_path)
    assert result.clips == (
        "run/a_run_run_f_1.avi",
        "run/b_run_f_2.avi",
        "wave/odd (name)!.avi",
    )
    assert result.labels == (0, 0, 1)
    assert result.groups == ("run/a_run", "run/b", "wave/odd (name)!")
    assert result.splits == {1: ((0,), (1,)), 2: ((1,), (2,))}
    assert official_splits.find_kind(tmp_path) == "hmdb51"
    write(tmp_path, {"class_list.txt": ["wave  ", "run"]})
    result = official_splits.hmdb51(tmp_path)
    assert result.classes == ("wave", "run")
    assert result.labels == (1, 1, 0)


def test_real_ucf101(real_data):
    result = official_splits.ucf101(real_data / "splits" / "ucf101")
    assert len(result.clips) == 13320
    assert len(set(result.groups)) == 101 * 25
    counts = {k: (len(s.train), len(s.test)) for k, s in result.splits.items()}
    assert counts == official_splits.UCF101_COUNTS
    assert result.problems == ()
    assert result.classes[0] == "ApplyEyeMakeup"
    assert result.classes[100] == "YoYo"
    # Every clip is once in the test of the three splits at most, and its
    # label follows from the folder.
    first = result.splits[1].test[0]
    assert result.clips[first] == "ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi"
    assert result.labels[first] == 0


def test_real_hmdb51(real_data):
    result = official_splits.hmdb51(real_data / "splits" / "hmdb51")
    assert len(result.clips) == 6766
    counts = {k: (len(s.train), len(s.test)) for k, s in result.splits.items()}
    assert counts == official_splits.HMDB51_COUNTS
    assert result.problems == ()
    # The order of the TSN authors, not of the alphabet.
    assert result.classes.index("kick_ball") < result.classes.index("kick")
    # Films are on one side of each official split, within a class.
    check_disjoint(result.splits, result.clips, result.groups)
    assert len(set(result.groups)) == 2291


def test_departure_from_published_counts(tmp_path, real_data):
    for path in (real_data / "splits" / "ucf101").iterdir():
        lines = path.read_text().splitlines()
        if path.name == "testlist02.txt":
            lines.pop()
        write(tmp_path, {path.name: lines})
    (problem,) = official_splits.ucf101(tmp_path).problems
    assert problem == (
        "Split 2 lists 9586 training and 3733 test clips, the published one "
        "(9586, 3734)."
    )


@pytest.mark.parametrize(
    "changes,message",
    [
        ({"classInd.txt": ["1 Run", "3 Jump Rope"]}, "Received: 2 (2 in all)"),
        ({"classInd.txt": ["Run"]}, "Received: 'Run'"),
        ({"classInd.txt": ["1 Run", "2 Run"]}, "Received: 'Run'"),
        (
            {"testlist01.txt": ["Swim/a.avi", "Run/b.avi", "Fly/c.avi"]},
            "Received: 'Swim/a.avi' (2 in all)",
        ),
        ({"testlist01.txt": ["v_Run.avi"]}, "Received: 'v_Run.avi'"),
        (
            {"trainlist01.txt": ["Run/v_Run_g01_c01.avi 1"]},
            "Received: 'Run/v_Run_g01_c01.avi 1'",
        ),
        (
            {"testlist01.txt": ["Run/a.avi", "Run/a.avi"]},
            "Received: 'Run/a.avi'",
        ),
        (
            {"testlist01.txt": ["Run/v_Run_g01_c01.avi"]},
            "Split 1 shares a video",
        ),
        (
            {"testlist01.txt": ["Run/v_Run_g01_c02.avi"]},
            "Split 1 shares a group",
        ),
        ({"trainlist02.txt": []}, "Expected testlist02.txt"),
    ],
)
def test_faulty_ucf101(tmp_path, changes, message):
    write(tmp_path, UCF | changes)
    with pytest.raises(ValueError, match=re.escape(message)):
        official_splits.ucf101(tmp_path)


@pytest.mark.parametrize(
    "changes,message",
    [
        ({"run_test_split1.txt": ["a.avi 3"]}, "Received: 'a.avi 3'"),
        ({"run_test_split1.txt": ["a.avi"]}, "Received: 'a.avi'"),
        ({"run_test_split1.txt": ["a.avi 1"] * 3}, "Received: 'a.avi' (2 in"),
        ({"class_list.txt": ["run"]}, "Received: 'wave'"),
        ({"class_list.txt": ["run", "wave", "run"]}, "Received: 'run'"),
    ],
)
def test_faulty_hmdb51(tmp_path, changes, message):
    write(tmp_path, HMDB | changes)
    with pytest.raises(ValueError, match=re.escape(message)):
        official_splits.hmdb51(tmp_path)


def test_no_split_files(tmp_path):
    assert official_splits.find_kind(tmp_path) is None
    with pytest.raises(ValueError, match="Expected classInd.txt"):
        official_splits.ucf101(tmp_path)
    write(tmp_path, {"classInd.txt": ["1 Run"]})
    with pytest.raises(ValueError, match="Expected trainlist01.txt"):
        official_splits.ucf101(tmp_path)
    with pytest.raises(ValueError, match="Expected <class>_test_split1.txt"):
        official_splits.hmdb51(tmp_path)
