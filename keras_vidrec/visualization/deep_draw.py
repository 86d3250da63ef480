"""DeepDraw: draws images and flow that maximize the score of a class."""

import dataclasses
import typing

import cv2
import keras
import numpy as np
import tqdm
from keras import ops

from keras_vidrec.evaluation.scorers.scorer import check_sees_videos
from keras_vidrec.specs import checks
from keras_vidrec.visualization import classes
from keras_vidrec.visualization import figures
from keras_vidrec.visualization import gradients
from keras_vidrec.visualization import snippet_images

if typing.TYPE_CHECKING:
    from matplotlib.figure import Figure

# The mean and standard deviation of the initial noise: mid-gray, which is also
# the 8-bit code of no motion.
_MIDDLE = 127.5
_NOISE = 10.0
# Ratio of the sizes of consecutive octaves.
_OCTAVE_RATIO = 1.4
# Mean change of a pixel in a step, and the blur after it in pixels for networks
# of 224 pixels (for other sizes in proportion), at the start and at the end of
# an octave. For frames, steps must be larger than the effect of the blur;
# motion is smooth and small.
_FRAME_PACE = (24.0, 4.0), (2.0, 0.6)
_FLOW_PACE = (6.0, 1.5), (3.5, 1.75)
_BLURS_OF = 224
_JITTER = 1 / 8  # of the size, to each side
_LEAST_SIDE = 16
_INCHES = 2.6


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A clip with a high score of a class.

    Attributes:
        class_name: str.
        clips: dict by modality of uint8 arrays `(segments, size, size,
            channels)`: raw pixels as the network takes them.
        scores: list of `(octave, step, score)`: the logit of the class at each
            step, for the randomly shifted drawing.
        probabilities: pair of float: the probability of the class for the
            initial noise, and for `clips`.
    """

    class_name: str
    clips: dict
    scores: list
    probabilities: tuple


def draw_class(
    model: keras.Model,
    class_name: str,
    *,
    modality: str | None = None,
    octaves: int = 4,
    steps: int = 60,
    seed: int = 0,
    verbose: bool = True,
) -> Drawing:
    """Draws a class: noise is changed step by step to increase the score of the
    class.

    Each step follows the gradient of the logit of the class with respect to the
    raw pixels (the network's own scaling is included). Coarse structures are
    drawn first, on a small canvas that is enlarged for the network; each octave
    continues on a larger canvas, the last one at the network's own size. Each
    step shifts the canvas slightly at random, and blurs it, more at the start
    of an octave than at its end, so that the drawing does not depend on single
    pixels or positions.

    All segments of a clip, and all modalities of a network, are drawn
    together. For networks that classify single snippets, one snippet is drawn.

    Args:
        model: keras.Model of this package that takes images.
        class_name: str.
        modality: `None` (all), or str: the modality that is drawn; the others
            are gray, which is no motion in flow. Defaults to `None`.
        octaves: int. Number of sizes of the canvas. Defaults to `4`.
        steps: int. Number of steps of each octave. Defaults to `60`.
        seed: int. Seed of the noise and the shifts. Defaults to `0`.
        verbose: bool. Whether to show a progress bar. Defaults to `True`.

    Returns:
        `Drawing`.

    Raises:
        ValueError: if the network does not take images, does not have the class
            or modality, or the gradient of the pixels is 0.

    Reference:
        - [Wang et al., 2016](https://arxiv.org/abs/1608.00859), section 4.5
          and figure 3.
    """
    return Drawer(model, modality).draw(
        class_name, octaves=octaves, steps=steps, seed=seed, verbose=verbose
    )


class Drawer:
    """Draws several classes of a network; the gradient is compiled only once.

    Args:
        model: keras.Model of this package that takes images.
        modality: see `draw_class`. Defaults to `None`.

    Raises:
        ValueError: if the network does not take images, or does not have the
            modality.
    """

    def __init__(self, model: keras.Model, modality: str | None = None) -> None:
        self._model = model
        self._spec = check_sees_videos(model)
        if modality not in (None, *self._spec.modalities):
            raise ValueError(
                "Expected a modality of the network, one of "
                f"{self._spec.modalities}. Received: modality={modality!r}"
            )
        self._modality = modality
        self._score_of = _score_of(model, self._canvas(0))

    def draw(
        self,
        class_name: str,
        *,
        octaves: int = 4,
        steps: int = 60,
        seed: int = 0,
        verbose: bool = True,
    ) -> Drawing:
        """Returns the `Drawing` of a class; for arguments and errors see
        `draw_class`."""
        label = classes.index_of(self._model, class_name)
        for name, value in (("octaves", octaves), ("steps", steps)):
            checks.count(name, value)
        canvas = self._canvas(seed)
        start = canvas.pixels(canvas.size)
        scores = []
        bar = tqdm.tqdm(
            desc="drawing",
            total=octaves * steps,
            unit="step",
            # None: the bar is shown on terminals only.
            disable=None if verbose else True,
        )
        with bar:
            for octave in range(octaves):
                canvas.enlarge(_side(canvas.size, octaves - 1 - octave))
                for step in range(steps):
                    score, slopes = self._score_of(
                        canvas.images, np.int32(label), canvas.draw_shift()
                    )
                    if not octave + step and not any(s.any() for s in slopes):
                        raise ValueError(
                            "The class score does not depend on the pixels, "
                            "or the network takes integers. Expected a network "
                            "that takes float32. Received: "
                            f"model={self._model.name!r}"
                        )
                    scores.append((octave + 1, step + 1, score))
                    canvas.change(slopes, step / max(steps - 1, 1))
                    bar.update()
        clips = canvas.pixels(canvas.size)
        before, after = (
            _probability(self._model, canvas.inputs(found), label)
            for found in (start, clips)
        )
        return Drawing(
            class_name,
            {m: clips[m] for m in canvas.drawn},
            scores,
            (before, after),
        )

    def _canvas(self, seed):
        return _Canvas(self._model, self._spec, self._modality, seed)


def draw(drawing: Drawing) -> "Figure":
    """Returns the matplotlib figure of a `Drawing`: frames as they are, flow as
    gray maps of x and y (white right and down, black left and up) and in
    colors. Of a stack of images, the middle one is shown."""
    rows = {}
    for modality, clip in drawing.clips.items():
        rows[modality] = [
            panel
            for snippet in clip
            for panel in panels(snippet[None], modality)
        ]
    columns = max(map(len, rows.values()))
    figure = figures.new_figure(
        max(_INCHES * columns, 4), (_INCHES + 0.3) * len(rows) + 0.6
    )
    before, after = drawing.probabilities
    figures.set_title(
        figure,
        f"DeepDraw of {drawing.class_name}",
        f"probability of the class {100 * after:.0f} %, for the initial noise "
        f"{100 * before:.0f} %",
    )
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes, row in zip(grid, rows.values()):
        for place in axes[len(row) :]:
            place.set_axis_off()
        for place, (picture, title) in zip(axes, row):
            figures.show_image(
                place, picture, title, cmap="gray", vmin=0, vmax=255
            )
    return figure


def table(drawing: Drawing) -> tuple:
    """Returns the numbers of a `Drawing`: header and rows of octave and step
    (from 1), and the logit of the class."""
    rows = (
        (octave, step, f"{score:.6g}") for octave, step, score in drawing.scores
    )
    return ("octave", "step", "score"), rows


class _Canvas:
    """The images that are changed, for each snippet and modality.

    Attributes:
        size: int. Height and width of the network's input in pixels.
        drawn: list of str. The modalities that are changed.
        images: list of float32 arrays `(segments, side, side, channels)` by
            `drawn`.
    """

    def __init__(self, model, spec, modality, seed):
        shape = keras.tree.flatten(model.input)[0].shape
        self.size = shape[2] or shape[3] or spec.size
        self.drawn = [m for m in spec.modalities if modality in (None, m)]
        self._spec = spec
        self._segments = shape[1] or (spec.num_segments if spec.ordered else 1)
        self._rng = np.random.default_rng(seed)
        self.images = [
            self._rng.normal(_MIDDLE, _NOISE, self._shape(m, self.size)).astype(
                np.float32
            )
            for m in self.drawn
        ]

    def inputs(self, clips):
        """Returns the input of the network: the drawn clips, and gray for the
        other modalities."""
        found = {
            m: clips[m]
            if m in clips
            else np.full(self._shape(m, self.size), _MIDDLE, np.float32)
            for m in self._spec.modalities
        }
        found = {
            m: ops.convert_to_tensor(clip, "float32")[None]
            for m, clip in found.items()
        }
        if len(found) == 1:
            (found,) = found.values()
        return found

    def enlarge(self, side):
        """Resizes the images."""
        self.images = [_resized(image, side) for image in self.images]

    def draw_shift(self):
        """Returns a random shift in pixels, down and right."""
        most = max(round(self.size * _JITTER), 1)
        return self._rng.integers(-most, most + 1, 2).astype(np.int32)

    def change(self, slopes, progress):
        """Changes the images along the gradients, and blurs them. `progress` is
        the position in the octave, 0..1."""
        for modality, image, slope in zip(self.drawn, self.images, slopes):
            is_frame = modality.startswith("rgb")
            step, blur = (
                first + (last - first) * progress
                for first, last in (_FRAME_PACE if is_frame else _FLOW_PACE)
            )
            blur *= self.size / _BLURS_OF
            image += step * slope / (np.abs(slope).mean() + 1e-12)
            for snippet in image:
                snippet[:] = cv2.GaussianBlur(snippet, (0, 0), blur)
            np.clip(image, 0, 255, out=image)

    def pixels(self, side):
        """Returns the drawn clips with a size: dict by modality of uint8
        arrays."""
        return {
            m: np.rint(_resized(image, side)).astype(np.uint8)
            for m, image in zip(self.drawn, self.images)
        }

    def _shape(self, modality, side):
        return self._segments, side, side, self._spec.channels(modality)


def _score_of(model, canvas):
    """Returns a function from images, a class and a shift to the logit of the
    class and its gradients with respect to the images."""
    network = classes.logits_model(model)
    size = canvas.size

    def score(images, label, shift):
        clips = {}
        for modality, image in zip(canvas.drawn, images):
            if image.shape[1] != size:
                image = ops.image.resize(image, (size, size))
            clips[modality] = ops.roll(image, (shift[0], shift[1]), (1, 2))
        logits = network(canvas.inputs(clips), training=False)
        return ops.take(logits[0], label)

    return gradients.differentiate(score, compiled=True)


def _probability(model, inputs, label):
    network = classes.logits_model(model)
    probabilities = ops.softmax(network(inputs, training=False)[0])
    return float(ops.convert_to_numpy(probabilities)[label])


def _side(size, octaves_left):
    """Returns the size of the canvas in an octave."""
    side = round(size / _OCTAVE_RATIO**octaves_left)
    return max(side, min(_LEAST_SIDE, size))


def _resized(images, side):
    if images.shape[1] == side:
        return images
    way = cv2.INTER_AREA if side < images.shape[1] else cv2.INTER_LINEAR
    # One channel at a time, because OpenCV limits the number of channels.
    return np.stack(
        [
            np.stack(
                [
                    cv2.resize(channel, (side, side), interpolation=way)
                    for channel in np.moveaxis(image, -1, 0)
                ],
                axis=-1,
            )
            for image in images
        ]
    )


def panels(snippet: np.ndarray, modality: str) -> list[tuple[np.ndarray, str]]:
    """Returns a list of pictures of a snippet `(1, height, width, channels)`
    and their titles: for flow x and y in gray, and both in colors."""
    if modality.startswith("rgb"):
        (picture,) = snippet_images.middle_pictures(snippet, modality)
        return [(picture, modality)]
    images = snippet_images.split(snippet, modality)[0]
    x, y = np.moveaxis(images[len(images) // 2], -1, 0)
    (colors,) = snippet_images.middle_pictures(snippet, modality)
    return [
        (x, f"{modality} x: white is right"),
        (y, f"{modality} y: white is down"),
        (colors, f"{modality} in colors"),
    ]
