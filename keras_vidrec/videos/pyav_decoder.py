"""Frames of a video by PyAV, for what OpenCV cannot decode."""

import numpy as np


class PyAVDecoder:
    """Reads a video forwards; stands before the first frame when opened.

    It has the methods and attributes of `OpenCVDecoder`, and never seeks; the
    frames are upright from the first one on. The video ends where PyAV meets
    the first packet that it cannot decode. Where PyAV is not installed this
    is an `ImportError`.
    """

    def __init__(self, path):
        import av

        self._errors = av.FFmpegError
        self._container = None
        self._frames = iter(())
        self._frame = None
        self._first = None
        self.size = (0, 0)
        self.frame_rate = 0.0
        self.position = -1
        try:
            # Titles and authors are not always UTF-8.
            self._container = av.open(path, metadata_errors="ignore")
        except self._errors:
            return
        # The first stream, as in OpenCV.
        stream = next(iter(self._container.streams.video), None)
        if stream is not None and stream.codec_context is not None:
            stream.codec_context.thread_count = 1
            self.size = (
                stream.codec_context.height,
                stream.codec_context.width,
            )
            self.frame_rate = float(stream.guessed_rate or 0)
            self._frames = self._container.decode(stream)

    def advance(self):
        """Steps to the next frame; `False` at the end of the video."""
        try:
            self._frame = next(self._frames)
        except (StopIteration, self._errors):
            return False
        if self._first is None:
            self._first = self._frame
            self.size = (self._frame.height, self._frame.width)
            if self._frame.rotation % 180:
                self.size = self.size[::-1]
        self.position += 1
        return True

    def advance_to(self, position):
        """Steps forwards to the frame `position`; `False` if the video ends
        before."""
        while self.position < position:
            if not self.advance():
                return False
        return True

    def retrieve(self):
        """The frame stood on: uint8 `(height, width, 3)`, R G B, or `None` if
        it cannot be converted."""
        try:
            # As OpenCV does: frames of another size are brought to that of
            # the first, and chroma is interpolated bicubically.
            frame = self._frame.to_ndarray(
                format="rgb24",
                width=self._first.width,
                height=self._first.height,
                interpolation="BICUBIC",
            )
        except (ValueError, self._errors):
            return None
        turned = np.rot90(frame, round(self._first.rotation / 90))
        return np.ascontiguousarray(turned)

    def close(self):
        if self._container is not None:
            self._container.close()
