"""Forward reading of a video with PyAV."""

import array
import contextlib
import fractions

import av

from keras_vidrec.videos import conversion
from keras_vidrec.videos import opening
from keras_vidrec.videos import time_stamps
from keras_vidrec.videos.errors import VideoError
from keras_vidrec.videos.packet_index import PositionError

# Options of FFmpeg's filter `yadif`: one frame per frame, or per field.
_FILTERS = {"yadif": "mode=0", "bob": "mode=1"}
DEINTERLACE = (None, *_FILTERS)
# For these codecs, frames that no other frame is predicted from are decoded
# only if they are wanted. This does not change the other frames.
_SPARING = {"h264", "mpeg4"}
# Decoding this many frames is faster than a seek.
_NEAR = 2
# Unit of the time stamps of deinterlaced frames, in seconds.
_UNIT = fractions.Fraction(1, 10**6)


def version() -> str:
    """Returns the versions of the decoder: `"PyAV 18.1.0 (FFmpeg 8.1.2)"`."""
    return f"PyAV {av.__version__} (FFmpeg {av.ffmpeg_version_info})"


class Decoder:
    """Reads a video forwards, starting at the first frame.

    Skipped frames are decoded but not converted to RGB. With an index, the
    decoder seeks if there is a key frame on the way, and does not decode frames
    that are not needed; the time stamp of every frame is compared with the
    index, so that a wrong frame is an error. A packet that cannot be decoded is
    skipped, as the ffmpeg program does.

    Args:
        path: path of the video, or an open file; for errors.
        container: see `opening.opened`.
        stream: see `opening.opened`.
        index: `None`, or `PacketIndex`, only without `deinterlace`. Defaults
            to `None`.
        wanted: `None`, or sequence of int, only with `index`: the indices of
            the frames that will be used; the first frame always is. Defaults
            to `None`: all.
        deinterlace: `None`, `"yadif"` or `"bob"`. Defaults to `None`.

    Attributes:
        size: pair of int. Height and width of the upright frames in pixels.
        frame: `av.VideoFrame`. The current frame.
        position: int. The index of the current frame.
        num_packets: int. Video packets read so far.
        num_damaged: int. Packets that could not be decoded, and frames that the
            decoder had to repair, so far.
        hdr: `None`, `"hlg"` or `"pq"`. The curve of high dynamic range.
        rotation: int. Degrees clockwise by which frames are rotated.
        interlaced: bool. Whether any frame so far was interlaced.
        stamps: pair of arrays of int. Presentation and decoding time stamps
            of the frames decoded so far, `time_stamps.NONE` if missing.
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
        # Arrays, because a video of hours has many frames.
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
        """Steps to the next frame; with `wanted`, frames may be skipped, but
        none of these. Returns `False` at the end of the video.

        Raises:
            PositionError: if it is not the next frame of the index.
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
        """Steps or seeks forward to the frame with index `position`. Returns
        `False` if the video ends before it.

        Raises:
            PositionError: if the frames are not those of the index.
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
        """Returns the seconds from the first frame to the current one. Call it
        once for each frame, in order."""
        if self._deinterlaced:
            return float(self.frame.time)
        return self._clock.seconds(self.frame)

    @property
    def late(self):
        """Seconds from the start of the file, which may be sound, to its first
        frame; known after `seconds()` of that frame."""
        return self._clock.late

    def retrieve(self, frame=None):
        """Returns the current frame, or an earlier `frame` of this decoder, as
        a uint8 array `(height, width, 3)`, R G B.

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
        """Returns the time stamps of the frames that must be decoded; `None`
        for all."""
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
        # Only if there is a key frame on the way: decoding can begin there.
        key_frame = self._index.key_frame_before(position)
        if key_frame <= self.position + _NEAR:
            return
        stamp = int(self._index.stamps[key_frame])
        self._container.seek(stamp, stream=self._stream)
        self._frames = self._decoded()
        # Skip the frames before the key frame. Some depend on packets that were
        # not read; if the index of the container is coarse, there are many.
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
                self.num_damaged += 1  # the rest cannot be read
                packet = None
            if packet is None:
                break
            # An empty packet is the end, or in some formats repeats a frame.
            if not packet.size:
                continue
            # Packets that an edit list hides are counted too.
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
        # The decoder may still contain a damaged packet.
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
    """Yields frames deinterlaced by FFmpeg (`how`: `"yadif"` or `"bob"`). Their
    `time` is in seconds from the first frame, by the `Clock` of the video."""
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
