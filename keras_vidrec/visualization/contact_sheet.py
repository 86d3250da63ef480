"""A contact sheet of training clips, as the network gets them."""

import collections.abc
import os
import pathlib
import unicodedata

import cv2
import numpy as np

from keras_vidrec.data.augmentation import Augmentation
from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.data.clips import reader
from keras_vidrec.data.sources.source import Source
from keras_vidrec.flow import codec
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import files
from keras_vidrec.videos.video import VideoError
from keras_vidrec.visualization import snippet_images

# Pixels around the images, and above each row for its caption.
GAP = 4
CAPTION = 18

_PAPER = 255
_INK = (0, 0, 0)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_SCALE = 0.45


def contact_sheet(
    source: Source,
    videos: collections.abc.Sequence[int],
    spec: ClipSpec,
    augmentation: Augmentation,
    seed: int = 0,
) -> np.ndarray:
    """Draws random training clips, sampled, cropped and augmented as in
    training, without the steps that mix the clips of a batch.

    There is a row for each video and modality. It has the images of the
    snippets, one after the other, in their own size: rgb as it is; for rgb_diff
    the differences of neighboring frames (gray is no difference); flow in
    colors (the hue is the direction, and the largest motion of the row has full
    color).

    Args:
        source: a `Source`.
        videos: sequence of int. Videos of the source. The captions of videos
            that cannot be read contain the error.
        spec: `ClipSpec`.
        augmentation: `data.augmentation.Augmentation`.
        seed: int. Seed of the random values. Defaults to `0`.

    Returns:
        uint8 array `(height, width, 3)`, R G B. Image c of row r is at
        `(row_top(spec, r), GAP + c * (spec.size + GAP))`.

    Raises:
        ValueError: if the source does not have a modality, there are no
            videos, or a step of the augmentation is unknown.
    """
    for modality in spec.modalities:
        if modality not in source.modalities:
            raise ValueError(
                f"Expected a dataset with {modality}. Received: "
                f"modalities {source.modalities}"
            )
    if not len(videos):
        raise ValueError("Expected videos to draw. Received: none")
    augmentation.check_registered()
    # For folders the code of flow is unknown: that of the network is assumed.
    bound = (source.flow or spec.flow).bound
    rows: list = []
    for index in videos:
        rng = np.random.default_rng((seed, index))
        name = _describe(source, index)
        try:
            clip = reader.read_training_clip(
                source, index, spec, augmentation, rng
            )
        except (VideoError, OSError) as error:
            rows.append((f"{name}: {error}", []))
            continue
        for modality, snippets in clip.items():
            images, unit = _to_images(snippets, modality, bound)
            rows.append((f"{name}  [{modality}{unit}]", images))
    return _draw(rows, spec)


def row_top(spec, row):
    """Returns the position of the images of a row.

    Args:
        spec: `ClipSpec`.
        row: int, from 0.

    Returns:
        int, pixels from the top.
    """
    return row * (CAPTION + spec.size + GAP) + CAPTION


def save_picture(path: str | os.PathLike[str], picture: np.ndarray) -> None:
    """Writes a picture, atomically.

    Args:
        path: path ending in `.png`, `.jpg` or another suffix that OpenCV
            writes.
        picture: uint8 array `(height, width, 3)`, R G B.

    Raises:
        ValueError: if OpenCV does not write such files.
        OSError: if it cannot be written.
    """
    path = pathlib.Path(path)
    try:
        done, content = cv2.imencode(
            path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        )
    except cv2.error:
        done = False
    if not done:
        raise ValueError(
            "Cannot write a picture of this kind. Expected a name such as "
            f"sheet.png. Received: {str(path)!r}, picture of "
            f"{picture.shape[0]} x {picture.shape[1]} pixels"
        )
    with files.replacing(path) as temporary:
        temporary.write_bytes(content.tobytes())


def _describe(source, index):
    names = ()
    if source.classes:
        names = label_sets.names(source.labels[index], source.classes)
    return f"{', '.join(names) or '?'}: {source.videos[index]}"


def _to_images(snippets, modality, bound):
    """Returns a list of pictures of a clip, R G B, and a text about the scale
    of their colors."""
    images = snippet_images.split(snippets, modality)
    unit = ""
    if modality == "rgb_diff":
        images = snippet_images.differences(images)
    elif modality != "rgb":
        flow = codec.decode(images, bound)
        longest = snippet_images.full_color(flow)
        images = codec.to_picture(flow, longest)
        unit = f", full color {longest:.1f} px"
    return list(images.reshape(-1, *images.shape[2:])), unit


def _draw(rows, spec):
    columns = max(len(images) for _, images in rows)
    width = GAP + max(columns, 1) * (spec.size + GAP)
    # A single small image is narrower than its caption.
    width = max(width, max(map(_text_width, rows)) + 2 * GAP)
    height = row_top(spec, len(rows)) - CAPTION
    sheet = np.full((height, width, 3), _PAPER, np.uint8)
    for row, (caption, images) in enumerate(rows):
        top = row_top(spec, row)
        cv2.putText(
            sheet,
            plain_text(caption),
            (GAP, top - GAP),
            _FONT,
            _FONT_SCALE,
            _INK,
            lineType=cv2.LINE_AA,
        )
        for column, image in enumerate(images):
            left = GAP + column * (spec.size + GAP)
            sheet[top : top + spec.size, left : left + spec.size] = image
    return sheet


def _text_width(row):
    (width, _), _ = cv2.getTextSize(plain_text(row[0]), _FONT, _FONT_SCALE, 1)
    return width


def plain_text(text):
    """Returns a text in ASCII, which OpenCV can draw: without accents, and with
    `?` instead of other characters."""
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    printable = (c if " " <= c <= "~" else "?" for c in plain)
    return "".join(printable)
