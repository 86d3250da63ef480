"""Draws the activations of single channels of a layer."""

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
        segment: int, from 1: number of the segment in the clip.
        layers: dict by stream of str: the name of the layer.
        maps: dict by stream of float32 arrays `(map_height, map_width,
            channels)`.
    """

    segment: int
    layers: dict
    maps: dict


def check(model: keras.Model, layer: str | None = None) -> None:
    """Checks the arguments of `compute`, before a video is read.

    Raises:
        ValueError: if the network does not take images, or not each of its
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
        model: keras.Model of this package that takes images.
        images: dict by modality of arrays `(segments, height, width,
            channels)`, raw pixels, as returned by `grad_cam.read_clip`.
        layer: `None` (the last convolutional maps of each tower), or str: a
            layer of the towers, or an endpoint of their backbones such as
            `"relu3"`. Defaults to `None`.
        segment: `None` (the middle one), or int from 1. Defaults to `None`.

    Returns:
        `Activations`.

    Raises:
        ValueError: if the network does not take images, not each of its towers
            has the layer, the layer does not have a map for each segment, or
            the clip does not have the segment.

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
    """Returns the channels with the strongest response: those with the highest
    mean, divided by the mean of all channels and summed over the streams. Only
    channels that all towers have are considered.

    Args:
        found: `Activations`.
        most: int. Largest number of channels.

    Returns:
        list of int, the strongest first; of equal ones the lower number first.
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
    """Draws the input of the network for a segment, and for each channel the
    maps of the streams below each other.

    Each map is black at 0 (or at its lowest value if that is negative) and
    white at its highest value, which is written above it.

    Args:
        clip: `grad_cam.Clip` from which the activations were computed.
        found: `Activations`.
        channels: int: number of channels, those with the strongest response,
            see `choose`; or a sequence of the channels, int from 0. Defaults
            to `16`.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: if a tower does not have a channel.
    """
    if isinstance(channels, (list, tuple)):
        _check_channels(found, channels)
        said = "chosen by number"
    else:
        channels = choose(found, channels)
        said = "those with the strongest response"
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
        f"Activations of channels for {clip.video}, segment {found.segment}",
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
    """Returns the numbers of `Activations`: the header, and a row for each
    channel with stream, channel, and the mean, highest value and share of
    places above 0 of its map."""
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
    """Returns the layer of each tower; raises a `ValueError` if one does not
    have it."""
    found = tower_layers.find(model, name)
    missing = set(tower_layers.find(model)) - set(found)
    if missing:
        raise ValueError(
            "The layer is drawn for all towers. Expected a layer that each of "
            f"them has. Received: {name!r}, which is in {', '.join(found)} and "
            f"not in {', '.join(sorted(missing))}"
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
    """Draws the image of a stream's segment."""
    name = stream
    if stream not in clip.images:
        # The network computes flow and single frames from its only input.
        (name,) = clip.images
    snippet = clip.images[name][segment - 1 : segment]
    (picture,) = snippet_images.middle_pictures(snippet, name)
    figures.show_image(axes, picture, name)
