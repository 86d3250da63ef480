"""Grad-CAM: the regions of frames and flow that support a class."""

import dataclasses
import os
import typing

import cv2
import keras
import numpy as np

from keras_vidrec.data.clips import reader
from keras_vidrec.data.sources.video_files import SingleVideo
from keras_vidrec.evaluation import protocols
from keras_vidrec.evaluation.scorers.scorer import check_sees_videos
from keras_vidrec.visualization import classes
from keras_vidrec.visualization import figures
from keras_vidrec.visualization import gradients
from keras_vidrec.visualization import layer_tap
from keras_vidrec.visualization import snippet_images
from keras_vidrec.visualization import tower_layers

if typing.TYPE_CHECKING:
    from matplotlib.figure import Figure

_INCHES = 1.55
_COLORS = "inferno"
_DIMMED = 0.75


@dataclasses.dataclass(frozen=True)
class GradCAM:
    """The regions of a clip that support a class.

    Attributes:
        class_name: str.
        probability: float. Probability of the class for the clip.
        layers: dict by stream of str: the name of the layer.
        maps: dict by stream of float32 arrays `(segments, map_height,
            map_width)`, at least 0: the contribution of each place of the layer
            to the logit of the class, in first order.
    """

    class_name: str
    probability: float
    layers: dict
    maps: dict


class Clip(typing.NamedTuple):
    """The clip of a video that a network gets.

    Args:
        video: str. Name of the video.
        images: dict by modality of uint8 arrays `(segments, height, width,
            channels)`.
    """

    video: str
    images: dict


def read_clip(
    model: keras.Model,
    path: str | os.PathLike[str],
    num_segments: int | None = None,
) -> Clip:
    """Reads a clip of a video, at the positions of the network's test, with the
    center crop.

    Args:
        model: keras.Model of this package.
        path: path of a video file. Flow is computed from it as in the network's
            training.
        num_segments: `None` (as many as the network was built for; else as in
            its test if it uses their order, or as in training), or int.
            Defaults to `None`.

    Returns:
        `Clip`.

    Raises:
        ValueError: if the network does not take images, or was built for
            another number of segments.
        VideoError: if the video cannot be read.
    """
    check_sees_videos(model)
    spec = protocols.one_clip(model, num_segments)
    source = SingleVideo(path, spec.flow)
    images = reader.read_test_clip(source, 0, spec, mode="test")
    return Clip(source.videos[0], images)


def check(
    model: keras.Model, class_name: str | None = None, layer: str | None = None
) -> None:
    """Checks the arguments of `explain`, before a video is read.

    Raises:
        ValueError: if the network does not take images, or does not have the
            class or layer.
    """
    check_sees_videos(model)
    if class_name is not None:
        classes.index_of(model, class_name)
    tower_layers.find(model, layer)


def explain(
    model: keras.Model,
    images: dict[str, np.ndarray],
    class_name: str | None = None,
    layer: str | None = None,
) -> GradCAM:
    """Computes Grad-CAM maps of each stream of a network.

    The channels of a layer are weighted by the gradient of the logit of the
    class, averaged over the places of a segment, and summed; negative values
    become 0. Before a global average pooling and a linear classifier, this is
    the class activation map.

    Args:
        model: keras.Model of this package that takes images. Up to the layer it
            must process segments separately.
        images: dict by modality of arrays `(segments, height, width,
            channels)`, raw pixels, as returned by `read_clip`.
        class_name: `None` (the most probable class), or str. Defaults to
            `None`.
        layer: `None` (the last convolutional maps of each tower), or str: the
            name of a layer of the towers, or of an endpoint of their backbones.
            Defaults to `None`.

    Returns:
        `GradCAM`.

    Raises:
        ValueError: if the network does not take images, does not have the class
            or layer, or the layer does not have a map for each segment.

    Reference:
        - [Selvaraju et al., 2017](https://arxiv.org/abs/1610.02391),
          section 3.
    """
    check_sees_videos(model)
    label = None if class_name is None else classes.index_of(model, class_name)
    tapped = tower_layers.find(model, layer)
    network = classes.logits_model(model)
    inputs, logits, found = tower_layers.look(network, tapped, images)
    if label is None:
        label = int(logits.argmax())
    maps = list(found.values())
    streams = {id(one): stream for stream, one in tapped.items()}

    def class_score(activations):
        given = dict(zip(tapped, activations))

        def put(one, _, outputs):
            return keras.ops.cast(given[streams[id(one)]], outputs.dtype)

        with layer_tap.tap(tapped.values(), put):
            return network(inputs, training=False)[0, label]

    _, slopes = gradients.differentiate(class_score)(maps)
    probabilities = np.exp(logits - logits.max())
    return GradCAM(
        classes.names(model)[label],
        float(probabilities[label] / probabilities.sum()),
        {stream: one.name for stream, one in tapped.items()},
        {
            stream: np.maximum(
                np.einsum("shwf,sf->shw", activation, slope.mean(axis=(1, 2))),
                0,
            )
            for stream, activation, slope in zip(tapped, maps, slopes)
        },
    )


def draw(clip: Clip, found: GradCAM) -> "Figure":
    """Returns the matplotlib figure of a `Clip`, with the `GradCAM` of its
    images below them. The colors of a stream are scaled from 0 to the highest
    value of all its segments."""
    num_segments = len(next(iter(clip.images.values())))
    streams = list(found.maps)
    figure = figures.new_figure(
        _INCHES * num_segments + 1.2, (2 * _INCHES + 0.2) * len(streams) + 0.7
    )
    figures.set_title(
        figure,
        f"Grad-CAM of {found.class_name} "
        f"({100 * found.probability:.0f} %) in {clip.video}",
        ", ".join(
            f"{stream}: layer {name}" for stream, name in found.layers.items()
        ),
    )
    grid = figure.subplots(2 * len(streams), num_segments, squeeze=False)
    for rows, stream in zip(grid.reshape(len(streams), 2, -1), streams):
        shown, name = _pictures(clip.images, stream)
        heat = _overlay(rows[1], shown, found.maps[stream])
        still = snippet_images.are_still(clip.images[name], name)
        for number, (axes, picture) in enumerate(zip(rows[0], shown), 1):
            remark = "\nno motion" if still[number - 1] else ""
            figures.show_image(axes, picture, f"segment {number}{remark}")
        for axes, text in zip(rows[:, 0], (name, f"Grad-CAM\n{stream}")):
            axes.set_ylabel(text, fontsize=9, color=figures.INK)
        bar = figure.colorbar(heat, ax=rows[1], shrink=0.8, pad=0.02)
        bar.set_ticks([0, 1], labels=["none", "most"])
        bar.ax.tick_params(labelsize=8, labelcolor=figures.FAINT, length=0)
        bar.outline.set_visible(False)
    return figure


def table(found: GradCAM) -> tuple:
    """Returns the numbers of a `GradCAM`: header and rows of stream, segment
    (from 1), row, column and value."""
    rows = (
        (stream, segment + 1, row, column, f"{value:.6g}")
        for stream, maps in found.maps.items()
        for (segment, row, column), value in np.ndenumerate(maps)
    )
    return ("stream", "segment", "row", "column", "value"), rows


def _pictures(images, stream):
    """Returns pictures of the snippets of a stream, and their modality."""
    name = stream
    if stream not in images:
        # The network computes flow and single frames from its only input.
        (name,) = images
    return snippet_images.middle_pictures(images[name], name), name


def _overlay(row, pictures, maps):
    highest = float(maps.max()) or 1.0
    for axes, picture, heat in zip(row, pictures, maps):
        height, width = picture.shape[:2]
        # Darkened, because pictures of flow are mostly white.
        gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) * _DIMMED
        figures.show_image(axes, gray, cmap="gray", vmin=0, vmax=255)
        heat = cv2.resize(
            heat / highest, (width, height), interpolation=cv2.INTER_LINEAR
        )
        drawn = axes.imshow(
            heat,
            cmap=_COLORS,
            vmin=0,
            vmax=1,
            # Transparent where the map is 0.
            alpha=np.clip(1.6 * heat, 0, 0.75),
        )
    return drawn
