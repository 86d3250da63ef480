"""A warning about videos that are too short for the sampling of clips."""

import contextlib

from keras_vidrec.data.clips import reader
from keras_vidrec.data.clips import sampling
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs.checks import counted
from keras_vidrec.videos.errors import VideoError


def remark(source, indices, spec: ClipSpec) -> str:
    """Returns a message about videos that are too short for the sampling, so
    that all segments of their training clips are the first snippet, although
    they have others; `""` if there are none.

    Args:
        source: a `Source` of images.
        indices: sequence of int. Videos to train on.
        spec: `ClipSpec` of the training.
    """
    if spec.sampling not in sampling.FIRST_ALONE:
        return ""
    source, found = source.seen_as(spec.frame), []
    for index in indices:
        # Unreadable videos are reported when they are read for training.
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
        f"{needed} images, the least that clip.sampling={spec.sampling} needs "
        f"for {spec.num_segments} segments of {counted(length, 'image')}: all "
        "segments of their training clips are the first "
        f"{'image' if length == 1 else f'{length} images'}. With "
        "clip.sampling=uniform they are spread over the video. The shortest "
        f"is {name}, with {counted(count, 'image')}."
    )
