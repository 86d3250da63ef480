"""Frame-exact reading of video files."""

import collections.abc
import contextlib
import os
import typing

import numpy as np

from keras_vidrec.specs import checks
from keras_vidrec.specs.checks import counted
from keras_vidrec.videos import examination
from keras_vidrec.videos import opening
from keras_vidrec.videos.decoder import DEINTERLACE
from keras_vidrec.videos.decoder import Decoder
from keras_vidrec.videos.errors import VideoError as VideoError
from keras_vidrec.videos.health import Health
from keras_vidrec.videos.opening import MAX_PIXELS as MAX_PIXELS
from keras_vidrec.videos.packet_index import PacketIndex
from keras_vidrec.videos.packet_index import PositionError


def probe(
    path: str | os.PathLike[str] | typing.BinaryIO,
    deinterlace: str | None = None,
) -> Health:
    """Checks a video by decoding all of it.

    Args:
        path: str or path-like, a video file; or an open binary file that can
            seek and has a `name`.
        deinterlace: `None` (frames as stored), or FFmpeg's filter for all
            frames: `"yadif"` (one frame per frame) or `"bob"` (one per field,
            that is two). Defaults to `None`.

    Returns:
        A `Health`.

    Raises:
        VideoError: if no frame can be decoded.
    """
    return _examine(path, deinterlace)[0]


def frame_times(
    path: str | os.PathLike[str] | typing.BinaryIO,
    deinterlace: str | None = None,
) -> np.ndarray | None:
    """The presentation times of the frames of a video, found by decoding all of
    it.

    Args:
        path: see `probe`.
        deinterlace: see `probe`. Defaults to `None`.

    Returns:
        float64 array `(num_frames,)`: seconds from the first frame, strictly
        increasing; `None` if the file has no time stamps.

    Raises:
        VideoError: if no frame can be decoded.
    """
    return _examine(path, deinterlace)[1].seconds


def iter_frames(
    path: str | os.PathLike[str] | typing.BinaryIO,
    deinterlace: str | None = None,
    examined: collections.abc.Callable | None = None,
) -> collections.abc.Iterator[np.ndarray]:
    """Reads a video from the first frame to the last, in constant memory.

    Args:
        path: see `probe`.
        deinterlace: see `probe`. Defaults to `None`.
        examined: `None`, or callable. It is called with the `Health` and the
            `FrameTimes` of the video after the last frame, so that they need
            no second pass. Defaults to `None`.

    Yields:
        uint8 array `(height, width, 3)`, R G B.

    Raises:
        VideoError: if no frame can be decoded, when the first one is requested.
    """
    checks.choice("deinterlace", deinterlace, DEINTERLACE)
    with opening.opened(path) as (container, stream):
        decoder = Decoder(path, container, stream, deinterlace=deinterlace)
        yield decoder.retrieve()
        while decoder.advance():
            yield decoder.retrieve()
        if examined is not None:
            found = examination.summary(container, stream, decoder, deinterlace)
            examined(*found)


def read_frames(
    path: str | os.PathLike[str] | typing.BinaryIO,
    indices: collections.abc.Sequence[int] | np.ndarray,
    num_frames: int | None = None,
    deinterlace: str | None = None,
) -> np.ndarray:
    """Reads some frames of a video, exactly those that `iter_frames` yields.

    Frames are decoded up to the last wanted one, and only wanted ones are
    converted. With `num_frames` it seeks in mp4, mov, mkv and webm files whose
    time stamps identify each frame, and for H.264 and MPEG-4 it does not decode
    unwanted frames that no other is predicted from. Otherwise, the video is
    read sequentially. The frames are the same; only a frame with damaged data
    may be repaired differently.

    The pixels are those of `ffmpeg -f rawvideo -pix_fmt rgb24`: frames are
    rotated to be upright and resized to the size of the first one, but not
    resized to correct for non-square pixels. Frames of high dynamic range are
    mapped by `tone_mapping`. A frame has at most `MAX_PIXELS` pixels. Apart
    from the decoder's buffers, the memory is that of the result and one frame.

    Args:
        path: see `probe`.
        indices: sequence of int from 0, in any order, repetitions allowed.
        num_frames: `None`, or int. The true number of frames, as `probe`
            finds it; permits seeking. Defaults to `None`.
        deinterlace: see `probe`. Defaults to `None`.

    Returns:
        uint8 array `(len(indices), height, width, 3)`, R G B.

    Raises:
        ValueError: if `indices` are not integers.
        VideoError: if the video cannot be decoded, or has no such frames.
    """
    indices = np.asarray(indices, dtype=None if len(indices) else int)
    if indices.ndim != 1 or indices.dtype.kind not in "iu":
        raise ValueError(
            "Invalid `indices` of frames. Expected a sequence of integers. "
            f"Received: indices={indices.tolist()}"
        )
    if num_frames is not None:
        _check_range(indices, num_frames, path)
    elif (indices < 0).any():
        _check_range(indices, probe(path, deinterlace).num_frames, path)
    try:
        with opened(path, num_frames, deinterlace, indices) as decoder:
            return _collect(decoder, indices, path)
    except PositionError:
        # The time stamps are wrong: count the frames instead.
        with opened(path, deinterlace=deinterlace) as decoder:
            return _collect(decoder, indices, path)


@contextlib.contextmanager
def opened(path, num_frames=None, deinterlace=None, wanted=None):
    """Yields a `Decoder` at the first frame of a video; see `read_frames`, and
    `Decoder` for `wanted`."""
    checks.choice("deinterlace", deinterlace, DEINTERLACE)
    # Before the index: it refuses pipes, which could block.
    with opening.opened(path) as (container, stream):
        index = None
        # Not for open files: a remote one would be read as a whole.
        if num_frames is not None and deinterlace is None and _is_path(path):
            index = PacketIndex.from_file(os.path.abspath(path), num_frames)
        yield Decoder(path, container, stream, index, wanted, deinterlace)


def _examine(path, deinterlace):
    checks.choice("deinterlace", deinterlace, DEINTERLACE)
    return examination.examine(path, deinterlace)


def _is_path(path: typing.Any) -> bool:
    return isinstance(path, str | bytes | os.PathLike)


def _collect(decoder, indices, path):
    # Positions in the result by frame.
    slots = {}
    for slot, index in enumerate(indices.tolist()):
        slots.setdefault(index, []).append(slot)
    frames = np.empty((len(indices), *decoder.size, 3), np.uint8)
    for index, (first, *others) in sorted(slots.items()):
        if not decoder.advance_to(index):
            _check_range(indices, decoder.position + 1, path)
        frames[first] = decoder.retrieve()
        frames[others] = frames[first]
    return frames


def _check_range(indices, num_frames, path):
    wrong = indices[(indices < 0) | (indices >= num_frames)]
    if len(wrong):
        raise VideoError(
            path,
            f"it has {counted(num_frames, 'frame')}. Expected indices from 0 "
            f"to {num_frames - 1}. Received: {wrong[:8].tolist()}"
            f"{' and more' if len(wrong) > 8 else ''}",
        )
