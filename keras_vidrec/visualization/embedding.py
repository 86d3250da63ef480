"""Draws videos as points: t-SNE of the features of a network."""

import collections.abc
import dataclasses
import typing

import keras
import numpy as np
from matplotlib import patheffects
from matplotlib.offsetbox import AnnotationBbox
from matplotlib.offsetbox import OffsetImage
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.data import pipeline
from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.data.clips import feature_reader
from keras_vidrec.data.clips.frame_size import resize
from keras_vidrec.data.failures import Failures
from keras_vidrec.data.sources.source import Source
from keras_vidrec.evaluation import protocols
from keras_vidrec.training import joining
from keras_vidrec.videos.video import VideoError
from keras_vidrec.visualization import figures
from keras_vidrec.visualization import layer_tap
from keras_vidrec.visualization import snippet_images

if typing.TYPE_CHECKING:
    from matplotlib.figure import Figure

_FEWEST = 5
_PERPLEXITY = 30
# Features are reduced to this number before t-SNE, to save time and noise.
_DIMENSIONS = 50
_MARKERS = ("o", "^", "s", "D", "v", "P", "X")
# Classes that a legend can distinguish; with more, the names are drawn in the
# figure.
_MOST_IN_LEGEND = 28
_THUMBNAIL = 56
# Number of thumbnails from side to side. Of overlapping ones, the first is
# drawn.
_THUMBNAILS_ACROSS = 18


@dataclasses.dataclass(frozen=True)
class Embedding:
    """The positions of videos in the plane.

    Attributes:
        points: float array `(videos, 2)`.
        videos: list of int: indices of the videos in the source.
        names: list of str: names of the videos.
        labels: list of int; -1 is unknown.
        classes: tuple of str: names of the classes.
        features: int. Number of features of a video.
    """

    points: np.ndarray
    videos: list
    names: list
    labels: list
    classes: tuple
    features: int


def read_features(
    model: keras.Model,
    source: Source,
    videos: collections.abc.Sequence[int],
    verbose: bool = True,
) -> tuple[list[int], np.ndarray]:
    """Computes the inputs of the classifiers of a network for videos: their
    means over the segments, concatenated for several towers.

    Args:
        model: keras.Model of this package.
        source: a `Source` of the inputs of the network.
        videos: sequence of int. Videos of the source.
        verbose: bool. Whether to show a progress bar. Defaults to `True`.

    Returns:
        Tuple of the list of the videos that could be read, and float32
        features `(videos, features)`.

    Raises:
        ValueError: if the network has no clip specification or no classifier,
            or the source does not have its inputs.
        TooManyFailures: if over 5 % of the videos cannot be read.
    """
    spec = describe(model).clip_spec
    classifiers = [
        layer
        for _, layer in layer_tap.walk(model)
        if layer.name == "logits" or layer.name.endswith("_logits")
    ]
    if spec is None or not classifiers:
        raise ValueError(
            "Expected a network of this package with its classifier. "
            f"Received: model={model.name!r}"
        )
    spec = protocols.one_clip(model)
    seen = {}

    def look(layer, inputs, outputs):
        seen[layer.name, id(layer)] = inputs
        return outputs

    found, features = [], []
    clips = pipeline.read_each(
        source,
        spec,
        videos,
        Failures(len(videos)),
        verbose,
        name="features",
        reading={"num_segments": spec.num_segments, "mode": "test"},
    )
    with layer_tap.tap(classifiers, look):
        for index, inputs in clips:
            model(inputs, training=False)
            found.append(int(index))
            features.append(_means(seen.values()))
    return found, np.asarray(features, np.float32)


def embed(
    source: Source,
    videos: collections.abc.Sequence[int],
    features: np.ndarray,
    seed: int = 0,
) -> Embedding:
    """Computes positions of videos in the plane by t-SNE.

    The features are reduced to 50 dimensions by PCA first. The perplexity is
    30, or a third of the videos if there are fewer than 90.

    Args:
        source: a `Source`, with the names and the classes.
        videos: sequence of int. Videos of the source, at least 5.
        features: array `(videos, features)`.
        seed: int. Defaults to `0`.

    Returns:
        `Embedding`.

    Raises:
        ValueError: if there are fewer than 5 videos, or they have several
            labels.

    Reference:
        - [Ma et al., 2017](https://arxiv.org/abs/1703.10667), appendix A.6.
    """
    features = np.asarray(features, np.float64)
    number, dimensions = features.shape
    if label_sets.are_sets(source.labels):
        raise ValueError(
            "Videos are drawn in the color of their class. Expected one label "
            "per video. Received: a dataset with several labels per video"
        )
    if number < _FEWEST:
        raise ValueError(
            f"Expected at least {_FEWEST} videos to draw. Received: {number}"
        )
    if dimensions > _DIMENSIONS:
        kept = min(_DIMENSIONS, number - 1)
        features = PCA(kept, random_state=seed).fit_transform(features)
    points = TSNE(
        perplexity=min(_PERPLEXITY, number / 3),
        init="pca",
        learning_rate="auto",
        random_state=seed,
    ).fit_transform(features)
    return Embedding(
        points,
        list(videos),
        [source.videos[index] for index in videos],
        [int(source.labels[index]) for index in videos],
        tuple(source.classes),
        dimensions,
    )


def draw(
    embedding: Embedding,
    thumbnails: collections.abc.Sequence[np.ndarray | None] | None = None,
    title: str = "Videos by the features of the network",
) -> "Figure":
    """Draws videos as points with the color and shape of their class.

    Args:
        embedding: `Embedding`.
        thumbnails: `None`, or list of `None` and uint8 pictures `(height,
            width, 3)`, which are drawn at the points unless they would overlap.
            Defaults to `None`.
        title: str. Defaults to `"Videos by the features of the network"`.

    Returns:
        `matplotlib.figure.Figure`.
    """
    present = sorted(set(embedding.labels))
    few = len(present) <= _MOST_IN_LEGEND
    figure = figures.new_figure(9.5 if few else 9, 7.5)
    figures.set_title(
        figure,
        title,
        f"{len(embedding.points)} videos of {len(present)} classes, t-SNE of "
        f"{embedding.features} features",
    )
    axes = figure.subplots()
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_aspect("equal", adjustable="datalim")
    for spine in axes.spines.values():
        spine.set_color("#d8dee4")
    labels = np.asarray(embedding.labels)
    for place, label in enumerate(present):
        points = embedding.points[labels == label]
        name = embedding.classes[label] if label >= 0 else "unknown"
        color, marker = _style(place)
        axes.scatter(
            points[:, 0],
            points[:, 1],
            s=34,
            color=color,
            marker=marker,
            edgecolors="white",
            linewidths=0.5,
            zorder=5,  # on the thumbnails, which share colors
            label=name,
        )
        if not few:
            _write(axes, np.median(points, axis=0), name, color)
    if few:
        figure.legend(
            loc="outside right upper",
            frameon=False,
            fontsize=9,
            labelcolor=figures.INK,
        )
    if thumbnails is not None:
        colors = {label: _style(i)[0] for i, label in enumerate(present)}
        _put_thumbnails(
            axes,
            embedding.points,
            thumbnails,
            [colors[label] for label in embedding.labels],
        )
    return figure


def table(embedding: Embedding) -> tuple:
    """Returns the numbers of an `Embedding`: header and rows of video, class, x
    and y."""
    rows = (
        (
            name,
            embedding.classes[label] if label >= 0 else "",
            f"{x:.6g}",
            f"{y:.6g}",
        )
        for name, label, (x, y) in zip(
            embedding.names, embedding.labels, embedding.points
        )
    )
    return ("video", "class", "x", "y"), rows


def read_thumbnails(
    source: Source, videos: collections.abc.Sequence[int]
) -> list[np.ndarray | None]:
    """Reads a small picture of the middle frame of each video; for a dataset
    without frames, of the flow in colors; for features, from the videos that
    they were computed from.

    Args:
        source: a `Source`.
        videos: sequence of int.

    Returns:
        List of uint8 arrays `(height, width, 3)`, `None` for those that cannot
        be read.

    Raises:
        ValueError: if it is not known from which videos features were computed,
            or these do not exist any more.
    """
    if feature_reader.are_features(source):
        images = joining.images_of(source).source
        known = {name: index for index, name in enumerate(images.videos)}
        places = [known.get(source.videos[index]) for index in videos]
        source = images
    else:
        places = list(videos)
    modality = "rgb" if "rgb" in source.modalities else source.modalities[0]
    return [
        None if index is None else _read_thumbnail(source, index, modality)
        for index in places
    ]


def _read_thumbnail(source, index, modality):
    try:
        middle = source.num_frames(index, modality) // 2
        image = source.read(index, modality, [middle])[0]
    except (VideoError, OSError):
        return None
    if not modality.startswith("rgb"):
        image = snippet_images.flow_pictures(image)
    height, width = image.shape[:2]
    scale = _THUMBNAIL / max(height, width)
    size = max(round(height * scale), 1), max(round(width * scale), 1)
    return resize(image, size)


def _means(seen):
    """Returns the mean inputs of all classifiers, concatenated."""
    means = []
    for inputs in seen:
        inputs = keras.ops.convert_to_numpy(keras.ops.cast(inputs, "float32"))
        means.append(inputs.reshape(-1, inputs.shape[-1]).mean(axis=0))
    return np.concatenate(means)


def _style(place):
    # The numbers of colors and markers have no common divisor, so that all
    # pairs occur.
    return (
        figures.MANY_COLORS[place % len(figures.MANY_COLORS)],
        _MARKERS[place % len(_MARKERS)],
    )


def _write(axes, place, name, color):
    axes.annotate(
        name.replace("$", r"\$"),
        place,
        ha="center",
        va="center",
        fontsize=7,
        color=color,
        path_effects=[patheffects.withStroke(linewidth=2, foreground="white")],
    )


def _put_thumbnails(axes, points, thumbnails, colors):
    apart = np.ptp(points, axis=0).max() / _THUMBNAILS_ACROSS
    taken = []
    for point, picture, color in zip(points, thumbnails, colors):
        if picture is None or any(
            np.abs(point - other).max() < apart for other in taken
        ):
            continue
        taken.append(point)
        axes.add_artist(
            AnnotationBbox(
                OffsetImage(picture, zoom=0.5),
                point,
                pad=0.12,
                bboxprops={"edgecolor": color, "linewidth": 1.5},
            )
        )
