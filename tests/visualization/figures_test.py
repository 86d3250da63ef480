import pytest

from keras_vidrec.visualization import figures


def test_figures_are_written_whole(tmp_path):
    figure = figures.new_figure(2, 1)
    figures.set_title(figure, "5 $ and $ 6", "small")
    path = tmp_path / "new" / "figure.png"
    figures.save(figure, path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_titles_are_no_wider_than_the_figure():
    figure = figures.new_figure(3, 1)
    name = "v_Move-left_g01.avi"
    figures.set_title(figure, f"What a network sees in {name}", "of 2 $")
    lines = figure.get_suptitle().split("\n")
    assert lines == ["What a network sees in", name, "of 2 \\$"]
    extent = figure._suptitle.get_window_extent()
    assert extent.width < figure.bbox.width


def test_other_kinds_of_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match="'png'.*Received: .*figure.gifs"):
        figures.save(figures.new_figure(1, 1), tmp_path / "figure.gifs")
