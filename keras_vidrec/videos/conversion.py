"""Conversion of decoded frames to upright R G B, bitwise like `ffmpeg`."""

import math

import av
import numpy as np

from keras_vidrec.videos import tone_mapping

_RESIZE = av.video.reformatter.Interpolation.BICUBIC
# For progressive frames with even sides in these formats, PyAV's `reformat`
# gives the same pixels as the filter `scale`, and is faster.
_PLAIN = {
    "yuv420p",
    "yuvj420p",
    "yuv422p",
    "yuvj422p",
    "yuv444p",
    "yuvj444p",
    "gray",
    "rgb24",
    "bgr24",
}
# Codes of transfer functions and of color spaces, in FFmpeg and ITU-T H.273.
_HDR = {16: "pq", 18: "hlg"}
_FAR_OFF = {14: "ICtCp", 15: "IPT"}


def hdr_of(frame: av.VideoFrame) -> str | None:
    """Returns the curve of high dynamic range of a frame, `"pq"` or `"hlg"`;
    `None` for an ordinary frame."""
    return _HDR.get(int(frame.color_trc))


def unknown_colors(frame: av.VideoFrame) -> str | None:
    """Returns the name of the color space of a frame if FFmpeg cannot convert
    it, else `None`."""
    return _FAR_OFF.get(int(frame.colorspace))


class Converter:
    """Converts the frames of one video to R G B.

    Frames are rotated as the file says, and resized to the size of the first
    one by bicubic interpolation. They are not resized to correct for non-square
    pixels. Frames of high dynamic range are mapped to BT.709 by `tone_mapping`.

    Args:
        first: `av.VideoFrame`. The first frame of the video.

    Attributes:
        size: pair of int. Height and width of the upright frames.
        rotation: int. Degrees clockwise by which frames are rotated.
    """

    def __init__(self, first):
        matrix = display_matrix(first)
        self._filters, swapped = display_filters(matrix)
        self.rotation = rotation_of(matrix)
        self._swapped = swapped
        self.size = self._upright_size(first)
        self._key = None
        self._graph = None

    def __call__(self, frame):
        """Returns a frame as a uint8 array `(height, width, 3)`, R G B."""
        hdr = hdr_of(frame)
        if hdr is None and self._is_plain(frame):
            # More threads per frame cost more time than they save.
            frame = frame.reformat(
                format="rgb24", interpolation=_RESIZE, threads=1
            )
            return frame.to_ndarray()
        image = self._filter(frame, "rgb24" if hdr is None else "rgb48le")
        image = image.to_ndarray()
        return image if hdr is None else tone_mapping.to_sdr(image, hdr)

    def _upright_size(self, frame):
        size = (frame.height, frame.width)
        return size[::-1] if self._swapped else size

    def _is_plain(self, frame):
        return (
            frame.format.name in _PLAIN
            and not self._filters
            and not frame.interlaced_frame
            and (frame.height, frame.width) == self.size
            and not (frame.height % 2 or frame.width % 2)
        )

    def _filter(self, frame, pixels):
        key = (
            frame.width,
            frame.height,
            frame.format.name,
            frame.colorspace,
            frame.color_range,
            pixels,
        )
        if key != self._key:
            # If a filter does not support the format of the frame, FFmpeg
            # inserts a conversion before it.
            filters = [*self._filters, ("format", pixels)]
            if self._upright_size(frame) != self.size:
                height, width = self.size
                scale = ("scale", f"{width}:{height}:flags=bicubic")
                filters.insert(-1, scale)
            self._graph = graph_of(frame, filters)
            self._key = key
        self._graph.vpush(frame)
        return self._graph.vpull()


def graph_of(frame, filters):
    """Returns a configured `av.filter.Graph` for frames of the size and format
    of `frame`; `filters` is a list of pairs of names and arguments."""
    graph = av.filter.Graph()
    graph.threads = 1
    nodes = [
        graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=frame.time_base,
        )
    ]
    nodes += [graph.add(name, arguments) for name, arguments in filters]
    nodes.append(graph.add("buffersink"))
    graph.link_nodes(*nodes).configure()
    return graph


def display_matrix(frame) -> list[int] | None:
    """Returns the 9 numbers of the matrix that rotates and mirrors a frame for
    display, or `None`."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return None
    return np.frombuffer(bytes(data), np.int32)[:9].tolist()


def rotation_of(matrix: list[int] | None) -> int:
    """Returns the degrees clockwise, 0 to 359, by which a display matrix
    rotates a frame."""
    if matrix is None:
        return 0
    a, b, _, c, d = matrix[:5]
    across, down = math.hypot(a, c), math.hypot(b, d)
    if not across or not down:
        return 0
    return round(math.degrees(math.atan2(b / down, a / across))) % 360


def display_filters(matrix):
    """Returns the list of FFmpeg's filters that apply a display matrix, and
    whether they exchange height and width."""
    if matrix is None:
        return [], False
    degrees = rotation_of(matrix)
    if degrees == 90:
        how = "cclock_flip" if matrix[3] > 0 else "clock"
        return [("transpose", how)], True
    if degrees == 270:
        how = "clock_flip" if matrix[3] < 0 else "cclock"
        return [("transpose", how)], True
    if degrees == 180:
        filters = [("hflip", None)] if matrix[0] < 0 else []
        filters += [("vflip", None)] if matrix[4] < 0 else []
        return filters, False
    if degrees > 1 and degrees < 359:
        return [("rotate", f"{degrees}*PI/180")], False
    return ([("vflip", None)] if matrix[4] < 0 else []), False
