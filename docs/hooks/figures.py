"""Draws a figure of each paper's network, as SVG.

python docs/hooks/figures.py    # writes docs/papers/*.svg
"""

import pathlib
from xml.sax.saxutils import escape

# Fill colors by the kind of a box.
COLORS = {
    "video": "#eceff1",
    "rgb": "#c5cae9",
    "flow": "#ffe0b2",
    "joined": "#c8e6c9",
    "out": "#f8bbd0",
}
_HEIGHT = 34  # of a box


class _Figure:
    """A drawing of boxes on a grid of 150 x 50, with arrows between them."""

    def __init__(self, columns, rows):
        self.width, self.height = 150 * columns, 50 * rows
        self.parts, self.places = [], {}

    def box(self, name, column, row, kind, text=None, rows=1):
        """Adds a box. Its text is its name unless another one is given; `rows`
        is its height."""
        x, y = 150 * column + 10, 50 * row + 8
        height = _HEIGHT + 50 * (rows - 1)
        self.places[name] = (x, y + height / 2)
        self.parts.append(
            f'<rect x="{x}" y="{y:g}" width="110" height="{height:g}" rx="5" '
            f'fill="{COLORS[kind]}" stroke="#607d8b"/>'
        )
        lines = (text or name).split("\n")
        for number, line in enumerate(lines):
            middle = y + height / 2 + 4 + 13 * (number - (len(lines) - 1) / 2)
            self.parts.append(
                f'<text x="{x + 55}" y="{middle:g}" text-anchor="middle">'
                f"{escape(line)}</text>"
            )

    def arrow(self, start, end):
        (x, y), (to_x, to_y) = self.places[start], self.places[end]
        if x == to_x:  # of one column, up or down
            x, to_x = x + 55, to_x + 55
            sign = 1 if to_y > y else -1
            y, to_y = y + sign * _HEIGHT / 2, to_y - sign * _HEIGHT / 2
        else:
            x += 110
        self.parts.append(
            f'<line x1="{x:g}" y1="{y:g}" x2="{to_x:g}" y2="{to_y:g}" '
            'stroke="#455a64" stroke-width="1.4" marker-end="url(#end)"/>'
        )

    def chain(self, *names):
        for start, end in zip(names, names[1:]):
            self.arrow(start, end)

    def svg(self):
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" '
            f'viewBox="0 0 {self.width} {self.height}" font-size="11" '
            'font-family="sans-serif"><defs><marker id="end" refX="8" refY="4" '
            'markerWidth="9" markerHeight="8" orient="auto"><path '
            'd="M0,0 L8,4 L0,8 z" fill="#455a64"/></marker></defs>'
            f'<rect width="{self.width}" height="{self.height}" fill="white"/>'
            + "".join(self.parts)
            + "</svg>\n"
        )


def tsn():
    figure = _Figure(6, 4)
    figure.box("video", 0, 0, "video", "video", rows=4)
    for row, segment in enumerate(("1", "2", "K")):
        row = row + row / 2
        names = [f"{word} {segment}" for word in ("segment", "tower", "scores")]
        for column, name in enumerate(names):
            text = name if column != 1 else "2-D network\n(shared weights)"
            figure.box(name, column + 1, row, "rgb", text)
            figure.arrow((["video"] + names)[column], name)
    figure.box("consensus", 4, 1.5, "joined", "segmental\nconsensus")
    for segment in "12K":
        figure.arrow(f"scores {segment}", "consensus")
    figure.box("softmax", 5, 1.5, "out")
    figure.arrow("consensus", "softmax")
    return figure.svg()


def two_stream_fusion():
    figure = _Figure(6, 3)
    for row, stream in ((0, "rgb"), (2, "flow")):
        figure.box(stream, 0, row, "video", f"{stream}, T times")
        figure.box(f"{stream} tower", 1, row, stream, f"{stream} tower\nconv5")
        figure.arrow(stream, f"{stream} tower")
    figure.box("fusion", 2, 1, "joined", "3-D conv fusion\n(channels)")
    figure.box("pool3d", 3, 1, "joined", "3-D pooling\n(over time)")
    figure.box("classes", 4, 1, "joined", "fc layers")
    figure.box("flow pool", 3, 2, "flow", "3-D pooling")
    figure.box("flow classes", 4, 2, "flow", "fc layers")
    figure.box("average", 5, 1, "out", "mean of both\nscores")
    figure.chain("rgb tower", "fusion", "pool3d", "classes", "average")
    figure.arrow("flow tower", "fusion")
    figure.chain("flow tower", "flow pool", "flow classes", "average")
    return figure.svg()


def st_multiplier():
    figure = _Figure(6, 3)
    for row, stream in ((0, "flow"), (2, "rgb")):
        names = [stream, *(f"{stream} {number}" for number in (2, 3, 5))]
        texts = (f"{stream}, T times", "stage 2", "stage 3", "stages 4 and 5")
        for column, (name, text) in enumerate(zip(names, texts)):
            kind = stream if column else "video"
            figure.box(name, column, row, kind, text)
        figure.chain(*names)
        figure.box(f"{stream} max", 4, row, "joined", "pooling over\ntime")
        figure.arrow(names[-1], f"{stream} max")
    for column, number in ((1, 2), (2, 3), (3, 5)):
        figure.box(f"gate {number}", column, 1, "joined", "x in the 2nd\nunit")
        figure.chain(f"flow {number}", f"gate {number}", f"rgb {number}")
    figure.box("scores", 5, 1, "out", "mean of both\nscores")
    figure.arrow("flow max", "scores")
    figure.arrow("rgb max", "scores")
    return figure.svg()


def ts_lstm():
    figure = _Figure(6, 3)
    for row, stream in ((0, "rgb"), (2, "flow")):
        figure.box(stream, 0, row, "video", f"25 x {stream}")
        figure.box(f"{stream} tower", 1, row, stream, "2-D network:\nfeatures")
        figure.arrow(stream, f"{stream} tower")
    figure.box("joined", 2, 1, "joined", "both, joined\nat each time")
    figure.box("lstm", 3, 0, "joined", "TS-LSTM: max of\n3 parts, LSTM")
    figure.box("inception", 3, 2, "joined", "4 modules of\nkernels 5 and 7")
    figure.box("classes", 4, 1, "out", "classes, by one\nor the other")
    for stream in ("rgb", "flow"):
        figure.arrow(f"{stream} tower", "joined")
    figure.chain("joined", "lstm", "classes")
    figure.chain("joined", "inception", "classes")
    return figure.svg()


def stfn():
    figure = _Figure(6, 3)
    figure.box("fusion", 2, 1, "joined", "fusion, both\ndirections")
    figure.box("mean", 5, 1, "out", "mean of both\nscores")
    for row, stream in ((0, "rgb"), (2, "flow")):
        figure.box(stream, 0, row, "video", f"{stream} features,\n7 segments")
        for column, name in ((1, "first"), (3, "second")):
            figure.box(f"{stream} {name}", column, row, stream, "Res-Inc block")
        figure.box(
            f"{stream} out", 4, row, stream, "mean over time,\nclassifier"
        )
        figure.chain(stream, f"{stream} first", "fusion", f"{stream} second")
        figure.chain(f"{stream} second", f"{stream} out", "mean")
    return figure.svg()


FIGURES = {
    "tsn": tsn,
    "two_stream_fusion": two_stream_fusion,
    "st_multiplier": st_multiplier,
    "ts_lstm": ts_lstm,
    "stfn": stfn,
}


if __name__ == "__main__":
    for name, draw in FIGURES.items():
        folder = pathlib.Path(__file__).parents[1] / "papers"
        (folder / f"{name}.svg").write_text(draw(), encoding="utf-8")
