"""Where the frames of a video are: time stamps and key frames."""

import dataclasses
import functools
import os

import av
import numpy as np

from keras_vidrec.videos import opening

# Beginnings of the containers that store a presentation time stamp and a key
# frame flag with every packet. AVI only counts its packets, MPEG streams have
# no flags: there a seek may end on a wrong frame or on a broken picture.
_MATROSKA = b"\x1a\x45\xdf\xa3"
_ISO_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide")


class PositionError(Exception):
    """The decoder is not where the packet index says."""


@dataclasses.dataclass(frozen=True, eq=False)
class PacketIndex:
    """Time stamps and key frames of a video in order of presentation.

    Args:
        stamps: int array `(num_frames,)`, strictly increasing. Presentation
            time of each frame in units of the stream.
        key_frames: int array. Indices of the frames with which decoding can
            begin, increasing, the first of them 0.
    """

    stamps: np.ndarray
    key_frames: np.ndarray

    @classmethod
    def from_packets(cls, stamps, key_flags, num_frames):
        """The index, or `None` unless every packet shows one frame at a time
        of its own, and the flags say where decoding can begin: flags on all
        packets, or none on the first, say nothing.

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
        if stamp is None:
            return None
        index = int(self.stamps.searchsorted(stamp))
        if index == len(self.stamps) or self.stamps[index] != stamp:
            return None
        return index

    def key_frame_before(self, position):
        """Index of the last key frame presented until the frame
        `position`."""
        last = np.searchsorted(self.key_frames, position, "right") - 1
        return int(self.key_frames[last])


@functools.lru_cache(maxsize=256)
def _demux(path, num_frames, size, modified):
    with open(path, "rb") as file:
        start = file.read(8)
    if start[:4] != _MATROSKA and start[4:] not in _ISO_BOXES:
        return None
    stamps, flags = [], []
    with opening.opened(path) as (container, stream):
        try:
            for packet in container.demux(stream):
                if not packet.size or packet.is_discard:
                    continue  # the end, or hidden by an edit list
                # A packet more than frames already decides.
                if packet.pts is None or len(stamps) == num_frames:
                    return None
                stamps.append(packet.pts)
                flags.append(packet.is_keyframe)
        except av.FFmpegError:
            return None
    return PacketIndex.from_packets(stamps, flags, num_frames)
