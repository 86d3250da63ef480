"""Writing of video files whose frames have exact times."""

import fractions

import av
import numpy as np

# The unit of time in seconds. Periods of all common frame rates are multiples
# of it, and MPEG-4 has no finer one.
_UNIT = fractions.Fraction(1, 60_000)
# Codecs and their options; the first one in this build of FFmpeg is used.
_CODECS = {
    "libx264": {"preset": "veryfast", "crf": "20"},
    "mpeg4": {"qscale": "3", "flags": "+qscale"},
}
CODEC = next(name for name in _CODECS if name in av.codecs_available)


class VideoWriter:
    """Writes an mp4 file, frame by frame: H.264, or MPEG-4 if FFmpeg was
    built without it. A context manager; leaving it completes the file.

    Args:
        path: path of the file.

    Raises:
        av.FFmpegError: if it cannot be written, here or later.
    """

    def __init__(self, path):
        self._container = av.open(str(path), "w", format="mp4")
        self._stream = None
        self._last = -1

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        try:
            if self._stream is not None and failure[0] is None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    def write(self, frame: np.ndarray, seconds: float):
        """Adds a frame.

        Args:
            frame: uint8 array `(height, width, 3)`, R G B, of even sides and
                the same size each time.
            seconds: float. The time of the frame. It is rounded to 1/60,000 s,
                and is at least 1/60,000 s after that of the frame before.
        """
        if self._stream is None:
            self._begin(*frame.shape[:2])
        picture = av.VideoFrame.from_ndarray(frame, "rgb24")
        picture.pts = max(round(seconds / _UNIT), self._last + 1)
        picture.time_base = _UNIT
        self._last = picture.pts
        self._container.mux(self._stream.encode(picture))

    def _begin(self, height, width):
        # Without B-frames the order of packets is the order of presentation.
        options = {**_CODECS[CODEC], "bf": "0"}
        stream = self._container.add_stream(CODEC, options=options)
        stream.height, stream.width = height, width
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = stream.time_base = _UNIT
        stream.codec_context.thread_count = 1
        self._stream = stream
