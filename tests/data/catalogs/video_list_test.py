import re

import pytest

from keras_vidrec.data.catalogs import video_list


def read(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "list.csv"
    path.write_bytes(text.encode(encoding))
    return video_list.read(path)


def test_read(tmp_path):
    rows = read(
        tmp_path,
        'Label, Path,split\r\nrun,"a, b.avi",train\r\n\r\nläufer, c.avi ,test',
        "utf-8-sig",
    )
    assert rows == [
        {"label": "run", "path": "a, b.avi", "split": "train"},
        {"label": "läufer", "path": "c.avi", "split": "test"},
    ]


@pytest.mark.parametrize(
    "text,message",
    [
        ("", "Received: ''"),
        ("path\na.avi", "Received: 'path'"),
        ("path,label,part\na,b,c", "Received: 'path,label,part'"),
        ("path,label,path\na,b,c", "Received: 'path,label,path'"),
        ("path,label\n", "Received: the header only"),
        ("path,label\na,b\nc\nd", "Received: 'c' (2 in all)"),
        ("path,label\na,b,c", "Received: 'a,b,c' (1 in all)"),
        ("path,label\n,b", "Received: ',b' (1 in all)"),
        ("path,label\na,", "Received: 'a,' (1 in all)"),
        ("path,label,split\na,b,valid", "Received: 'a,b,valid' (1 in all)"),
        ("path,label,split\na,b,", "Received: 'a,b,' (1 in all)"),
    ],
)
def test_faulty_list(tmp_path, text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read(tmp_path, text)


def test_no_list(tmp_path):
    with pytest.raises(ValueError, match=r"existing file. Received: '.*x.csv'"):
        video_list.read(tmp_path / "x.csv")


def test_paths_stay_below_the_root(tmp_path):
    root = tmp_path / "data"
    (root / "real").mkdir(parents=True)
    (tmp_path / "secret.avi").touch()
    (root / "real" / "a.avi").touch()
    (root / "inside.avi").symlink_to("real/a.avi")
    (root / "outside.avi").symlink_to(tmp_path / "secret.avi")
    (root / "folder").symlink_to(tmp_path)
    assert video_list.path_below(root, "./real//a.avi") == "real/a.avi"
    assert video_list.path_below(root, "inside.avi") == "inside.avi"
    for path in (
        str(root / "real" / "a.avi"),
        "../secret.avi",
        "real/../real/a.avi",
        "outside.avi",
        "folder/secret.avi",
    ):
        with pytest.raises(ValueError, match=f"leaves .* '{re.escape(path)}'"):
            video_list.path_below(root, path)


def test_number_labels():
    names = ["run", "jump", "run"]
    assert video_list.number_labels(names) == ((1, 0, 1), ("jump", "run"))
    numbers = ["2", "0", "10"]
    labels, classes = video_list.number_labels(numbers)
    assert labels == (2, 0, 10)
    assert classes == tuple(str(i) for i in range(11))
    # One name among them makes all of them names.
    mixed = ["2", "x"]
    assert video_list.number_labels(mixed) == ((0, 1), ("2", "x"))
    with pytest.raises(ValueError, match="Received: label=1700000000 among 2"):
        video_list.number_labels(["1", "1700000000"])


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding_is_told(tmp_path, encoding):
    path = tmp_path / "list.csv"
    path.write_text("path,label\na.avi,Stra\xdfe\n", encoding)
    with pytest.raises(ValueError, match="list.csv is no list.*in UTF-8"):
        video_list.read(path)


def test_a_path_no_system_has(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("path,label\na\0.avi,run\n")
    with pytest.raises(ValueError, match="Invalid line in list.csv"):
        video_list.read(path)
