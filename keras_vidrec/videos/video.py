"""Frame-exact reading of video files."""

import contextlib
import dataclasses
import math
import os

import numpy as np

from keras_vidrec.videos.opencv_decoder import OpenCVDecoder
from keras_vidrec.videos.opencv_decoder import PositionError
from keras_vidrec.videos.pyav_decoder import PyAVDecoder

# Largest frame that is decoded, in pixels: 8K UHD (7680 x 4320) fits, what a
# broken header may claim does not.
MAX_PIXELS = 2**25


class VideoError(ValueError):
    """A video file that cannot be read, or not as asked.

    Args:
        path: str or path-like. The file.
        problem: str. What is wrong, and what to do.
    """

    def __init__(self, path, problem):
        # Both are kept as arguments: pickling needs them.
        super().__init__(path, problem)

    def __str__(self):
        path, problem = self.args
        return f"Cannot read the video {os.fspath(path)!r}: {problem}"


@dataclasses.dataclass(frozen=True)
class VideoInfo:
    """What decoding a video shows.

    Args:
        num_frames: int. Number of frames that decode, whatever the header
            says.
        height: int. Of a frame in pixels, held upright.
        width: int. Of a frame in pixels, held upright.
        frame_rate: float. Frames a second as the file states it, 0 if it does
            not.
    """

    num_frames: int
    height: int
    width: int
    frame_rate: float


def probe(path):
    """Counts the frames of a video by decoding all of it.

    Args:
        path: str or path-like. A video file.

    Returns:
        A `VideoInfo`.

    Raises:
        VideoError: if no frame can be decoded.
    """
    with _open(path) as decoder:
        height, width = decoder.size
        rate = decoder.frame_rate
        while decoder.advance():
            pass
        return VideoInfo(
            num_frames=decoder.position + 1,
            height=height,
            width=width,
            frame_rate=_known_rate(rate),
        )


def frame_rate(path):
    """Frames a second of a video as the file states it, 0 if it does not; a
    `VideoError` if no frame can be decoded."""
    with _open(path) as decoder:
        return _known_rate(decoder.frame_rate)


def iter_frames(path):
    """Reads a video from the first frame to the last, in constant memory.

    Args:
        path: str or path-like. A video file.

    Yields:
        uint8 array `(height, width, 3)`, R G B.

    Raises:
        VideoError: if no frame can be decoded; when the first is asked for.
    """
    with _open(path) as decoder:
        yield _retrieve(decoder, path)
        while decoder.advance():
            yield _retrieve(decoder, path)


def read_frames(path, indices, num_frames=None):
    """Reads some frames of a video, exactly those that `iter_frames` yields.

    Decodes up to the last wanted frame and converts only the wanted ones. If
    `num_frames` is given, long jumps in mp4, mov, mkv and webm files whose
    time stamps prove the position of each frame become seeks; wherever they
    do not, the video is read sequentially. A seek never changes which frame
    is read; only a picture with broken data may be patched up differently.

    The frames are held upright; frames of another size than the first are
    scaled to it. Apart from the decoder's own buffers the memory needed is
    that of the result and one frame, and a frame has at most `MAX_PIXELS`
    pixels.

    Args:
        path: str or path-like. A video file.
        indices: sequence of int, 0-based, in any order, repetitions allowed.
        num_frames: `None`, or int. The true number of frames, as `probe`
            gives it; permits seeking. Defaults to `None`.

    Returns:
        uint8 array `(len(indices), height, width, 3)`, R G B.

    Raises:
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
        _check_range(indices, probe(path).num_frames, path)
    try:
        with _open(path, num_frames) as decoder:
            return _collect(decoder, indices, path)
    except PositionError:
        # The time stamps do not hold: count the frames instead.
        with _open(path) as decoder:
            return _collect(decoder, indices, path)


def _known_rate(rate):
    return rate if math.isfinite(rate) and rate > 0 else 0.0


def _collect(decoder, indices, path):
    slots = {}
    for slot, index in enumerate(indices.tolist()):
        slots.setdefault(index, []).append(slot)
    frames = np.empty((len(indices), *decoder.size, 3), np.uint8)
    for index, (first, *others) in sorted(slots.items()):
        if not decoder.advance_to(index):
            _check_range(indices, decoder.position + 1, path)
        frames[first] = _retrieve(decoder, path)
        frames[others] = frames[first]
    return frames


def _check_range(indices, num_frames, path):
    wrong = indices[(indices < 0) | (indices >= num_frames)]
    if len(wrong):
        raise VideoError(
            path,
            f"it has {num_frames} frames. Expected indices from 0 to "
            f"{num_frames - 1}. Received: {wrong[:8].tolist()}"
            f"{' and more' if len(wrong) > 8 else ''}",
        )


def _retrieve(decoder, path):
    frame = decoder.retrieve()
    if frame is None or frame.shape != (*decoder.size, 3):
        raise VideoError(
            path,
            f"frame {decoder.position} does not become an RGB image of "
            f"{decoder.size} pixels. Convert the file to another format.",
        )
    return frame


@contextlib.contextmanager
def _open(path, num_frames=None):
    """A decoder that stands on the first frame of the video."""
    path = os.fsdecode(path)
    _check_file(path)
    # Absolute, so that no name is taken for an option or a protocol.
    name = os.path.abspath(path)
    with contextlib.ExitStack() as stack:
        decoder = OpenCVDecoder(name, num_frames)
        stack.callback(decoder.close)
        if not _start(decoder, path):
            decoder = _pyav_decoder(name, path)
            stack.callback(decoder.close)
            if not _start(decoder, path):
                raise VideoError(
                    path,
                    "neither OpenCV nor PyAV finds a frame in it. Check that "
                    "it is a video, replace it or leave it out.",
                )
        yield decoder


def _check_file(path):
    if not os.path.exists(path):
        raise VideoError(path, "there is no such file. Check the path.")
    if not os.path.isfile(path):
        raise VideoError(path, "it is not a file. Pass one video file.")
    if not os.path.getsize(path):
        raise VideoError(path, "it is empty. Replace it or leave it out.")
    try:
        path.encode()
    except UnicodeEncodeError:
        # OpenCV crashes on such names.
        raise VideoError(path, "its name is not UTF-8. Rename it.") from None


def _start(decoder, path):
    height, width = decoder.size
    if height * width > MAX_PIXELS:
        raise VideoError(
            path,
            f"its frames of {height} x {width} pixels are too large. Expected "
            f"at most {MAX_PIXELS} pixels. Scale it down.",
        )
    return decoder.advance()


def _pyav_decoder(name, path):
    try:
        return PyAVDecoder(name)
    except ImportError:
        raise VideoError(
            path,
            "OpenCV finds no frame in it. Check that it is a video, or install "
            'PyAV, which reads more formats: pip install "keras-vidrec[av]".',
        ) from None
