"""Videos and cameras by OpenCV: opened quietly, and read frame by frame."""

import contextlib
import dataclasses
import functools
import os
import threading

import cv2
import numpy as np

# OpenCV seeks to the key frame this many frame periods ahead of the target.
_SEEK_MARGIN = 16


class PositionError(Exception):
    """The decoder is not where the packet index says."""


class OpenCVDecoder:
    """Reads a video forwards; stands before the first frame when opened.

    Frames that are stepped over are decoded but not converted to RGB. Where
    the number of frames is known and the container allows it, steps that pass
    a key frame become seeks. Every frame's time stamp is then compared with
    the index, so that a seek cannot end on a wrong frame unnoticed.

    Args:
        path: str. An existing file, in valid UTF-8.
        num_frames: `None`, or int. True number of frames; permits seeking.
            Defaults to `None`.

    Attributes:
        size: pair of int. Height and width of the upright frames in pixels.
        frame_rate: float. Frames a second as the file states it.
        position: int. Index of the frame stood on, -1 before the first.
    """

    def __init__(self, path, num_frames=None):
        self._capture = open_capture(path)
        self._index = None
        if num_frames is not None:
            self._index = PacketIndex.from_file(path, num_frames)
        self.size = (
            int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
        )
        self.frame_rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.position = -1

    def advance(self):
        """Steps to the next frame; `False` at the end of the video.

        Raises:
            PositionError: if the index shows another frame next.
        """
        found = self._capture.grab()
        self.position += found
        if self._index is not None and (
            not found or self._located() != self.position
        ):
            raise PositionError
        return found

    def advance_to(self, position):
        """Steps, or seeks, forwards to the frame `position`; `False` if the
        video ends before it.

        Raises:
            PositionError: if the index shows another frame on the way.
        """
        # A container without stamps counts its packets, and a decoder that
        # reorders them shows it at once: the first frame is always compared.
        if self.position < 0 and not self.advance():
            return False
        if self._index is not None:
            self._seek_towards(position)
        while self.position < position:
            if not self.advance():
                return False
        return True

    def retrieve(self):
        """The frame stood on: uint8 `(height, width, 3)`, R G B, or `None` if
        it cannot be converted."""
        try:
            found, frame = self._capture.retrieve()
            return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB) if found else None
        except cv2.error:
            return None

    def close(self):
        self._capture.release()

    def _located(self):
        return self._index.frame_at(int(self._capture.get(cv2.CAP_PROP_PTS)))

    def _seek_towards(self, position):
        # Only over a key frame: decoding passes it on the way to the target
        # wherever the seek lands, and no picture before it is needed.
        stamp = int(self._index.stamps[position])
        key_frame = self._index.key_frame_before(stamp - _SEEK_MARGIN)
        if key_frame <= self.position:
            return
        offset = stamp - int(self._index.stamps[0])
        self._capture.set(cv2.CAP_PROP_POS_FRAMES, offset)
        landed = self._located() if self._capture.grab() else None
        if landed is None or landed > position:
            raise PositionError
        self.position = landed


# Beginnings of the containers that store a presentation time stamp and a key
# frame flag with every packet. AVI only counts its packets, MPEG streams have
# no flags: there a seek may end on a wrong frame or on a broken picture.
_MATROSKA = b"\x1a\x45\xdf\xa3"
_ISO_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide")


@dataclasses.dataclass(frozen=True, eq=False)
class PacketIndex:
    """Time stamps and key frames of a video in order of presentation.

    Args:
        stamps: int array `(num_frames,)`, strictly increasing. Presentation
            time stamp of each frame in units of the frame period.
        key_frames: int array, increasing. Indices of the key frames.
    """

    stamps: np.ndarray
    key_frames: np.ndarray

    @classmethod
    def from_packets(cls, stamps, key_flags, num_frames):
        """Decides whether a video can be read by seeking; `None` if not.

        It can where every decoded frame has a packet, and every packet a time
        stamp, of its own: then the i-th smallest stamp is that of frame i. In
        damaged files, and where packets are hidden by an edit list, the
        numbers differ. Flags that call each packet a key frame, or not even
        the first, say nothing.

        Args:
            stamps: sequence of int. Time stamps of the packets as stored.
            key_flags: sequence of bool. Which packets are key frames.
            num_frames: int. True number of frames.
        """
        stamps = np.asarray(stamps, np.int64)
        order = np.argsort(stamps, kind="stable")
        stamps = stamps[order]
        flags = np.asarray(key_flags, bool)[order]
        if (
            len(stamps) != num_frames
            or (np.diff(stamps) <= 0).any()
            or not flags[:1].any()
            or flags.all()
        ):
            return None
        return cls(stamps, np.flatnonzero(flags))

    @classmethod
    def from_file(cls, path, num_frames):
        """`from_packets` of a file, which is demuxed without decoding it; the
        last 256 are remembered."""
        status = os.stat(path)
        return _demux(path, num_frames, status.st_size, status.st_mtime_ns)

    def frame_at(self, stamp):
        """Index of the frame presented at `stamp`, `None` if there is none."""
        index = int(np.searchsorted(self.stamps, stamp))
        if index == len(self.stamps) or self.stamps[index] != stamp:
            return None
        return index

    def key_frame_before(self, stamp):
        """Index of the last key frame presented until `stamp`; 0 before the
        first."""
        last = np.searchsorted(self.stamps[self.key_frames], stamp, "right")
        return int(self.key_frames[max(last - 1, 0)])


@functools.lru_cache(maxsize=256)
def _demux(path, num_frames, size, modified):
    with open(path, "rb") as file:
        start = file.read(8)
    if start[:4] != _MATROSKA and start[4:] not in _ISO_BOXES:
        return None
    capture = open_capture(path, raw=True)
    stamps = []
    key_flags = []
    # A packet more than frames already decides.
    while len(stamps) <= num_frames and capture.grab():
        stamps.append(int(capture.get(cv2.CAP_PROP_PTS)))
        key_flags.append(capture.get(cv2.CAP_PROP_LRF_HAS_KEY_FRAME) > 0)
    capture.release()
    return PacketIndex.from_packets(stamps, key_flags, num_frames)


# FFmpeg's complaints about broken files would flood the terminal; what matters
# of them becomes a `VideoError`. OpenCV reads this variable once, when it
# first opens a video; a value set by the user is respected.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


# OpenCV 4.13 moved the log's functions there.
_log = getattr(cv2.utils, "logging", cv2)
_SILENT = 0


class _Silence(contextlib.ContextDecorator):
    """Silences OpenCV's own log while any thread is inside.

    The level is the process's: it is saved by the first thread that enters
    and restored by the last that leaves.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._inside = 0
        self._level = None

    def __enter__(self):
        with self._lock:
            if not self._inside:
                self._level = _log.setLogLevel(_SILENT)
            self._inside += 1

    def __exit__(self, *exception):
        with self._lock:
            self._inside -= 1
            if not self._inside:
                _log.setLogLevel(self._level)


_silence = _Silence()


@_silence
def open_capture(path, raw=False):
    """Opens a video file; the `cv2.VideoCapture` grabs nothing if it cannot be.

    One thread: a pipeline decodes several videos at once, and a frame's time
    stamp belongs to it only without FFmpeg's frame threads.

    Args:
        path: str. An existing file, in valid UTF-8.
        raw: bool. Whether to grab packets instead of decoded frames. Defaults
            to `False`.
    """
    options = [cv2.CAP_PROP_N_THREADS, 1]
    if raw:
        options += [cv2.CAP_PROP_FORMAT, -1]
    return cv2.VideoCapture(path, cv2.CAP_FFMPEG, options)


@_silence
def open_camera(device):
    """Opens a camera by its number, or what else OpenCV opens: the address of a
    stream, or a device file. The `cv2.VideoCapture` reads nothing if there is
    no such camera."""
    return cv2.VideoCapture(int(device) if device.isdecimal() else device)
