"""Frames of a camera as they come."""

import collections
import contextlib
import sys
import threading
import time

import av

from keras_vidrec.videos import conversion
from keras_vidrec.videos import time_stamps

# Seconds that a camera has to open, and to give its next frame.
_OPENING = 10
_PATIENCE = 5
_FORMATS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}


class CameraStream:
    """The frames of a camera as they come.

    Where whoever takes the frames is slower than the camera, older ones are
    skipped for the newest.

    Args:
        device: str. Number of the camera, or the address of a stream: what
            FFmpeg opens.
        frame_rate: `None`, or float. Frames a second. Defaults to `None`: as
            the camera states it.

    Attributes:
        name: str. `"camera "` and the device.
        frame_rate: float.
        num_skipped: int. Frames that nobody has taken so far.

    Raises:
        ValueError: if there is no such camera, or it states no frame rate.
    """

    def __init__(self, device, frame_rate: float | None = None):
        self.name = f"camera {device}"
        self.num_skipped = 0
        self._container = _open(device)
        try:
            self._stream = next(iter(self._container.streams.video), None)
            if self._stream is None or self._stream.codec_context is None:
                raise _no_camera(device)
            self._stream.codec_context.thread_count = 1
            stated = time_stamps.stated_rate(self._stream)
            self.frame_rate = frame_rate or stated
            if not self.frame_rate:
                raise ValueError(
                    f"The camera {device!r} does not state its frame rate. "
                    "Expected `frame_rate` (--frame-rate), frames a second."
                )
        except ValueError:
            self._container.close()
            raise

    def frames(self, hold):
        """Yields `(index, seconds, frame)`: each frame with its number from 0,
        its time from the first frame, and a uint8 array `(height, width, 3)`,
        R G B. Numbers are left out where frames were skipped. To be called
        once; it closes the camera.

        Args:
            hold: int. The newest frames that wait to be taken, at most.
        """
        # What is older falls out at the other end.
        newest = collections.deque(maxlen=hold)
        changed = threading.Condition()
        done = threading.Event()
        reader = threading.Thread(
            target=self._read, args=(newest, changed, done), daemon=True
        )
        reader.start()
        convert = None
        expected = 0
        try:
            while True:
                with changed:
                    changed.wait_for(lambda: newest or done.is_set())
                    if not newest:
                        return
                    index, seconds, frame = newest.popleft()
                if convert is None:
                    convert = conversion.Converter(frame)
                self.num_skipped += index - expected
                expected = index + 1
                yield index, seconds, convert(frame)
        finally:
            done.set()
            reader.join(_PATIENCE)
            if not reader.is_alive():
                self._container.close()

    def _read(self, newest, changed, done):
        begin = None
        index = 0
        try:
            for frame in self._decoded():
                if done.is_set():
                    return
                now = frame.time
                if now is None:
                    now = time.monotonic()
                begin = now if begin is None else begin
                with changed:
                    newest.append((index, now - begin, frame))
                    changed.notify()
                index += 1
        finally:
            with changed:
                done.set()
                changed.notify()

    def _decoded(self):
        # A connection that breaks is the end of the stream; packets that
        # arrive damaged are not.
        with contextlib.suppress(av.FFmpegError):
            for packet in self._container.demux(self._stream):
                with contextlib.suppress(av.error.InvalidDataError):
                    yield from packet.decode()


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


def _device_name(number, system):
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


def _no_camera(device):
    return ValueError(
        "Expected a camera that gives pictures: its number, or the address of "
        f"a stream. Received: {device!r}, which FFmpeg cannot open. Is it "
        "there, and free of other programs?"
    )
