"""Draws the modalities of a video: frames, differences and flow."""

import dataclasses

import numpy as np
from matplotlib.figure import Figure

from keras_vidrec.data.sources import video_files
from keras_vidrec.data.sources.source import Source
from keras_vidrec.flow import codec
from keras_vidrec.flow import extraction
from keras_vidrec.specs import MODALITIES
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.specs import checks
from keras_vidrec.videos.video import VideoError
from keras_vidrec.visualization import figures
from keras_vidrec.visualization import snippet_images

_FLOWS = ("flow", "warped_flow")
_INCHES = 1.8
_AXES = ("x", "y")


@dataclasses.dataclass(frozen=True)
class ModalityFrames:
    """Some frames of a video in all modalities.

    Attributes:
        video: str. Name of the video.
        indices: list of int: numbers of the frames, from 0.
        images: dict by modality of uint8 arrays `(frames, height, width,
            channels)`, as the input pipeline reads them: for `rgb` the frames,
            R G B; for `rgb_diff` each frame and the next one; for flow x and y
            from each frame to the next, in the 8-bit code.
        flow: `FlowSpec` of the flow, as far as known.
        computed: tuple of str. The modalities that were computed, not read.
    """

    video: str
    indices: list
    images: dict
    flow: FlowSpec
    computed: tuple


def read(
    source: Source,
    index: int = 0,
    *,
    num_frames: int = 4,
    frame: FrameSpec | None = None,
    flow: FlowSpec | None = None,
) -> ModalityFrames:
    """Reads evenly spaced frames of a video in all modalities.

    Modalities that the source does not have are computed from its frames, if it
    has frames.

    Args:
        source: a `Source`, such as `data.VideoFiles` or `data.Records`.
        index: int. Index of the video. Defaults to `0`.
        num_frames: int. Largest number of frames. Defaults to `4`.
        frame: `None` (as they are stored, or `FrameSpec()`), or `FrameSpec`:
            how frames are resized first. Defaults to `None`.
        flow: `None` (that of other flow of the source, or `FlowSpec()`, TV-L1),
            or `FlowSpec`: how missing flow is computed. Defaults to `None`.

    Returns:
        `ModalityFrames`.

    Raises:
        ValueError: if `num_frames` is not a positive integer, the source has
            features, or `flow` differs from the flow of the source.
        VideoError: if the video cannot be read, or has a single frame.
    """
    checks.count("num_frames", num_frames)
    held = [m for m in MODALITIES if m in source.modalities]
    if not held or source.kind == "features":
        raise ValueError(
            "Expected a source of images. Received: one of "
            f"{tuple(source.modalities)}"
        )
    if None not in (flow, source.flow) and flow != source.flow:
        raise ValueError(
            "Expected the flow of the source, or None. Received: "
            f"flow={flow}, and a source with {source.flow}"
        )
    flow = source.flow or flow or FlowSpec()
    source = source.seen_as(frame or source.stored_as or FrameSpec())
    made: tuple[str, ...] = ()
    if "rgb" in held:
        made = tuple(m for m in _FLOWS if m not in held)
    number = min(source.num_frames(index, m) - (m not in _FLOWS) for m in held)
    if number < 1:
        raise VideoError(
            source.videos[index],
            "it has a single frame, so there is no motion. Expected at least 2 "
            "frames.",
        )
    indices = (np.arange(num_frames) + 0.5) * number / num_frames
    indices = np.unique(indices.astype(int))
    images = {}
    for modality in MODALITIES:
        if modality == "rgb_diff" and modality in held:
            pairs = np.stack([indices, indices + 1], axis=1).reshape(-1)
            frames = source.read(index, modality, pairs)
            # Two frames, stacked along the channels.
            both = frames.reshape(-1, 2, *frames.shape[1:])
            images[modality] = np.concatenate([both[:, 0], both[:, 1]], -1)
        elif modality in held:
            images[modality] = source.read(index, modality, indices)
        elif modality in made:
            images[modality] = _make(source, index, indices, modality, flow)
    return ModalityFrames(
        source.videos[index],
        indices.tolist(),
        images,
        flow,
        _FLOWS if source.kind == "videos" else made,
    )


def missing(shown: ModalityFrames) -> tuple:
    """Returns the modalities that the source does not have and that could not
    be computed: tuple of str."""
    return tuple(m for m in MODALITIES if m not in shown.images)


def pictures(shown: ModalityFrames) -> dict:
    """Returns the pictures of `ModalityFrames`: dict by name of `(modality,
    uint8 array)`, with one picture for each frame.

    `rgb` is unchanged; `rgb_diff` is 127.5 plus half of the difference between
    the next frame and this one (gray is no difference); x and y of flow are as
    stored: gray (128) is no motion, white is right and down.
    """
    found = {}
    for modality, images in shown.images.items():
        if modality == "rgb":
            found[modality] = modality, images
        elif modality == "rgb_diff":
            snippets = snippet_images.split(images, modality)
            differences = snippet_images.differences(snippets)[:, 0]
            found[modality] = modality, differences
        else:
            for place, axis in enumerate(_AXES):
                found[f"{modality} {axis}"] = modality, images[..., place]
    return found


def draw(shown: ModalityFrames) -> Figure:
    """Returns the matplotlib figure of `ModalityFrames`: a row for each name of
    `pictures`, and a column for each frame.

    Reference:
        - [Wang et al., 2016](https://arxiv.org/abs/1608.00859), figure 2.
    """
    rows = pictures(shown)
    height, width = next(iter(rows.values()))[1].shape[1:3]
    columns = len(shown.indices)
    figure = figures.new_figure(
        max(_INCHES * columns + 0.6, 4.5),
        (_INCHES * height / width + 0.1) * len(rows) + 1,
    )
    flows = [m for m in _FLOWS if m in shown.images]
    how = f"flow by {shown.flow.method}, " if flows else ""
    figures.set_title(
        figure,
        f"The modalities of {shown.video}",
        f"{how}black to white is -{shown.flow.bound:g} to "
        f"{shown.flow.bound:g} px, right and down"
        if flows
        else "",
    )
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes, index in zip(grid[0], shown.indices):
        axes.set_title(f"frame {index}", fontsize=8, color=figures.FAINT, pad=3)
    for line, (name, (modality, images)) in zip(grid, rows.items()):
        for axes, image in zip(line, images):
            figures.show_image(axes, image, cmap="gray", vmin=0, vmax=255)
        made = "\n(computed)" if modality in shown.computed else ""
        line[0].set_ylabel(name + made, fontsize=8, color=figures.INK)
    return figure


def table(shown: ModalityFrames) -> tuple:
    """Returns the numbers of `ModalityFrames`: header and rows of frame,
    picture, `read` or `made`, and the mean, mean absolute value and largest
    absolute value: of frames in 0..255, of their differences in -255..255, of
    flow in pixels."""

    def rows():
        for modality, images in shown.images.items():
            how = "made" if modality in shown.computed else "read"
            for name, values in _values(modality, images, shown.flow.bound):
                for index, one in zip(shown.indices, values):
                    sizes = np.abs(one)
                    numbers = one.mean(), sizes.mean(), sizes.max()
                    yield index, name, how, *(f"{n:.6g}" for n in numbers)

    return ("frame", "picture", "how", "mean", "mean_size", "most_size"), rows()


def _make(source, index, indices, modality, flow):
    """Computes the flow of frames of a source, in the 8-bit code."""
    needed, places = np.unique([indices, indices + 1], return_inverse=True)
    frames = source.read(index, "rgb", needed)
    firsts, seconds = places.reshape(2, -1)
    grays = [extraction.gray(frame) for frame in frames]
    pairs = (
        (slot, grays[first], grays[second])
        for slot, (first, second) in enumerate(zip(firsts, seconds))
    )
    codes = np.empty((len(indices), *frames.shape[1:3], 2), np.uint8)
    for slot, code in video_files.flow_codes(pairs, modality, flow):
        codes[slot] = code
    return codes


def _values(modality, images, bound):
    """Yields names of pictures and the values of their pixels."""
    if modality == "rgb":
        yield modality, images.astype(np.float32)
    elif modality == "rgb_diff":
        frames = images.astype(np.float32)
        yield modality, frames[..., 3:] - frames[..., :3]
    else:
        flow = codec.decode(images, bound)
        for place, axis in enumerate(_AXES):
            yield f"{modality} {axis}", flow[..., place]
