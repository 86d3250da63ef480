import pytest

from keras_vidrec.specs import files


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_a_file_takes_its_place_when_whole(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with files.replacing(path) as temporary:
        temporary.write_text("whole")
        assert temporary.suffix == ".txt" and not path.exists()
    assert path.read_text() == "whole" and names(path.parent) == ["a.txt"]


def test_a_directory_replaces_a_directory(tmp_path):
    path = tmp_path / "model"
    for content in ("old", "new"):
        with files.replacing(path) as temporary:
            temporary.mkdir()
            (temporary / content).touch()
    assert names(path) == ["new"] and names(tmp_path) == ["model"]


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(RuntimeError), files.replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and names(tmp_path) == ["a.txt"]


def test_a_table(tmp_path):
    path = tmp_path / "new" / "table.csv"
    files.write_table(path, ("a", "b"), iter([(1, "x, y"), ("\ud800é", "")]))
    assert path.read_text("utf-8") == 'a,b\n1,"x, y"\n?é,\n'
    assert names(path.parent) == ["table.csv"]


def test_no_cell_of_a_table_is_a_formula(tmp_path):
    path = tmp_path / "table.csv"
    rows = [("+x", -1, "-0.5", "1+1"), ("@SUM(A1)", "-", "\t=1", "a\r=1")]
    files.write_table(path, ("=1+1", "a", "b", "c"), rows)
    assert path.read_bytes().decode("utf-8") == (
        "'=1+1,a,b,c\n'+x,-1,-0.5,1+1\n'@SUM(A1),'-,'\t=1,a\\r=1\n"
    )
    for text in ("=1+1", "-", "'=", "'a", "a", "-1"):
        assert files.from_cell(files.to_cell(text)) == text
