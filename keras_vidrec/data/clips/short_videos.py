"""Videos that are too short for the way their clips are sampled."""

import contextlib

from keras_vidrec.data.clips import reader
from keras_vidrec.data.clips import sampling
from keras_vidrec.specs import ClipSpec
from keras_vidrec.videos.errors import VideoError


def remark(source, indices, spec: ClipSpec) -> str:
    """A line on the videos whose training clips have all their segments at the
    first image, though there are others; or nothing.

    Args:
        source: a `Source` of images.
        indices: sequence of int. Videos to train on.
        spec: `ClipSpec` of the training.
    """
    if spec.sampling not in sampling.FIRST_ALONE:
        return ""
    source, found = source.seen_as(spec.frame), []
    for index in indices:
        # Unreadable videos are reported elsewhere.
        with contextlib.suppress(VideoError, OSError):
            counts = {m: source.num_frames(index, m) for m in spec.modalities}
            count, length = reader.limiting(counts, spec)
            if sampling.is_first_alone(
                count, spec.num_segments, length, spec.sampling
            ):
                found.append((count, length, source.videos[index]))
    if not found:
        return ""
    count, length, name = min(found)
    needed = sampling.FIRST_ALONE[spec.sampling](spec.num_segments, length)
    return (
        f"{len(found)} of {len(indices)} videos to train on have fewer than "
        f"{needed} images, which {spec.num_segments} segments of {length} "
        f"take by {spec.sampling}: all segments of their clips are the first "
        f"{'image' if length == 1 else f'{length} images'}. With "
        "clip.sampling=uniform they are spread over the video. The shortest "
        f"is {name}, of {count}."
    )
