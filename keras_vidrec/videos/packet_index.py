"""Where the frames and the key frames of a video lie, found by demuxing."""

import dataclasses
import functools
import os

import cv2
import numpy as np

from keras_vidrec.videos import opencv_capture

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
        """Decides whether a video can be read by seeking.

        It can where every decoded frame has a packet, and every packet a time
        stamp, of its own: then the i-th smallest stamp is that of frame i. In
        damaged files, and where packets are hidden by an edit list, the
        numbers differ. Flags that call each packet a key frame, or not even
        the first, say nothing.

        Args:
            stamps: sequence of int. Time stamps of the packets as stored.
            key_flags: sequence of bool. Which packets are key frames.
            num_frames: int. True number of frames.

        Returns:
            A `PacketIndex`, or `None`: read this video sequentially.
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
        """Demuxes a video without decoding it; remembers the last 256.

        Args:
            path: str. A video file.
            num_frames: int. True number of frames.

        Returns:
            A `PacketIndex`, or `None`: read this video sequentially.
        """
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
    capture = opencv_capture.open_capture(path, raw=True)
    stamps = []
    key_flags = []
    # A packet more than frames already decides.
    while len(stamps) <= num_frames and capture.grab():
        stamps.append(int(capture.get(cv2.CAP_PROP_PTS)))
        key_flags.append(capture.get(cv2.CAP_PROP_LRF_HAS_KEY_FRAME) > 0)
    capture.release()
    return PacketIndex.from_packets(stamps, key_flags, num_frames)
