"""Reads the clips of a video that are the input of a network: selects frames,
crops and mirrors them."""

import numpy as np

from keras_vidrec.data.clips import regions
from keras_vidrec.data.clips import sampling
from keras_vidrec.specs import TEST_CROPS
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.specs import checks
from keras_vidrec.videos.video import VideoError

WHOLE_FRAMES = ("frame", "frame_and_mirror")
FLOWS = ("flow", "warped_flow")


def read_training_clip(source, index, spec, augmentation, rng):
    """Reads a random clip of a video. Its snippets and all random values of the
    augmentation are drawn from `rng`, once for all frames and modalities.

    Frames are resized according to `spec.frame`, then the crop is drawn for the
    size of those of the first modality. The other modalities show the same part
    of the picture, also if their frames have another size.

    Args:
        source: a `Source`.
        index: int. The video.
        spec: `ClipSpec`.
        augmentation: `Augmentation`. Its steps for batches are not applied.
        rng: `np.random.Generator`.

    Returns:
        dict of uint8 arrays `(num_segments, size, size, channels)` by
        modality.

    Raises:
        VideoError: if the video cannot be read.
    """
    source = source.seen_as(spec.frame)
    clip = {}
    region = None
    for modality, frames, places in _snippets(
        source, index, spec, spec.num_segments, "train", rng
    ):
        size = frames.shape[1:3]
        if region is None:  # one draw for all modalities
            drawn_on = size
            region, drawn = augmentation.draw(rng, *size, spec)
        part = regions.same_region(region, drawn_on, size)
        images = regions.apply(frames, part, spec.size, modality)
        images, places = augmentation.apply(images, places, modality, drawn)
        clip[modality] = stack((images,), 1, places)
    return clip


def check_protocol(
    spec: ClipSpec, crops: str, num_clips: int = 1, mode: str = "test"
) -> None:
    """Raises a `ValueError` if `read_test_clip` does not accept these
    arguments: unknown crops, or several clips per video with a sampling other
    than chunks or uniform, or in a mode other than `"test"`."""
    checks.choice("crops", crops, TEST_CROPS)
    check_clips(spec, num_clips, mode)


def check_clips(spec: ClipSpec, num_clips: int, mode: str) -> None:
    """Raises a `ValueError` if this number of clips per video is not possible
    with the sampling of `spec` in this mode."""
    num_clips = sampling.count("num_clips", num_clips)
    several = spec.sampling in ("chunks", "uniform") and mode == "test"
    if num_clips > 1 and not several:
        raise ValueError(
            "Only chunks and uniform segments are tested in several clips of "
            'a video. Expected num_clips=1, or mode="test" and sampling='
            '"chunks" or "uniform". Received: '
            f"num_clips={num_clips}, sampling={spec.sampling!r}, mode={mode!r}"
        )


def clip_starts(
    num_frames, snippet_length, spec, num_segments, mode, rng=None, num_clips=1
):
    """Returns the starts of the snippets of one or several clips of a video,
    for every sampling except chunks and spread.

    For several clips (STFN's sequences) each segment is divided into
    `num_clips` equal parts; clip c takes the middle of part c of each segment.

    Args:
        num_frames, num_segments, snippet_length, mode, rng: as for
            `sampling.segment_indices`.
        spec: `ClipSpec`.
        num_clips: int, at least 1. Defaults to `1`.

    Returns:
        int64 array `(num_clips * num_segments,)`; the segments of a clip are
        adjacent.
    """
    starts = sampling.segment_indices(
        num_frames,
        num_segments * num_clips,
        snippet_length,
        mode=mode,
        scheme=spec.sampling,
        rng=rng,
    )
    return starts.reshape(num_segments, num_clips).T.reshape(-1)


def read_test_clip(
    source,
    index,
    spec,
    *,
    num_segments=None,
    num_clips=1,
    mode="test",
    crops="center",
):
    """Reads the test clips of a video in all crops, without randomness.

    Frames are resized according to `spec.frame`. Crops are squares whose side
    is 224 / 256 of the frame's shorter side, resized to `spec.size` pixels.
    Modalities whose frames have another size show the same parts of the
    picture, resized to the same size.

    Args:
        source: a `Source`.
        index: int. The video.
        spec: `ClipSpec`.
        num_segments: `None` (that of `spec`), or int. Segments of each clip.
            Defaults to `None`.
        num_clips: int. Clips of the video; more than one is only possible with
            the samplings chunks and uniform and the mode `"test"`. Defaults to
            `1`.
        mode: str. `"validation"` or `"test"`, see `sampling`. Defaults to
            `"test"`.
        crops: str. `"center"`; `"ten"`: corners, center and their mirrors;
            `"frame"`: the whole frame, whose shorter side becomes 256 / 224
            times `spec.size`, with the aspect of the frame; or
            `"frame_and_mirror"`: that and its mirror. Defaults to `"center"`.

    Returns:
        dict of uint8 arrays `(num_crops * num_clips * num_segments, height,
        width, channels)` by modality: all clips of the first crop, then those
        of the next; the segments of a clip are adjacent.

    Raises:
        VideoError: if the video cannot be read.
        ValueError: if `check_protocol` does not accept the arguments.
    """
    check_protocol(spec, crops, num_clips, mode)
    source = source.seen_as(spec.frame)
    num_segments = num_segments or spec.num_segments
    clip = {}
    chosen = None
    for modality, frames, places in _snippets(
        source, index, spec, num_segments, mode, None, num_clips
    ):
        size = frames.shape[1:3]
        if chosen is None:
            chosen_on = size
            chosen, shown = crops_of_test(*size, spec, crops)
        parts = [regions.same_region(crop, chosen_on, size) for crop in chosen]
        clip[modality] = stack(
            (regions.apply(frames, part, shown, modality) for part in parts),
            len(parts),
            places,
        )
    return clip


def image_indices(counts, spec, num_segments, mode, rng=None, num_clips=1):
    """Returns the indices of the images that the snippets of a video read. All
    modalities show the same moments of the video.

    Args:
        counts: dict of int, at least 1, by modality: the number of images of
            the video.
        spec, num_segments, mode, rng, num_clips: as for `clip_starts`.

    Returns:
        dict of int64 arrays `(num_clips * num_segments,
        spec.num_images(modality))` by modality; the segments of a clip are
        adjacent.
    """
    if spec.sampling == "spread":
        check_clips(spec, num_clips, mode)
        starts = sampling.spread_indices(
            *_common_positions(counts, spec), num_segments, mode=mode, rng=rng
        )
    elif spec.sampling == "chunks":
        starts = sampling.chunk_indices(
            *_common_positions(counts, spec),
            num_segments,
            spec.stride,
            mode=mode,
            num_clips=num_clips,
            rng=rng,
        )
    else:
        starts = _segment_starts(
            counts, spec, num_segments, mode, rng, num_clips
        )
    return {
        modality: sampling.snippet_indices(
            starts,
            spec.snippet_length,
            spec.num_images(modality),
            num_frames,
            spec.alignment,
        )
        for modality, num_frames in counts.items()
    }


def _snippets(source, index, spec, num_segments, mode, rng, num_clips=1):
    """Yields `(modality, frames, places)`: the images that a clip needs, each
    read once, and an array `(num_segments, images of a snippet)` of the index
    of each image of the clip in `frames`."""
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
    wanted = image_indices(counts, spec, num_segments, mode, rng, num_clips)
    for modality, indices in wanted.items():
        needed, places = np.unique(indices, return_inverse=True)
        frames = source.read(index, modality, needed)
        yield modality, frames, places.reshape(indices.shape)


def _common_positions(
    counts: dict[str, int], spec: ClipSpec
) -> tuple[int, int]:
    """Returns the first and the last position of a snippet that is valid in
    every modality."""
    first, last = zip(
        *(
            sampling.valid_positions(
                num_frames,
                spec.snippet_length,
                spec.num_images(modality),
                spec.alignment,
            )
            for modality, num_frames in counts.items()
        )
    )
    return max(first), min(last)


def _segment_starts(counts, spec, num_segments, mode, rng, num_clips):
    if spec.sampling == "feature_grid":
        # The authors count the images of flow, also for frames.
        num_flows = min(n - (m not in FLOWS) for m, n in counts.items())
        return clip_starts(
            max(num_flows, 1), 1, spec, num_segments, mode, rng, num_clips
        )
    return clip_starts(
        *limiting(counts, spec), spec, num_segments, mode, rng, num_clips
    )


def limiting(counts: dict[str, int], spec: ClipSpec) -> tuple[int, int]:
    """Returns the number of images and the length of snippets of the modality
    with the fewest possible starts, which limits the starts in all modalities.

    Args:
        counts, spec: as for `image_indices`.

    Returns:
        `(count, length)`: the number of images, and the number of images that a
        snippet reads from its start on.
    """
    # If several have the same number of starts, the one with the fewest images:
    # the result does not depend on the order of modalities.
    lengths = {
        modality: spec.num_images(modality)
        if spec.alignment == "forward"
        else 1
        for modality in counts
    }
    name = min(counts, key=lambda m: (counts[m] - lengths[m], counts[m]))
    return counts[name], lengths[name]


def crops_of_test(height, width, spec, crops):
    """Returns the crops of a test for frames of a size; see `read_test_clip`.

    Returns:
        `(crops, size)`: a list of `regions.Region`, and the size to which they
        are resized, an int or a pair `(height, width)`.
    """
    if crops in WHOLE_FRAMES:
        mirrors = (False, True) if crops == "frame_and_mirror" else (False,)
        whole = round(spec.size / regions.TEST_SHARE)
        return (
            [regions.Region(0, 0, height, width, flip) for flip in mirrors],
            FrameSpec(f"short{whole}").of(height, width),
        )
    side = regions.crop_side(height, width)
    if crops == "ten":
        return regions.ten_crops(height, width, side, side), spec.size
    return [regions.center_crop(height, width, side, side)], spec.size


def stack(crops, num_crops, places):
    """Gathers the images of each crop into snippets, stacked along the
    channels.

    Args:
        crops: iterable of `num_crops` uint8 arrays `(num_images, height,
            width, colors)`, all of one size.
        num_crops: int.
        places: int array `(num_segments, images of a snippet)`: the index of
            each image among `num_images`.

    Returns:
        uint8 array `(num_crops * num_segments, height, width, images of a
        snippet * colors)`: all snippets of the first crop, then those of the
        next.
    """
    num_segments, num_images = places.shape
    for number, images in enumerate(crops):
        if number == 0:
            _, height, width, colors = images.shape
            shape = (num_crops * num_segments, height, width)
            # Filled in place, without copies: clips of whole frames are large.
            clip = np.empty((*shape, num_images, colors), np.uint8)
        part = clip[number * num_segments : (number + 1) * num_segments]
        for segment, needed in zip(part, places):
            for channels, place in enumerate(needed):
                segment[:, :, channels] = images[place]
    return clip.reshape(*shape, num_images * colors)
