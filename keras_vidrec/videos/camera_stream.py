"""The frames of a camera or of a live stream."""

import collections
import collections.abc
import contextlib
import sys
import threading
import time

import av
import numpy as np

from keras_vidrec.specs import checks
from keras_vidrec.videos import conversion
from keras_vidrec.videos import decoder
from keras_vidrec.videos import time_stamps
from keras_vidrec.videos.steady import steady

# Timeouts in seconds for opening a camera, and for its next frame.
_OPENING = 10
_PATIENCE = 5
# A longer time without a frame, in seconds, is a gap in the stream.
_LONGEST = 1.0
_FORMATS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}


class CameraStream:
    """The frames of a camera at a constant rate, as they arrive.

    The time of a frame is its time stamp, or the time of its arrival if the
    stream has no time stamps. If frames are processed more slowly than the
    camera delivers them, older ones are skipped.

    Args:
        device: str. Number of the camera, or the address of a stream that
            FFmpeg can open.
        frame_rate: `None`, or float. Frames per second of the camera. Defaults
            to `None`: the rate that it states.
        fps: `None`, or float. Frames per second of `frames`, as in
            `FrameSpec.fps`. Defaults to `None`: those of the camera.
        deinterlace: `None`, `"yadif"` or `"bob"`. See `video.probe`. Defaults
            to `None`.

    Attributes:
        name: str. `"camera "` and the device.
        frame_rate: float. Frames per second of `frames`.
        deinterlace: as given.
        num_skipped: int. How many frames were skipped so far.

    Raises:
        ValueError: if an argument is invalid, there is no such camera, or it
            does not state its frame rate and `frame_rate` is `None`.
    """

    def __init__(
        self,
        device: str,
        frame_rate: float | None = None,
        fps: float | None = None,
        deinterlace: str | None = None,
    ) -> None:
        checks.choice("deinterlace", deinterlace, decoder.DEINTERLACE)
        for name, value in (("frame_rate", frame_rate), ("fps", fps)):
            if value is not None:
                checks.positive(name, value)
        self.name = f"camera {device}"
        self.deinterlace = deinterlace
        self.num_skipped = 0
        self._container = _open(device)
        try:
            self._stream = next(iter(self._container.streams.video), None)
            if self._stream is None or self._stream.codec_context is None:
                raise _no_camera(device)
            self._stream.codec_context.thread_count = 1
            rate = frame_rate or time_stamps.stated_rate(self._stream)
            if rate and deinterlace == "bob":
                rate *= 2
            self.frame_rate = fps or rate
            if not self.frame_rate:
                raise ValueError(
                    f"The camera {device!r} does not state its frame rate. "
                    "Expected `frame_rate` (--frame-rate), frames a second."
                )
        except ValueError:
            self._container.close()
            raise

    def frames(
        self, hold: int
    ) -> collections.abc.Iterator[tuple[int, float, np.ndarray]]:
        """Yields `(index, seconds, frame)`: the number of a frame from 0, its
        time since the first frame, and a uint8 array `(height, width, 3)`,
        R G B.

        The rate is `frame_rate`; if the camera has another, frames are repeated
        or left out, so that each is the nearest in time. Numbers are left out
        if frames were skipped, or the camera gave none for a second. Call it
        only once: it closes the camera at the end.

        Args:
            hold: int. Maximum number of frames in the queue; older ones are
                skipped.
        """
        newest: collections.deque = collections.deque(maxlen=hold)
        changed = threading.Condition()
        done = threading.Event()
        reader = threading.Thread(
            target=self._read, args=(newest, changed, done), daemon=True
        )
        reader.start()
        convert = last = None
        expected = 0
        try:
            while True:
                with changed:
                    changed.wait_for(lambda: newest or done.is_set())
                    if not newest:
                        return
                    count, index, frame = newest.popleft()
                if convert is None:
                    convert = conversion.Converter(frame)
                if frame is not last:
                    last, image = frame, convert(frame)
                self.num_skipped += count - expected
                expected = count + 1
                yield index, index / self.frame_rate, image
        finally:
            done.set()
            reader.join(_PATIENCE)
            if not reader.is_alive():
                self._container.close()

    def _read(self, newest, changed, done):
        frames = steady(self._timed(), self.frame_rate, _LONGEST)
        try:
            for count, (index, frame) in enumerate(frames):
                if done.is_set():
                    return
                with changed:
                    newest.append((count, index, frame))
                    changed.notify()
        finally:
            with changed:
                done.set()
                changed.notify()

    def _timed(self):
        clock = time_stamps.Clock(self._container, self._stream)
        if not clock.keeps_time:
            clock = _Arrival()
        frames = self._decoded()
        if self.deinterlace is None:
            return ((clock.seconds(frame), frame) for frame in frames)
        frames = decoder.deinterlaced(frames, self.deinterlace, clock)
        return ((float(frame.time), frame) for frame in frames)

    def _decoded(self):
        # The stream ends when the connection breaks. Damaged packets are
        # skipped.
        with contextlib.suppress(av.FFmpegError):
            for packet in self._container.demux(self._stream):
                with contextlib.suppress(av.error.InvalidDataError):
                    yield from packet.decode()


class _Arrival:
    """A `Clock` by the time when frames arrive, without time stamps."""

    def __init__(self):
        self._begin = None

    def seconds(self, frame):
        now = time.monotonic()
        self._begin = now if self._begin is None else self._begin
        return now - self._begin


def _open(device):
    try:
        if device.isdecimal():
            system = _FORMATS.get(sys.platform, "v4l2")
            name = _device_name(int(device), system)
            container = av.open(
                name, format=system, timeout=(_OPENING, _PATIENCE)
            )
        else:
            container = av.open(
                device,
                metadata_errors="ignore",
                timeout=(_OPENING, _PATIENCE),
            )
    except (av.FFmpegError, ValueError, IndexError):
        raise _no_camera(device) from None
    return container


def _device_name(number: int, system: str) -> str:
    if system == "v4l2":
        return f"/dev/video{number}"
    if system == "avfoundation":
        return f"{number}:none"
    from av import device

    cameras = [
        camera
        for camera in device.enumerate_input_devices(system)
        if "video" in camera.media_types
    ]
    return f"video={cameras[number].name}"


def _no_camera(device: str) -> ValueError:
    return ValueError(
        "Expected the number of a camera, or the URL of a stream. Received: "
        f"{device!r}, which FFmpeg cannot open. Check that it exists and that "
        "no other program uses it"
    )
