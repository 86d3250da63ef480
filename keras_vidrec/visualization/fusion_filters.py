"""Draws the weights of a trained fusion between the channels of two streams."""

import dataclasses
import typing

import keras
import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from keras_vidrec.layers.conv_fusion_3d import ConvFusion3D
from keras_vidrec.layers.stream_fusion import StreamFusion
from keras_vidrec.specs import checks
from keras_vidrec.visualization import figures
from keras_vidrec.visualization import layer_tap

# In the order of the inputs of a fusion.
STREAMS = ("rgb", "flow")

_INCHES = 3.2
_COLORS = "inferno"


@dataclasses.dataclass(frozen=True)
class FusionFilters:
    """The kernel of a fusion layer, and its initial values.

    A filter is an output channel. `rgb` is the first of the two streams and
    `flow` the second; after an earlier fusion `rgb` is its output.

    Attributes:
        layer: str. Name of the layer.
        kernels: dict by stream of float32 arrays `(time, height, width,
            channels, filters)`; for `StreamFusion` the first three sizes are 1.
        starts: the same before training; `None` if the initialization was
            random.
    """

    layer: str
    kernels: dict
    starts: dict | None

    @property
    def strengths(self) -> dict:
        """Dict by stream of arrays `(channels, filters)`: the L2 norm of the
        weights of a channel in a filter, over space and time."""
        return {s: _norms(kernel) for s, kernel in self.kernels.items()}

    @property
    def changes(self) -> dict | None:
        """As `strengths`, for the change of the weights by training; `None` if
        their initial values are unknown."""
        if self.starts is None:
            return None
        return {
            s: _norms(kernel - self.starts[s])
            for s, kernel in self.kernels.items()
        }

    @property
    def joined(self) -> np.ndarray:
        """Array `(rgb channels, flow channels)`: how strongly two channels are
        combined, the sum over the filters of the product of their strengths."""
        rgb, flow = self.strengths.values()
        return rgb @ flow.T

    @property
    def spreads(self) -> dict:
        """Dict by stream of arrays `(time, height, width)`: the share of each
        position in the sum of the squares of all weights of the stream."""
        return _spreads(self.kernels)

    @property
    def moved(self) -> float | None:
        """The change of the kernel by training: its L2 norm divided by that of
        the initial values; `None` if these are unknown."""
        if self.starts is None:
            return None
        start, change = map(_of_filters, (self.starts, self.changes))
        return float(np.linalg.norm(change) / np.linalg.norm(start))

    @property
    def moved_filters(self) -> np.ndarray | None:
        """`moved` for each filter: array `(filters,)`."""
        if self.starts is None:
            return None
        return _of_filters(self.changes) / _of_filters(self.starts)

    def strongest(self, most: int = 1) -> dict:
        """Returns the channels with the largest weights in each filter.

        Args:
            most: int. Number of channels. Defaults to `1`.

        Returns:
            dict by stream of int arrays `(most, filters)`, the strongest first;
            of equal ones the lower number first.
        """
        return {
            s: np.argsort(-strength, axis=0, kind="stable")[:most]
            for s, strength in self.strengths.items()
        }

    @property
    def differing(self) -> int:
        """Number of filters in which the strongest channels of the two streams
        have different numbers: int."""
        (rgb,), (flow,) = self.strongest().values()
        return int((rgb != flow).sum())


def find(model: keras.Model, name: str | None = None) -> keras.layers.Layer:
    """Returns the fusion layer of a network.

    Args:
        model: keras.Model.
        name: `None` (the only one), or str: the name of the layer. Defaults to
            `None`.

    Returns:
        `layers.ConvFusion3D`, or `layers.StreamFusion` of the mode `"conv"`.

    Raises:
        ValueError: if there is no fusion layer with filters, none with this
            name, or several and no name is given.
    """
    fusions = [
        layer
        for _, layer in layer_tap.walk(model)
        if isinstance(layer, (ConvFusion3D, StreamFusion))
    ]
    found = {x.name: x for x in fusions if hasattr(x, "kernel")}
    if not found:
        modes = sorted({layer.mode for layer in fusions})
        others = f" with fusions {modes}" if modes else ""
        raise ValueError(
            "Expected a network whose streams are fused by filters, such as "
            'TwoStreamFusion with fusion="conv3d" or "conv". Received: '
            f"model={model.name!r}{others}"
        )
    if name is None and len(found) == 1:
        (name,) = found
    checks.check(
        name in found, "layer", f"one of the fusions {tuple(found)}", name
    )
    return found[name]


def measure(layer: keras.layers.Layer) -> FusionFilters:
    """Returns the `FusionFilters` of a fusion layer, see `find`."""
    kernel = _array(layer.kernel)
    starts = None
    if getattr(layer, "initialization", "identity") == "identity":
        starts = _by_stream(_first_kernel(layer))
    return FusionFilters(layer.name, _by_stream(kernel), starts)


def draw(found: FusionFilters) -> Figure:
    """Returns the matplotlib figure of `FusionFilters`.

    The first row shows how strongly each filter weights each channel of the two
    streams, and which pairs of channels are combined. The second row shows the
    change by training, and the strongest channel of each stream in each filter.
    (If the initial values are unknown, there is one row, with the strongest
    channels at its end.) For filters over space and time, the last rows show
    the shares of the positions in the weights of a stream, before and after
    training. Brighter is more: the brightness is the square root of the value,
    from 0 to the highest value of each picture.
    """
    over_time = next(iter(found.kernels.values())).shape[:3] != (1, 1, 1)
    heights = _INCHES * (1 if found.starts is None else 2) + 1.4
    figure = figures.new_figure(
        3 * _INCHES + 0.6, heights + (2.6 if over_time else 0)
    )
    figures.set_title(
        figure,
        f"Channels of rgb and flow combined by {found.layer}",
        summary(found),
    )
    parts: typing.Any = [figure]
    if over_time:
        parts = figure.subfigures(2, 1, height_ratios=(heights, 2.6))
    _draw_channels(parts[0], found)
    if over_time:
        _draw_spreads(parts[1], found)
    return figure


def summary(found: FusionFilters) -> str:
    """Returns a summary of the filters in two sentences."""
    number = next(iter(found.kernels.values())).shape[-1]
    told = (
        f"In {found.differing} of {number} filters the strongest channels of "
        "the two streams have different numbers"
    )
    if found.moved is None:
        return f"{told}. The initialization was random."
    return (
        f"{told}. Training changed the weights by {100 * found.moved:.3g} % of "
        "their initial values, with which each filter combines channels of the "
        "same number."
    )


def table(found: FusionFilters, most: int = 3) -> tuple:
    """Returns the numbers of `FusionFilters`: header and rows.

    There is a row for each filter and rank: the channels of rgb and flow with
    this rank, their strengths, and whether their numbers are the same; then,
    for the filter, its change by training (divided by its initial values; empty
    if these were random), and for each stream the shares of the squares of its
    weights at other times, and at other places, than the middle.

    Args:
        found: `FusionFilters`.
        most: int. Number of ranks. Defaults to `3`.
    """
    strongest, strengths = found.strongest(most), found.strengths
    moved = found.moved_filters
    away = [
        shares for kernel in found.kernels.values() for shares in _away(kernel)
    ]
    header = ["filter", "rank"]
    for stream in found.kernels:
        header += [stream, f"{stream}_strength"]
    header += ["same", "moved"]
    for stream in found.kernels:
        header += [f"{stream}_other_times", f"{stream}_other_places"]

    def rows():
        for number in range(strengths["rgb"].shape[1]):
            behind = [
                "" if moved is None else f"{moved[number]:.6g}",
                *(f"{shares[number]:.6g}" for shares in away),
            ]
            channels = [s[:, number].tolist() for s in strongest.values()]
            for rank, pair in enumerate(zip(*channels), 1):
                row = [number, rank]
                for channel, strength in zip(pair, strengths.values()):
                    row += [channel, f"{strength[channel, number]:.6g}"]
                same = "yes" if len(set(pair)) == 1 else "no"
                yield (*row, same, *behind)

    return tuple(header), rows()


def _first_kernel(layer):
    """Returns the initial kernel of a layer, which is that of a new layer with
    the same config."""
    again = type(layer).from_config(layer.get_config())
    kernel = layer.kernel
    filters = kernel.shape[-1]
    rank = 5 if len(kernel.shape) == 5 else 2
    channels = (filters, kernel.shape[-2] - filters)
    again.build([(None,) * (rank - 1) + (number,) for number in channels])
    return _array(again.kernel)


def _by_stream(kernel):
    """Returns a dict of the kernels of the streams, `(time, height, width,
    channels, filters)`."""
    if kernel.ndim == 2:
        kernel = kernel[None, None, None]
    return dict(zip(STREAMS, np.split(kernel, [kernel.shape[-1]], axis=-2)))


def _norms(kernel):
    return np.sqrt(np.square(kernel).sum(axis=(0, 1, 2)))


def _of_filters(by_stream):
    """Returns the L2 norms of the filters of both streams together, from
    kernels or from norms over space and time."""
    squares = (
        np.square(values).reshape(-1, values.shape[-1]).sum(axis=0)
        for values in by_stream.values()
    )
    return np.sqrt(sum(squares))


def _spreads(kernels):
    found = {}
    for stream, kernel in kernels.items():
        squares = np.square(kernel).sum(axis=(3, 4))
        found[stream] = squares / (squares.sum() or 1)
    return found


def _away(kernel):
    """Yields the shares of the squares of the weights of each filter at other
    times, and at other places, than the middle."""
    squares = np.square(kernel).sum(axis=3)
    time, row, column = (size // 2 for size in squares.shape[:3])
    whole = squares.sum(axis=(0, 1, 2))
    whole = np.where(whole > 0, whole, 1)
    yield 1 - squares[time].sum(axis=(0, 1)) / whole
    yield 1 - squares[:, row, column].sum(axis=0) / whole


def _draw_channels(figure, found):
    grid = figure.subplots(1 if found.starts is None else 2, 3, squeeze=False)
    first, places = grid[0, :2], grid[-1, 2]
    for axes, (stream, strength) in zip(first, found.strengths.items()):
        _draw_matrix(axes, strength.T, f"strength of {stream}", stream)
    if found.starts is not None:
        _draw_matrix(
            grid[0, 2],
            found.joined,
            "channels combined",
            "flow",
            "channel of rgb",
        )
        for axes, (stream, change) in zip(grid[1], found.changes.items()):
            title = f"change of {stream} by training"
            _draw_matrix(axes, change.T, title, stream)
    (rgb,), (flow,) = found.strongest().values()
    number = len(rgb)
    same = rgb == flow
    for which, color, marker, name in (
        (same, figures.COLORS[0], "o", "same"),
        (~same, figures.COLORS[1], "x", "another"),
    ):
        places.scatter(
            flow[which], rgb[which], s=8, c=color, marker=marker, label=name
        )
    rows, columns = found.joined.shape
    places.set_xlim(-1, columns)
    places.set_ylim(rows, -1)
    places.set_aspect("equal")
    places.legend(
        fontsize=7, loc="upper right", title="number", title_fontsize=7
    )
    _label(
        places,
        f"the strongest pair of each of {number} filters",
        "channel of flow",
        "channel of rgb",
    )


def _draw_matrix(axes, values, title, stream, rows="filter"):
    highest = float(values.max(initial=0)) or 1.0
    axes.imshow(values, cmap=_COLORS, norm=PowerNorm(0.5, 0, highest))
    _label(
        axes, f"{title}, at most {highest:.3g}", f"channel of {stream}", rows
    )


def _label(axes, title, across, down):
    axes.set_title(title, fontsize=8, color=figures.FAINT, pad=3)
    axes.set_xlabel(across, fontsize=8, color=figures.INK)
    axes.set_ylabel(down, fontsize=8, color=figures.INK)
    axes.tick_params(colors=figures.FAINT, labelsize=7)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(6, integer=True))


def _draw_spreads(figure, found):
    """Draws the shares of the positions, one picture for each time."""
    rows = {"after": found.spreads}
    if found.starts is not None:
        rows = {"before": _spreads(found.starts), **rows}
    times = next(iter(found.spreads.values())).shape[0]
    grid = figure.subplots(len(rows), 2 * times, squeeze=False)
    highest = max(s.max() for row in rows.values() for s in row.values())
    for line, (name, spreads) in zip(grid, rows.items()):
        pictures = [
            (f"{stream}, time {time - times // 2:+d}", shares[time])
            for stream, shares in spreads.items()
            for time in range(times)
        ]
        for axes, (title, shares) in zip(line, pictures):
            figures.show_image(
                axes, shares, title, cmap=_COLORS, vmin=0, vmax=highest or 1
            )
            for (y, x), share in np.ndenumerate(shares):
                axes.text(
                    x,
                    y,
                    f"{100 * share:.1f}",
                    fontsize=6,
                    color="black" if share > 0.6 * highest else "white",
                    ha="center",
                    va="center",
                )
        line[0].set_ylabel(
            f"{name}\ntraining, %", fontsize=8, color=figures.INK
        )


def _array(tensor):
    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))
