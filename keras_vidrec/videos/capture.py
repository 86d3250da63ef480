"""Opening videos with OpenCV's FFmpeg, on one thread, and cameras: quietly."""

import contextlib
import os
import threading

import cv2

# FFmpeg's complaints about broken files would flood the terminal; what matters
# of them becomes a `VideoError`. OpenCV reads this variable once, when it
# first opens a video; a value set by the user is respected.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


# OpenCV 4.13 moved the log's functions there.
_log = getattr(cv2.utils, "logging", cv2)
_SILENT = 0


class _Silence(contextlib.ContextDecorator):
    """Silences OpenCV's own log while any thread is inside.

    The level is the process's: it is saved by the first thread that enters
    and restored by the last that leaves.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._inside = 0
        self._level = None

    def __enter__(self):
        with self._lock:
            if not self._inside:
                self._level = _log.setLogLevel(_SILENT)
            self._inside += 1

    def __exit__(self, *exception):
        with self._lock:
            self._inside -= 1
            if not self._inside:
                _log.setLogLevel(self._level)


_silence = _Silence()


@_silence
def open_capture(path, raw=False):
    """Opens a video file.

    One thread: a pipeline decodes several videos at once, and a frame's time
    stamp belongs to it only without FFmpeg's frame threads.

    Args:
        path: str. An existing file, in valid UTF-8.
        raw: bool. Whether to grab packets instead of decoded frames. Defaults
            to `False`.

    Returns:
        A `cv2.VideoCapture`; it grabs nothing if the file cannot be opened.
    """
    options = [cv2.CAP_PROP_N_THREADS, 1]
    if raw:
        options += [cv2.CAP_PROP_FORMAT, -1]
    return cv2.VideoCapture(path, cv2.CAP_FFMPEG, options)


@_silence
def open_camera(device):
    """Opens a camera.

    Args:
        device: str. Its number, or what else OpenCV opens: the address of a
            stream, or a device file.

    Returns:
        A `cv2.VideoCapture`; it reads nothing if there is no such camera.
    """
    return cv2.VideoCapture(int(device) if device.isdecimal() else device)
