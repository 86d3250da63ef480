"""From a video of a source to the clip a network sees: which frames, which
crop, which flip."""

import dataclasses

import numpy as np

from keras_vidrec.data import augmentation as augment
from keras_vidrec.data import color_jitter
from keras_vidrec.data import sampling
from keras_vidrec.data.video import VideoError

TRAINING_CROPS = ("multi_scale", "random_sized", "corner_jitter", "centre")
TEST_CROPS = ("centre", "ten")

# Test crops are cut from frames whose shorter side is 256 for a size of 224.
_CROP_RATIO = 224 / 256


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Which crop and flip training clips get, one draw a clip.

    Args:
        crop: str. `"multi_scale"` (corners and centre, TSN section 3.2),
            `"random_sized"` (area .08-1, ratio 3/4-4/3), `"corner_jitter"`
            (two-stream fusion's: .75-1.25 of the size, near two corners), or
            `"centre"`.
        flip: bool. Mirror half of the clips; the x channel of flow is
            inverted. Defaults to `True`.
        color_jitter: float in [0, 1). Strength of brightness, contrast and
            saturation changes of rgb clips; 0 is none. Defaults to `0.0`.

    Raises:
        ValueError: on any other value.
    """

    crop: str = "multi_scale"
    flip: bool = True
    color_jitter: float = 0.0

    def __post_init__(self):
        for name, valid, expected in (
            ("crop", self.crop in TRAINING_CROPS, f"one of {TRAINING_CROPS}"),
            ("flip", isinstance(self.flip, bool), "true or false"),
            (
                "color_jitter",
                isinstance(self.color_jitter, (int, float))
                and 0 <= self.color_jitter < 1,
                "a number in [0, 1)",
            ),
        ):
            if not valid:
                raise ValueError(
                    f"Invalid `{name}` of the augmentation. Expected "
                    f"{expected}. Received: {name}={getattr(self, name)!r}"
                )


def read_training_clip(source, index, spec, augmentation, rng):
    """One random clip: snippets, crop, flip and colours are drawn from `rng`.

    The crop is drawn on the frames of the first modality; all others show the
    same part of the picture, whatever the size they are stored in.

    Args:
        source: a `Source`.
        index: int. The video.
        spec: `ClipSpec`.
        augmentation: `Augmentation`.
        rng: `numpy.random.Generator`.

    Returns:
        dict of uint8 arrays `(num_segments, size, size, channels)` by
        modality.

    Raises:
        VideoError: if the video cannot be read.
    """
    clip = {}
    crop = None
    jitter = None
    for modality, frames, places in _snippets(
        source, index, spec, spec.num_segments, "train", rng
    ):
        size = frames.shape[1:3]
        if crop is None:  # one draw for all modalities
            drawn_on = size
            crop = _draw_crop(augmentation, *size, spec, rng)
            if augmentation.color_jitter:
                jitter = color_jitter.draw_color_jitter(
                    rng, augmentation.color_jitter
                )
        part = augment.same_region(crop, drawn_on, size)
        images = augment.apply(frames, part, spec.size, modality)
        if jitter is not None and modality.startswith("rgb"):
            images = color_jitter.apply_color(images, jitter)
        clip[modality] = _stack(images, places)
    return clip


def read_test_clip(
    source, index, spec, *, num_segments=None, mode="test", crops="centre"
):
    """The clip a network is tested on; no randomness.

    The crops have `spec.size` pixels and are cut from frames whose shorter
    side is 256 / 224 times as long, the aspect ratio kept; modalities stored
    in another size than the first show the same parts of the picture.

    Args:
        source: a `Source`.
        index: int. The video.
        spec: `ClipSpec`.
        num_segments: `None` (that of `spec`), or int.
        mode: str. `"validation"` or `"test"` grid of `sampling`.
        crops: str. `"centre"`, or `"ten"`: corners, centre and their mirrors.

    Returns:
        dict of uint8 arrays `(num_crops * num_segments, size, size,
        channels)` by modality, all segments of the first crop first.

    Raises:
        VideoError: if the video cannot be read.
    """
    clip = {}
    chosen = None
    for modality, frames, places in _snippets(
        source, index, spec, num_segments or spec.num_segments, mode, None
    ):
        size = frames.shape[1:3]
        if chosen is None:
            chosen_on = size
            chosen = _test_crops(*size, spec, crops)
        parts = [augment.same_region(crop, chosen_on, size) for crop in chosen]
        clip[modality] = np.concatenate(
            [
                _stack(augment.apply(frames, part, spec.size, modality), places)
                for part in parts
            ]
        )
    return clip


def _snippets(source, index, spec, num_segments, mode, rng):
    """Yields `(modality, frames, places)`: every frame needed, read once, and
    for each image of each snippet its place among them."""
    counts = {
        modality: source.num_frames(index, modality)
        for modality in spec.modalities
    }
    for modality, num_frames in counts.items():
        if num_frames < 1:
            raise VideoError(
                source.videos[index],
                f"it has no {modality}: one frame shows no motion. Leave it "
                "out.",
            )
    # The modality with the fewest possible starts decides for all: they lie
    # at the same moments of the video. Of those with as few, that with the
    # fewest images, so that the order of modalities decides nothing.
    lengths = {
        modality: 1
        if spec.alignment == "centred"
        else spec.num_images(modality)
        for modality in counts
    }
    limiting = min(counts, key=lambda m: (counts[m] - lengths[m], counts[m]))
    starts = sampling.segment_indices(
        counts[limiting],
        num_segments,
        lengths[limiting],
        mode=mode,
        scheme=spec.sampling,
        rng=rng,
    )
    for modality, num_frames in counts.items():
        indices = sampling.snippet_indices(
            starts,
            spec.snippet_length,
            spec.num_images(modality),
            num_frames,
            spec.alignment,
        )
        needed, places = np.unique(indices, return_inverse=True)
        frames = source.read(index, modality, needed)
        yield modality, frames, places.reshape(indices.shape)


def _draw_crop(augmentation, height, width, spec, rng):
    if augmentation.crop == "multi_scale":
        crop = augment.multi_scale_crop(
            height, width, spec.size, spec.crop_scales, rng
        )
    elif augmentation.crop == "random_sized":
        crop = augment.random_sized_crop(height, width, rng)
    elif augmentation.crop == "corner_jitter":
        crop = augment.corner_jitter_crop(height, width, spec.size, rng)
    else:
        side = min(height, width)
        crop = augment.centre_crop(
            height, width, side, side, flip=bool(rng.integers(2))
        )
    return crop if augmentation.flip else dataclasses.replace(crop, flip=False)


def _test_crops(height, width, spec, crops):
    side = augment.crop_side(
        height, width, spec.size, round(spec.size / _CROP_RATIO)
    )
    if crops == "ten":
        return augment.ten_crops(height, width, side, side)
    return [augment.centre_crop(height, width, side, side)]


def _stack(images, places):
    """Images gathered into snippets, stacked along the channels."""
    snippets = images[places]  # (num_segments, images, height, width, colours)
    num_segments, _, height, width, _ = snippets.shape
    stacked = np.moveaxis(snippets, 1, 3)  # frame-major channels
    return np.ascontiguousarray(stacked).reshape(
        num_segments, height, width, -1
    )
