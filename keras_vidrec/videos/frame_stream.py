"""Frames one after the other, of a file or of a camera."""

import collections
import os
import pathlib
import threading

import cv2

from keras_vidrec.videos import video
from keras_vidrec.videos.opencv_decoder import open_camera
from keras_vidrec.videos.opencv_decoder import open_capture

# Seconds that a camera has to give its last frame.
_PATIENCE = 5


class FileStream:
    """The frames of a video file, in constant memory.

    Args:
        path: path of the file.
        frame_rate: `None`, or float. Frames a second. Defaults to `None`: as
            the file states it.

    Attributes:
        name: str. The path as given.
        frame_rate: float.
        num_skipped: int, 0: a file waits.

    Raises:
        VideoError: if it cannot be read, or states no frame rate.
    """

    num_skipped = 0

    def __init__(self, path, frame_rate=None):
        self.name = str(path)
        self.frame_rate = frame_rate or video.frame_rate(path)
        if not self.frame_rate:
            raise video.VideoError(
                path,
                "it does not state its frame rate. Expected `frame_rate` "
                "(--frame-rate), frames a second.",
            )
        self._path = pathlib.Path(path)

    def frames(self, hold):
        """Yields `(index, frame)`: each frame with its number from 0, a uint8
        array `(height, width, 3)`, R G B.

        Args:
            hold: int. See `CameraStream.frames`.

        Raises:
            VideoError: if the file cannot be read.
        """
        return enumerate(video.iter_frames(self._path))


class CameraStream:
    """The frames of a camera as they come.

    Where whoever takes the frames is slower than the camera, older ones are
    skipped for the newest.

    Args:
        device: str. Number of the camera, or the address of a stream: what
            OpenCV opens.
        frame_rate: `None`, or float. Frames a second. Defaults to `None`: as
            the camera states it.

    Attributes:
        name: str. `"camera "` and the device.
        frame_rate: float.
        num_skipped: int. Frames that nobody has taken so far.

    Raises:
        ValueError: if there is no such camera, or it states no frame rate.
    """

    def __init__(self, device, frame_rate=None):
        self.name = f"camera {device}"
        self.num_skipped = 0
        self._capture = open_camera(device)
        if not self._capture.isOpened():
            raise ValueError(
                "Expected a camera that gives pictures: its number, or the "
                f"address of a stream. Received: {device!r}, which OpenCV "
                "cannot open. Is it there, and free of other programs?"
            )
        stated = self._capture.get(cv2.CAP_PROP_FPS)
        self.frame_rate = frame_rate or (stated if stated > 0 else 0.0)
        if not self.frame_rate:
            self._capture.release()
            raise ValueError(
                f"The camera {device!r} does not state its frame rate. "
                "Expected `frame_rate` (--frame-rate), frames a second."
            )

    def frames(self, hold):
        """Yields `(index, frame)`: each frame with its number from 0, a uint8
        array `(height, width, 3)`, R G B. Numbers are left out where frames
        were skipped. To be called once; it closes the camera.

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
        expected = 0
        try:
            while True:
                with changed:
                    changed.wait_for(lambda: newest or done.is_set())
                    if not newest:
                        return
                    index, frame = newest.popleft()
                self.num_skipped += index - expected
                expected = index + 1
                yield index, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        finally:
            done.set()
            reader.join(_PATIENCE)
            if not reader.is_alive():
                self._capture.release()

    def _read(self, newest, changed, done):
        index = 0
        try:
            while not done.is_set():
                found, frame = self._capture.read()
                if not found:
                    return
                with changed:
                    newest.append((index, frame))
                    changed.notify()
                index += 1
        finally:
            with changed:
                done.set()
                changed.notify()


# Some codecs keep so many frames back at the end of a sound file.
_KEPT_BACK = 2
# Seconds that a file may state to be longer than its frames: that is mostly
# its sound.
_TOLERANCE = 1.0


class CountedFile(FileStream):
    """A `FileStream` that knows how many frames it had.

    Attributes:
        num_frames: `None`, or int. Frames that decode; known when they have
            been read to the last.
    """

    num_frames = None

    def frames(self, hold):
        """Yields what `FileStream.frames` yields."""
        num_frames = 0
        for index, frame in super().frames(hold):
            num_frames = index + 1
            yield index, frame
        self.num_frames = num_frames


def find_damage(path, num_frames, frame_rate):
    """What is damaged in a video file of which `num_frames` decode; a str
    without the name of the file, empty if nothing is known to be.

    The file is not decoded again, and read again only if it states more
    frames than there are. What its container hides (an edit list) or states
    without holding it (gaps of the time stamps) is no damage.
    """
    stated = _stated_frames(path)
    if stated <= num_frames:
        return ""
    stamps = _stamps(path, stated)
    if not stamps:
        return ""  # OpenCV cannot look into it
    undecoded = max(len(stamps) - num_frames, 0)
    cut_off = stated - 1 - max(stamps)
    if cut_off <= _TOLERANCE * frame_rate:
        cut_off = 0
    if not cut_off and undecoded <= _KEPT_BACK:
        return ""
    parts = []
    if undecoded:
        parts.append(f"{undecoded} cannot be decoded")
    if cut_off:
        parts.append(f"the last {cut_off} are cut off")
    early = "; times behind a gap are too early" if undecoded else ""
    return (
        f"it is damaged: of the {stated} frames that it states, "
        f"{' and '.join(parts)}{early}."
    )


def _stated_frames(path):
    capture = open_capture(os.path.abspath(path))
    stated = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    capture.release()
    return stated


def _stamps(path, stated):
    """Places of the frames that a file holds and shows, in frame periods."""
    capture = open_capture(os.path.abspath(path), raw=True)
    stamps = set()
    while capture.grab():
        stamp = int(capture.get(cv2.CAP_PROP_PTS))
        # An edit list hides packets before the beginning and behind the end.
        if 0 <= stamp < stated:
            stamps.add(stamp)
    capture.release()
    return stamps
