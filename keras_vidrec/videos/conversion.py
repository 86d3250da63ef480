"""Decoded frames to upright R G B, to the bit as the ffmpeg program does."""

import math

import av
import numpy as np

from keras_vidrec.videos import tone_mapping

_RESIZE = av.video.reformatter.Interpolation.BICUBIC
# Formats that the plain conversion makes to what the filter `scale` makes of
# them, while they are progressive and of even sides; it is faster.
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
# Codes of FFmpeg (and of ITU-T H.273) for what a frame says of its light.
_HDR = {16: "pq", 18: "hlg"}
_FAR_OFF = {14: "ICtCp", 15: "IPT"}


def hdr_of(frame):
    """`"pq"`, `"hlg"`, or `None` where a frame is not of high dynamic range."""
    return _HDR.get(int(frame.color_trc))


def unknown_colors(frame):
    """Name of the kind of colors of a frame that FFmpeg does not convert, or
    `None`."""
    return _FAR_OFF.get(int(frame.colorspace))


class Converter:
    """Makes R G B of the frames of one video.

    The frames are held upright as the file says, and brought to the size of
    the first by bicubic interpolation. Pixels are kept as stored, whatever
    aspect the file says they have. Frames of high dynamic range are mapped
    to BT.709 by `tone_mapping`.

    Args:
        first: `av.VideoFrame`. The first frame of the video.

    Attributes:
        size: pair of int. Height and width of the upright frames.
        rotation: int. Degrees clockwise by which they are turned.
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
        """uint8 `(height, width, 3)`, R G B."""
        hdr = hdr_of(frame)
        if hdr is None and self._is_plain(frame):
            # A thread more a frame costs more than it gains.
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
            # FFmpeg converts pixels itself if a filter needs another format,
            # for example before one that cannot rotate them.
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
    """A configured `av.filter.Graph` for frames like this one; `filters` is a
    list of names and arguments."""
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


def display_matrix(frame):
    """The 9 numbers by which a frame is turned and mirrored when it is shown,
    or `None`."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return None
    return np.frombuffer(bytes(data), np.int32)[:9].tolist()


def rotation_of(matrix):
    """Degrees clockwise by which a frame is turned to be upright, from 0 to
    359."""
    if matrix is None:
        return 0
    a, b, _, c, d = matrix[:5]
    across, down = math.hypot(a, c), math.hypot(b, d)
    if not across or not down:
        return 0
    return round(math.degrees(math.atan2(b / down, a / across))) % 360


def display_filters(matrix):
    """FFmpeg's filters that hold frames upright, and whether height and width
    change places."""
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
