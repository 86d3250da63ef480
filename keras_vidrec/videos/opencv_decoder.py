"""Frames of a video by OpenCV."""

import cv2

from keras_vidrec.videos import opencv_capture
from keras_vidrec.videos.packet_index import PacketIndex

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
        self._capture = opencv_capture.open_capture(path)
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
        """Steps to the next frame.

        Returns:
            bool. `False` at the end of the video.

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
        """Steps, or seeks, forwards to the frame `position`.

        Returns:
            bool. `False` if the video ends before it.

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
