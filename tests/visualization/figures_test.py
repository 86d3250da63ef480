import pytest

from keras_vidrec.visualization import figures


def test_figures_and_tables_are_written_whole(tmp_path):
    figure = figures.new_figure(2, 1)
    figures.set_title(figure, "5 $ and $ 6", "small")
    path = tmp_path / "new" / "figure.png"
    figures.save(figure, path)
    assert path.read_bytes().startswith(b"\x89PNG")
    table = tmp_path / "table.csv"
    figures.save_table(table, ("a", "b"), iter([(1, "x, y")]))
    assert table.read_text("utf-8") == 'a,b\n1,"x, y"\n'
    assert {p.name for p in tmp_path.iterdir()} == {"new", "table.csv"}


def test_other_kinds_of_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match="'png'.*Received: .*figure.gifs"):
        figures.save(figures.new_figure(1, 1), tmp_path / "figure.gifs")
