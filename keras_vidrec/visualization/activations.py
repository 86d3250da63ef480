"""What single channels of a layer see of a frame and of its motion."""

import dataclasses

import keras
import numpy as np
from matplotlib.figure import Figure

from keras_vidrec.evaluation.scorers.scorer import check_sees_videos
from keras_vidrec.specs import checks
from keras_vidrec.visualization import classes
from keras_vidrec.visualization import figures
from keras_vidrec.visualization import grad_cam
from keras_vidrec.visualization import snippet_images
from keras_vidrec.visualization import tower_layers

_ACROSS = 8
_INCHES = 1.1


@dataclasses.dataclass(frozen=True)
class Activations:
    """The maps of a layer of each tower for one segment of a clip.

    Attributes:
        segment: int, from 1: the frame of the clip, and its motion.
        layers: dict by stream of str: the layer whose maps these are.
        maps: dict by stream of float32 arrays `(map_height, map_width,
            channels)`.
    """

    segment: int
    layers: dict
    maps: dict


def check(model: keras.Model, layer: str | None = None) -> None:
    """Checks the arguments of `compute`, before a video is read.

    Raises:
        ValueError: if the network does not see videos, or not each of its
            towers has the layer.
    """
    check_sees_videos(model)
    _find(model, layer)


def compute(
    model: keras.Model,
    images: dict,
    layer: str | None = None,
    segment: int | None = None,
) -> Activations:
    """Computes the maps of a layer of each tower.

    Args:
        model: keras.Model of this package that sees videos.
        images: dict by modality of arrays `(segments, height, width,
            channels)`, raw pixels, as `grad_cam.read_clip` gives them.
        layer: `None`, or str: a layer of the towers, or an endpoint of their
            backbones such as `"relu3"`. Defaults to the last convolutional
            maps of each tower.
        segment: `None`, or int from 1. Defaults to the one in the middle.

    Returns:
        `Activations`.

    Raises:
        ValueError: if the network does not see videos, not each of its towers
            has the layer, the layer has no map of each segment, or the clip
            has no such segment.

    Reference:
        - [Feichtenhofer et al., 2016](https://arxiv.org/abs/1604.06573),
          figure 1.
    """
    check_sees_videos(model)
    layers = _find(model, layer)
    number = len(next(iter(images.values())))
    if segment is None:
        segment = number // 2 + 1
    checks.check(
        checks.is_integer(segment) and 1 <= segment <= number,
        "segment",
        f"a segment of the clip, 1 to {number}",
        segment,
    )
    network = classes.logits_model(model)
    _, _, maps = tower_layers.look(network, layers, images)
    return Activations(
        segment,
        {stream: one.name for stream, one in layers.items()},
        {stream: found[segment - 1] for stream, found in maps.items()},
    )


def choose(found: Activations, most: int) -> list:
    """The channels that respond most: those of the highest means, as shares of
    the mean over all channels, summed over the streams. Of towers that differ
    in width, of those that all have.

    Args:
        found: `Activations`.
        most: int. How many, or all if there are fewer.

    Returns:
        list of int, the strongest first; of equal ones that of the lower
        number.
    """
    checks.count("channels", most)
    means = [maps.mean(axis=(0, 1)) for maps in found.maps.values()]
    width = min(map(len, means))
    shares = sum(mean[:width] / (np.abs(mean).mean() or 1) for mean in means)
    return np.argsort(-shares, kind="stable")[:most].tolist()


def draw(
    clip: grad_cam.Clip,
    found: Activations,
    channels: int | list | tuple = 16,
) -> Figure:
    """The matplotlib figure of a clip's segment and its `Activations`: the
    input of the network, and for each channel the maps of the streams below
    each other.

    Each map is gray from 0, or its lowest value if that is less (black), to
    its highest value (white), which stands above it.

    Args:
        clip: `grad_cam.Clip` that they were computed of.
        found: `Activations`.
        channels: int: that many of those that respond most, as of `choose`;
            or a sequence of int, from 0. Defaults to `16`.

    Raises:
        ValueError: if a tower has no such channel.
    """
    if isinstance(channels, (list, tuple)):
        _check_channels(found, channels)
        said = "as asked for"
    else:
        channels = choose(found, channels)
        said = "those that respond most"
    lines = [
        channels[start : start + _ACROSS]
        for start in range(0, len(channels), _ACROSS)
    ]
    columns = 1 + max(map(len, lines))
    streams = list(found.maps)
    figure = figures.new_figure(
        max(_INCHES * columns, 4.5),
        (_INCHES + 0.2) * len(lines) * len(streams) + 0.9,
    )
    figures.set_title(
        figure,
        f"What channels see of {clip.video}, segment {found.segment}",
        ", ".join(f"{s}: layer {name}" for s, name in found.layers.items())
        + f"; {len(channels)} of {_widths(found)} channels, {said}",
    )
    grid = figure.subplots(len(lines) * len(streams), columns, squeeze=False)
    for row, axes in enumerate(grid):
        stream = streams[row % len(streams)]
        _show_picture(axes[0], clip, stream, found.segment)
        shown = lines[row // len(streams)]
        for place in axes[1 + len(shown) :]:
            place.set_axis_off()
        for place, channel in zip(axes[1:], shown):
            one = found.maps[stream][..., channel]
            lowest, highest = min(float(one.min()), 0.0), float(one.max())
            figures.show_image(
                place,
                one,
                f"{channel}: {highest:.3g}",
                cmap="gray",
                vmin=lowest,
                vmax=highest if highest > lowest else lowest + 1,
            )
    return figure


def table(found: Activations) -> tuple:
    """The numbers of `Activations`, of all channels: header and rows of
    stream, channel, and of its map the mean, the highest value and the share
    of places above 0."""
    rows = (
        (
            stream,
            channel,
            f"{one.mean():.6g}",
            f"{one.max():.6g}",
            f"{(one > 0).mean():.6g}",
        )
        for stream, maps in found.maps.items()
        for channel, one in enumerate(np.moveaxis(maps, -1, 0))
    )
    return ("stream", "channel", "mean", "highest", "active"), rows


def _find(model, name):
    """The layer of every tower: a picture of one alone compares nothing."""
    found = tower_layers.find(model, name)
    missing = set(tower_layers.find(model)) - set(found)
    if missing:
        raise ValueError(
            "The layer is to be drawn in all towers. Expected a layer that "
            f"each of them has. Received: {name!r}, which is in "
            f"{', '.join(found)} and not in {', '.join(sorted(missing))}"
        )
    return found


def _check_channels(found, channels):
    width = min(maps.shape[-1] for maps in found.maps.values())
    checks.check(
        channels
        and all(checks.is_integer(c) and 0 <= c < width for c in channels),
        "channels",
        f"channels that each of the layers has, 0 to {width - 1}",
        channels,
    )


def _widths(found):
    widths = {maps.shape[-1] for maps in found.maps.values()}
    return " and ".join(map(str, sorted(widths)))


def _show_picture(axes, clip, stream, segment):
    name = stream
    if stream not in clip.images:
        # Flow, and single frames, may be made inside of the network.
        (name,) = clip.images
    snippet = clip.images[name][segment - 1 : segment]
    (picture,) = snippet_images.middle_pictures(snippet, name)
    figures.show_image(axes, picture, name)
