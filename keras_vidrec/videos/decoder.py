"""Frames of a video, forwards, by PyAV."""

import array
import contextlib
import fractions

import av

from keras_vidrec.videos import conversion
from keras_vidrec.videos import opening
from keras_vidrec.videos import time_stamps
from keras_vidrec.videos.errors import VideoError
from keras_vidrec.videos.packet_index import PositionError

# FFmpeg's filters: a frame a frame, or a frame a field.
_FILTERS = {"yadif": "mode=0", "bob": "mode=1"}
DEINTERLACE = (None, *_FILTERS)
# With these codecs a frame that no other is predicted from is not decoded
# unless it is needed; the others do not change.
_SPARING = {"h264", "mpeg4"}
# Stepping over so few frames costs less than a seek.
_NEAR = 2
# Of the time stamps of frames that are deinterlaced, in seconds.
_UNIT = fractions.Fraction(1, 10**6)


def version():
    """What decodes videos, as in `"PyAV 18.1.0 (FFmpeg 8.1.2)"`."""
    return f"PyAV {av.__version__} (FFmpeg {av.ffmpeg_version_info})"


class Decoder:
    """Reads a video forwards, starting at the first frame.

    Frames that are stepped over are decoded but not converted to RGB. With an
    index, steps that pass a key frame become seeks, frames that nothing needs
    are not even decoded, and every frame's time stamp is compared with it, so
    that neither can end on a wrong frame unnoticed. A packet that cannot be
    decoded is skipped, as the ffmpeg program does.

    Args:
        path: path of the video, or an open file; for errors.
        container: see `opening.opened`.
        stream: see `opening.opened`.
        index: `None`, or `PacketIndex`; without `deinterlace`. Defaults to
            `None`.
        wanted: `None`, or the frames that will be stood on, besides the first:
            a sequence of int; with `index`. Defaults to `None`: all.
        deinterlace: `None`, `"yadif"` or `"bob"`. Defaults to `None`.

    Attributes:
        size: pair of int. Height and width of the upright frames in pixels.
        frame: `av.VideoFrame`. The frame stood on.
        position: int. Its index.
        num_packets: int. Packets of pictures read so far.
        num_damaged: int. Packets that did not decode, and frames that the
            decoder had to patch up, so far.
        hdr: `None`, `"hlg"` or `"pq"`. The curve of high dynamic range.
        rotation: int. Degrees clockwise by which frames are turned.
        interlaced: bool. Whether a frame was, so far.
        stamps: pair of arrays of int. Presentation and decoding time stamps
            of the frames decoded so far, `time_stamps.NONE` where one is
            missing.
        last_stamp: int. Largest time stamp of a packet so far.
    """

    def __init__(
        self,
        path,
        container,
        stream,
        index=None,
        wanted=None,
        deinterlace=None,
    ):
        self._path = path
        self._container = container
        self._stream = stream
        self._index = index
        self._context = stream.codec_context
        self._wanted = self._wanted_stamps(wanted)
        self.num_packets = self.num_damaged = self.last_stamp = 0
        self.interlaced = False
        # Hours of video are many frames.
        self.stamps = array.array("q"), array.array("q")
        self._frames = self._decoded()
        self._clock = time_stamps.Clock(container, stream)
        self._deinterlaced = deinterlace is not None
        if self._deinterlaced:
            self._frames = deinterlaced(self._frames, deinterlace, self._clock)
        self.position = -1
        self.frame = None
        if not self.advance():
            raise opening.no_video(path)
        colors = conversion.unknown_colors(self.frame)
        if colors:
            raise VideoError(
                path,
                f"its colors are {colors}, which is not supported. Convert it "
                "to BT.709 by: ffmpeg -i IN -vf zscale=m=709 OUT.mp4",
            )
        self._convert = conversion.Converter(self.frame)
        self.size = self._convert.size
        opening.check_size(path, *self.size)
        self.hdr = conversion.hdr_of(self.frame)
        self.rotation = self._convert.rotation

    def advance(self):
        """Steps to the next frame, with `wanted` to one until the next of
        these; `False` at the end of the video.

        Raises:
            PositionError: if the index shows another frame next.
        """
        frame = next(self._frames, None)
        found = frame is not None
        if found:
            self.frame = frame
            self.position += 1
        if self._index is not None:
            self._check_position(found)
        return found

    def advance_to(self, position):
        """Steps, or seeks, forwards to the frame `position`; `False` if the
        video ends before it.

        Raises:
            PositionError: if the index shows another frame on the way.
        """
        if self._index is not None:
            self._seek_towards(position)
        while self.position < position:
            if not self.advance():
                return False
        if self.position > position:
            raise PositionError
        return True

    def seconds(self):
        """Seconds of the current frame, from the first frame; to be read once
        for each frame, in order.
        """
        if self._deinterlaced:
            return float(self.frame.time)
        return self._clock.seconds(self.frame)

    @property
    def late(self):
        """Seconds from where the file begins, with sound perhaps, to its first
        frame; known after `seconds` was read for that frame.
        """
        return self._clock.late

    def retrieve(self, frame=None):
        """The frame stood on, or an earlier `frame` of this decoder: uint8
        `(height, width, 3)`, R G B.

        Raises:
            VideoError: if it cannot be converted.
        """
        try:
            return self._convert(self.frame if frame is None else frame)
        except (av.FFmpegError, ValueError):
            raise VideoError(
                self._path,
                f"frame {self.position} does not become an RGB image of "
                f"{self.size} pixels. Convert the file to another format.",
            ) from None

    def _wanted_stamps(self, wanted):
        """Time stamps of the frames that are to be decoded in any case, or
        `None`."""
        codec = self._context.codec.canonical_name
        if self._index is None or wanted is None or codec not in _SPARING:
            return None
        stamps = self._index.stamps
        return {int(stamps[0]), *stamps[wanted].tolist()}

    def _check_position(self, found):
        shown = self._index.frame_at(self.frame.pts) if found else None
        if shown is None or shown < self.position:
            raise PositionError
        if shown > self.position and self._wanted is None:
            raise PositionError
        self.position = shown

    def _seek_towards(self, position):
        # Only over a key frame: no picture before it is needed.
        key_frame = self._index.key_frame_before(position)
        if key_frame <= self.position + _NEAR:
            return
        stamp = int(self._index.stamps[key_frame])
        self._container.seek(stamp, stream=self._stream)
        self._frames = self._decoded()
        # Ahead of it come frames that need what was not read, or whole groups
        # of pictures where the container's own index is coarse.
        for frame in self._frames:
            if frame.pts is not None and frame.pts >= stamp:
                break
        else:
            raise PositionError
        if frame.pts != stamp:
            raise PositionError
        self.frame = frame
        self.position = key_frame

    def _decoded(self):
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                self.num_damaged += 1  # what follows cannot be read
                packet = None
            if packet is None:
                break
            # The end, or in some formats "the same picture again".
            if not packet.size:
                continue
            # Frames hidden by an edit list are in the file, but are not shown.
            self.num_packets += 1
            stamp = packet.dts if packet.pts is None else packet.pts
            self.last_stamp = max(self.last_stamp, stamp or 0)
            if self._wanted is not None:
                self._context.skip_frame = (
                    "DEFAULT" if packet.pts in self._wanted else "NONREF"
                )
            try:
                frames = self._context.decode(packet)
            except av.error.MemoryError:
                raise
            except av.FFmpegError:
                self.num_damaged += 1
                continue
            for frame in frames:
                self._note(frame)
                yield frame
        # A damaged packet may still be inside.
        with contextlib.suppress(av.FFmpegError):
            for frame in self._context.decode(None):
                self._note(frame)
                yield frame

    def _note(self, frame):
        self.num_damaged += frame.is_corrupt
        self.interlaced |= bool(frame.interlaced_frame)
        for stamps, stamp in zip(self.stamps, (frame.pts, frame.dts)):
            stamps.append(time_stamps.NONE if stamp is None else stamp)


def deinterlaced(frames, how, clock):
    """Frames by one of FFmpeg's filters; `time` of each is seconds from the
    first frame, as `clock` has it."""
    graph = key = None
    for frame in frames:
        frame.pts = round(clock.seconds(frame) / _UNIT)
        frame.time_base = _UNIT
        new_key = frame.width, frame.height, frame.format.name
        if new_key != key:
            if graph is not None:
                yield from _drain(graph)
            graph = conversion.graph_of(frame, [("yadif", _FILTERS[how])])
            key = new_key
        graph.vpush(frame)
        yield from _pull(graph)
    if graph is not None:
        yield from _drain(graph)


def _drain(graph):
    graph.vpush(None)
    yield from _pull(graph)


def _pull(graph):
    while True:
        try:
            yield graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
