"""From a video of a source to the clip a network sees: which frames, which
crop, which flip."""

import numpy as np

from keras_vidrec.data.clips import regions
from keras_vidrec.data.clips import sampling
from keras_vidrec.specs import TEST_CROPS
from keras_vidrec.specs import FrameSpec
from keras_vidrec.specs import checks
from keras_vidrec.videos.video import VideoError

WHOLE_FRAMES = ("frame", "frame_and_mirror")
FLOWS = ("flow", "warped_flow")


def read_training_clip(source, index, spec, augmentation, rng):
    """One random clip: snippets, its crop, and all other steps of the
    augmentation are drawn from `rng`, once for all frames and modalities.

    Frames are resized as `spec.frame` says, then the crop is drawn on those
    of the first modality; all others show the same part of the picture,
    whatever size they have.

    Args:
        source: a `Source`.
        index: int. The video.
        spec: `ClipSpec`.
        augmentation: `Augmentation`. Its steps of batches are not for single
            clips.
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


def check_protocol(spec, crops, num_clips=1, mode="test"):
    """Refuses, by a `ValueError`, what `read_test_clip` cannot read: unknown
    crops, or several clips of anything else than chunks or uniform segments,
    or in another mode than `"test"`."""
    checks.choice("crops", crops, TEST_CROPS)
    check_clips(spec, num_clips, mode)


def check_clips(spec, num_clips, mode):
    """Raises a `ValueError` if a video has no such number of clips."""
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
    """Starts of the snippets of a video, or of several clips of it, of any
    sampling but chunks.

    Of `num_clips` clips of uniform segments (STFN's sequences), clip c takes
    the c-th of as many parts of each segment, at their middles.

    Args:
        num_frames, num_segments, snippet_length, mode, rng: as for
            `sampling.segment_indices`.
        spec: `ClipSpec`.
        num_clips: int, at least 1. Defaults to `1`.

    Returns:
        int64 array `(num_clips * num_segments,)`, the segments of a clip
        together.
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
    """The clip a network is tested on, or its clips; no randomness.

    Frames are resized as `spec.frame` says. Crops are squares of 224 / 256 of
    their shorter side, resized to `spec.size` pixels; modalities of another
    size than the first show the same parts of the picture, as large.

    Args:
        source: a `Source`.
        index: int. The video.
        spec: `ClipSpec`.
        num_segments: `None` (that of `spec`), or int. Of each clip.
        num_clips: int. Clips of the video; more than one of chunks and of
            uniform segments only, in the mode `"test"`. Defaults to `1`.
        mode: str. `"validation"` or `"test"` grid of `sampling`.
        crops: str. `"center"`; `"ten"`: corners, center and their mirrors;
            `"frame"`: the whole frame, whose shorter side becomes 256 / 224
            times `spec.size`, the aspect of the resized frame kept; or
            `"frame_and_mirror"`: that and its mirror.

    Returns:
        dict of uint8 arrays `(num_crops * num_clips * num_segments, height,
        width, channels)` by modality: the segments of a clip together, all
        clips of the first crop first.

    Raises:
        VideoError: if the video cannot be read.
        ValueError: if `check_protocol` refuses this.
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
    """Which images the snippets of a video read. All modalities show the same
    moments of it.

    Args:
        counts: dict of int, at least 1, by modality: images of the video.
        spec, num_segments, mode, rng, num_clips: as for `clip_starts`.

    Returns:
        dict of int64 arrays `(num_clips * num_segments,
        spec.num_images(modality))` by modality: the segments of a clip
        together.
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
    wanted = image_indices(counts, spec, num_segments, mode, rng, num_clips)
    for modality, indices in wanted.items():
        needed, places = np.unique(indices, return_inverse=True)
        frames = source.read(index, modality, needed)
        yield modality, frames, places.reshape(indices.shape)


def _common_positions(counts, spec):
    """The positions of a chunk that are valid in every modality."""
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
        # The authors count flow for frames too.
        num_flows = min(n - (m not in FLOWS) for m, n in counts.items())
        return clip_starts(
            max(num_flows, 1), 1, spec, num_segments, mode, rng, num_clips
        )
    return clip_starts(
        *limiting(counts, spec), spec, num_segments, mode, rng, num_clips
    )


def limiting(counts, spec):
    """The images of the modality that decides where the snippets of all
    begin, and how many of them a snippet reads from there: that with the
    fewest possible starts.

    Args:
        as of `image_indices`.
    """
    # Of those with as few, that with the fewest images, so that the order of
    # modalities decides nothing.
    lengths = {
        modality: spec.num_images(modality)
        if spec.alignment == "forward"
        else 1
        for modality in counts
    }
    name = min(counts, key=lambda m: (counts[m] - lengths[m], counts[m]))
    return counts[name], lengths[name]


def crops_of_test(height, width, spec, crops):
    """What of a frame is shown in a test; see `read_test_clip`.

    Returns:
        `(crops, size)`: a list of `regions.Region`, and the size that they
        are resized to, an int or a pair `(height, width)`.
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
    """Images of crops gathered into snippets, stacked along the channels: uint8
    `(num_crops * num_segments, height, width, images of a snippet * colors)`,
    all snippets of the first crop first.

    Args:
        crops: iterable of `num_crops` uint8 arrays `(num_images, height,
            width, colors)`, all of one size.
        num_crops: int.
        places: int array `(num_segments, images of a snippet)` into
            `num_images`.
    """
    num_segments, num_images = places.shape
    for number, images in enumerate(crops):
        if number == 0:
            _, height, width, colors = images.shape
            shape = (num_crops * num_segments, height, width)
            # Filled in place: whole clips of whole frames are large.
            clip = np.empty((*shape, num_images, colors), np.uint8)
        part = clip[number * num_segments : (number + 1) * num_segments]
        for segment, needed in zip(part, places):
            for channels, place in enumerate(needed):  # frame-major
                segment[:, :, channels] = images[place]
    return clip.reshape(*shape, num_images * colors)
