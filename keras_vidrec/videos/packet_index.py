"""The time stamps and key frames of a video, for seeking."""

import dataclasses
import functools
import os

import av
import numpy as np

from keras_vidrec.videos import opening

# The first bytes of containers that store a presentation time stamp and a key
# frame flag with every packet. AVI only counts its packets, and MPEG streams
# have no flags: there a seek may end on a wrong frame or on a damaged picture.
_MATROSKA = b"\x1a\x45\xdf\xa3"
_ISO_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide")


class PositionError(Exception):
    """The decoder's frame is not the one that the packet index expects."""


@dataclasses.dataclass(frozen=True, eq=False)
class PacketIndex:
    """Time stamps and key frames of a video in order of presentation.

    Args:
        stamps: int array `(num_frames,)`, strictly increasing. Presentation
            time stamp of each frame, in units of the stream.
        key_frames: int array. Indices of the frames at which decoding can
            begin, increasing from 0.
    """

    stamps: np.ndarray
    key_frames: np.ndarray

    @classmethod
    def from_packets(cls, stamps, key_flags, num_frames):
        """Returns the index of a video, or `None` if its packets are no basis
        for seeking: their number is not that of the frames, time stamps repeat,
        the first one is no key frame, or all of them are flagged.

        Args:
            stamps: sequence of int. Time stamps of the packets as stored.
            key_flags: sequence of bool. Which packets are key frames.
            num_frames: int. The true number of frames.
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
        """Returns `from_packets` of a file, which is demuxed but not decoded.
        The last 256 results are cached."""
        status = os.stat(path)
        return _demux(path, num_frames, status.st_size, status.st_mtime_ns)

    def frame_at(self, stamp):
        """Returns the index of the frame with the time stamp `stamp`, or
        `None`."""
        if stamp is None:
            return None
        index = int(self.stamps.searchsorted(stamp))
        if index == len(self.stamps) or self.stamps[index] != stamp:
            return None
        return index

    def key_frame_before(self, position):
        """Returns the index of the last key frame that is not after the frame
        with index `position`."""
        last = np.searchsorted(self.key_frames, position, "right") - 1
        return int(self.key_frames[last])


@functools.lru_cache(maxsize=256)
def _demux(path, num_frames, size, modified):  # the last two: cache keys only
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
                # With more packets than frames there is no index.
                if packet.pts is None or len(stamps) == num_frames:
                    return None
                stamps.append(packet.pts)
                flags.append(packet.is_keyframe)
        except av.FFmpegError:
            return None
    return PacketIndex.from_packets(stamps, flags, num_frames)
