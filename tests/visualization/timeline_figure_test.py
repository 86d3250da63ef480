import numpy as np

from keras_vidrec.evaluation.timeline import Timeline
from keras_vidrec.evaluation.timeline import WindowPrediction
from keras_vidrec.visualization import figures
from keras_vidrec.visualization import timeline_figure

CLASSES = ("jump", "$run", "sit", "stand")


def timeline(starts, rows):
    windows = [
        WindowPrediction(start, start + 2.0, np.array(row))
        for start, row in zip(starts, rows)
    ]
    return Timeline("a_$b.mp4", CLASSES, windows)


def test_curves_and_the_best_class(tmp_path):
    rows = [
        [0.1, 0.6, 0.2, 0.1],
        [0.1, 0.7, 0.1, 0.1],
        [0.8, 0.1, 0.0, 0.1],
        [0.1, 0.1, 0.2, 0.6],
    ]
    # The camera's frames from 4 to 10 s were skipped.
    drawn = timeline([0, 1, 2, 10], rows)
    figure = timeline_figure.draw(drawn, top=2)
    curves, strip = figure.axes
    first, second = curves.lines
    np.testing.assert_allclose(first.get_xdata(), [1, 2, 3, 11])
    np.testing.assert_allclose(first.get_ydata(), [0.6, 0.7, 0.1, 0.1])
    np.testing.assert_allclose(second.get_ydata(), [0.1, 0.1, 0.8, 0.1])
    bars = [(b.get_x(), b.get_x() + b.get_width()) for b in strip.patches]
    assert bars == [(0, 1.5), (1.5, 2.5), (2.5, 4), (10, 12)]
    colors = [bar.get_facecolor() for bar in strip.patches]
    assert colors[0] == colors[1]
    assert len(set(colors)) == 3
    (legend,) = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == [r"\$run", "jump", "another class"]
    figures.save(figure, tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 5000


def test_a_single_window():
    figure = timeline_figure.draw(timeline([0], [[0.1, 0.6, 0.2, 0.1]]), top=9)
    curves, strip = figure.axes
    assert len(curves.lines) == 4 and len(strip.patches) == 1
    assert curves.lines[0].get_marker() == "o"
