import numpy as np
import pytest

from keras_vidrec.evaluation.scores.import_scores import from_csv
from keras_vidrec.evaluation.scores.import_scores import read_classes
from keras_vidrec.evaluation.scores.score_file import Scores

TABLE = """\
video,label,jump,run,swim
jump/a.avi,jump,0.1,2,-3e-2

"run/b, c.avi", 1, 4, 5, 6
d,,7,8,9
"""


def written(tmp_path, text, name="scores.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_names_numbers_and_nothing_are_labels(tmp_path):
    path = written(tmp_path, "\ufeff" + TABLE.replace("\n", "\r\n"))
    scores = from_csv(path)
    assert scores.videos == ("jump/a.avi", "run/b, c.avi", "d")
    assert scores.classes == ("jump", "run", "swim")
    assert scores.labels.tolist() == [0, 1, -1]
    np.testing.assert_array_equal(
        scores.scores, [[0.1, 2, -0.03], [4, 5, 6], [7, 8, 9]]
    )
    assert scores.meta == {"source": "scores.csv"}


def test_columns_in_the_order_of_other_scores(tmp_path):
    path = written(tmp_path, TABLE)
    scores = from_csv(path, ("swim", "jump", "run"))
    assert scores.classes == ("swim", "jump", "run")
    # Number 1 was the second column, which is run.
    assert scores.labels.tolist() == [1, 2, -1]
    np.testing.assert_array_equal(
        scores.scores, [[-0.03, 0.1, 2], [6, 4, 5], [9, 7, 8]]
    )


def test_numbered_columns_are_given_names(tmp_path):
    path = written(tmp_path, "video,label,0,1\na,1,3,4\nb,run,5,6\n")
    with pytest.raises(ValueError, match="line 3 .*from 0 to 1.*'run'"):
        from_csv(path, ("jump", "run"))
    path = written(tmp_path, "video,label,0,1\na,1,3,4\nb,0,5,6\n")
    named = from_csv(path, ("swim", "jump"))
    assert named.classes == ("swim", "jump")
    assert named.labels.tolist() == [1, 0]
    np.testing.assert_array_equal(named.scores, [[3, 4], [5, 6]])
    assert from_csv(path).classes == ("0", "1")


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "Invalid header .*Received: ''"),
        ("a,jump,1,2\n", "Invalid header .*'a,jump,1,2'"),
        ("video,jump,run\na,1,2\n", "Invalid header .*video,label,CLASS"),
        ("video;label;jump;run\n", "Invalid header .*'video;label"),
        ("video,label\na,jump\n", "Invalid header"),
        ("video,label,jump,\na,0,1,2\n", "Invalid header"),
        ("video,label,jump,jump\n", "every class once. Received: 'jump'"),
        ("video,label,jump,run\n", "only the header"),
        ("video,label,jump,run\na,0,1\n", "line 2 .*2 scores.*3 fields"),
        ("video,label,jump,run\na,0,1,2,3\n", "line 2 .*5 fields"),
        ("video,label,jump,run\n,0,1,2\n", "line 2 .*Expected a video"),
        ("video,label,jump,run\n\na,2,1,2\n", "line 3 .*0 to 1.*'2'"),
        ("video,label,jump,run\na,fly,1,2\n", "Unknown label .*'fly'"),
        ("video,label,jump,run\na,0,1,two\n", "'run'. Received: 'two'"),
        ("video,label,jump,run\na,0,,2\n", "'jump'. Received: ''"),
        ("video,label,jump,run\na,0,1,nan\n", "finite .*Received: 'nan'"),
        ("video,label,jump,run\na,0,-inf,1\n", "finite .*Received: '-inf'"),
        (
            "video,label,jump,run\na,0,1,2\na,0,1,2\n",
            "a video twice.*Received: 'a'",
        ),
        (b"video,label,\xff\n", "UTF-8"),
        (b"PK\x03\x04\x00", "Invalid header|UTF-8"),
    ],
)
def test_what_is_no_table_of_scores(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        from_csv(written(tmp_path, text))


def test_files_and_classes_that_do_not_fit(tmp_path):
    with pytest.raises(ValueError, match="No such file"):
        from_csv(tmp_path / "none.csv")
    path = written(tmp_path, TABLE)
    with pytest.raises(ValueError, match=r"without \['fly'\] and with \['jump"):
        from_csv(path, ("fly", "run", "swim"))
    with pytest.raises(ValueError, match="the 2 classes. Received: 3 columns"):
        from_csv(path, ("run", "swim"))


def test_lists_of_classes(tmp_path):
    names = ("jump", "long run")
    for text in ("2 long run\n1 jump\n", "jump\n\n long run \n"):
        assert read_classes(written(tmp_path, text, "classes.txt")) == names
    Scores(("a",), np.zeros((1, 2)), [0], names).save(tmp_path / "one.npz")
    assert read_classes(tmp_path / "one.npz") == names
    for text, message in (
        ("jump\nrun\njump\n", "every class once. Received: 'jump'"),
        ("", "names a class"),
        (b"\xff", "UTF-8"),
    ):
        with pytest.raises(ValueError, match=message):
            read_classes(written(tmp_path, text, "bad.txt"))
    with pytest.raises(ValueError, match=r"none\.txt"):
        read_classes(tmp_path / "none.txt")


def test_several_labels(tmp_path):
    """In another order of the classes, with none of them, and unknown."""
    path = tmp_path / "other.csv"
    path.write_text(
        "video,label,run,jump\na,run;jump,1,2\nb,jump,3,4\nc,;,5,6\nd,,7,8\n"
        "e,0|,9,10\n"
    )
    found = from_csv(path, ("jump", "run"))
    assert found.several and found.scores[0].tolist() == [2, 1]
    assert found.labels.tolist() == [
        [1, 1],
        [1, 0],
        [0, 0],
        [-1, -1],
        [0, 1],
    ]
    path.write_text("video,label,run,jump\na,run;walk,1,2\n")
    with pytest.raises(ValueError, match="Unknown label.*'run;walk'"):
        from_csv(path)
