"""Decodes all frames of a video in order, upright, with the same R G B pixels
as the ffmpeg program."""

import contextlib
import math
import os

import av
import numpy as np

MAX_PIXELS = 2**25
HDR = {16: "PQ", 18: "HLG"}
FAR_OFF = {14: "ICtCp", 15: "IPT"}
# For these pixel formats FFmpeg's plain conversion equals that of its filters.
PLAIN = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p"}
PLAIN |= {"gray", "rgb24", "bgr24"}
# Formats that list other files or addresses, scripts, and pictures. A video
# file must never make this program open another file.
NO_VIDEOS = set(
    "alias_pix avisynth avs concat concatf dash ffmetadata hls image2 imf "
    "lavfi rtp rtsp sap sdp tty vapoursynth webm_dash_manifest".split()
)
NOTHING = (
    f"no frame of a video, of at most {MAX_PIXELS} pixels, is found in it. "
    "Check that it is a video, replace it or leave it out."
)


class Problem(Exception):
    """An error of reading a file; its message is one line."""


def too_large(height, width):
    return Problem(
        f"its frames of {height} x {width} pixels are too large. Expected at "
        f"most {MAX_PIXELS} pixels. Scale it down."
    )


@contextlib.contextmanager
def opened(path):
    """Opens a video and yields its container and its video stream: the default
    one, else the one with the largest frames."""
    if not os.path.exists(path):
        raise Problem("there is no such file. Check the path.")
    if os.path.isdir(path):
        raise Problem("it is a directory, not a file. Pass one video file.")
    if not os.path.isfile(path):
        raise Problem("it is not a file. Pass one video file.")
    if not os.path.getsize(path):
        raise Problem("it is empty. Replace it or leave it out.")
    formats = ",".join(sorted(av.formats_available - NO_VIDEOS))
    limits = {"max_pixels": str(MAX_PIXELS)}
    reading = {"format_whitelist": formats, "protocol_whitelist": "file"}
    try:
        container = av.open(
            f"file:{os.path.abspath(path)}",
            metadata_errors="ignore",
            options=limits,
            container_options=reading,
        )
    except (av.FFmpegError, UnicodeError):
        raise Problem(NOTHING) from None
    with container:
        kinds = av.stream.Disposition
        still = kinds.attached_pic | kinds.timed_thumbnails | kinds.still_image
        streams = [
            s
            for s in container.streams.video
            if not s.disposition & still and s.codec_context is not None
        ]
        if not streams:
            raise Problem(NOTHING)
        stream = max(
            streams,
            key=lambda s: (
                bool(s.disposition & kinds.default),
                s.width * s.height,
            ),
        )
        context = stream.codec_context
        if context.height * context.width > MAX_PIXELS:
            raise too_large(context.height, context.width)
        context.thread_count = 1
        context.options = limits
        yield container, stream


def decoded(container, stream, notes):
    """Yields the frames of a video. Packets that cannot be decoded are
    skipped. `notes`, a `collections.Counter`, is updated: `packets` read,
    packets that are `damaged`, and the `last` time stamp."""
    context = stream.codec_context
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            notes["damaged"] += 1
            packet = None
        if packet is None:
            break
        if not packet.size:
            continue
        notes["packets"] += 1
        stamp = packet.dts if packet.pts is None else packet.pts
        notes["last"] = max(notes["last"], stamp or 0)
        try:
            yield from context.decode(packet)
        except av.error.MemoryError:
            raise
        except av.FFmpegError:
            notes["damaged"] += 1
    with contextlib.suppress(av.FFmpegError):
        yield from context.decode(None)


class Converter:
    """Converts the frames of one video to upright R G B. Frames are resized to
    the size of the first frame."""

    def __init__(self, first):
        curve = HDR.get(int(first.color_trc))
        colors = FAR_OFF.get(int(first.colorspace))
        if curve or colors:
            raise Problem(
                f"it has a high dynamic range ({curve}), which this program "
                "does not support. `vidrec predict` maps it to BT.709."
                if curve
                else f"its colors are {colors}, which is not supported. "
                "Convert it to BT.709 by: ffmpeg -i IN -vf zscale=m=709 OUT.mp4"
            )
        self._filters, self._swapped = upright(first)
        self._size = self._upright_size(first)
        self._key = self._graph = None
        if math.prod(self._size) > MAX_PIXELS:
            raise too_large(*self._size)

    def __call__(self, frame):
        if (
            frame.format.name in PLAIN
            and not self._filters
            and not frame.interlaced_frame
            and (frame.height, frame.width) == self._size
            and not (frame.height % 2 or frame.width % 2)
        ):
            way = av.video.reformatter.Interpolation.BICUBIC
            frame = frame.reformat(format="rgb24", interpolation=way, threads=1)
            return frame.to_ndarray()
        key = (frame.width, frame.height, frame.format.name)
        key += (frame.colorspace, frame.color_range)
        if key != self._key:
            filters = [*self._filters, ("format", "rgb24")]
            if self._upright_size(frame) != self._size:
                size = "{1}:{0}:flags=bicubic".format(*self._size)
                filters.insert(-1, ("scale", size))
            self._graph, self._key = graph_of(frame, filters), key
        self._graph.vpush(frame)
        return self._graph.vpull().to_ndarray()

    def _upright_size(self, frame):
        size = frame.height, frame.width
        return size[::-1] if self._swapped else size


def graph_of(frame, filters):
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
    graph.link_nodes(*nodes, graph.add("buffersink")).configure()
    return graph


def upright(frame):
    """Returns FFmpeg's filters `(name, arguments)` that rotate and mirror a
    frame as its file states, and whether they swap height and width."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return [], False
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
    across, down = math.hypot(a, c), math.hypot(b, d)
    turned = 0
    if across and down:
        turned = round(math.degrees(math.atan2(b / down, a / across))) % 360
    if turned == 90:
        return [("transpose", "cclock_flip" if c > 0 else "clock")], True
    if turned == 270:
        return [("transpose", "clock_flip" if c < 0 else "cclock")], True
    if turned == 180:
        filters = [("hflip", None)] if a < 0 else []
        return filters + ([("vflip", None)] if d < 0 else []), False
    if 1 < turned < 359:
        return [("rotate", f"{turned}*PI/180")], False
    return ([("vflip", None)] if d < 0 else []), False
