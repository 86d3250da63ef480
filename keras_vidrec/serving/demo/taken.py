"""A video that a user has uploaded, recorded or chosen."""

import contextlib
import pathlib
import shutil
import tempfile

import cv2

from keras_vidrec.videos import opening
from keras_vidrec.videos.errors import VideoError
from keras_vidrec.videos.frame_stream import FileStream
from keras_vidrec.videos.video_writer import VideoWriter

# Suffixes, codecs and pixel formats that all browsers can play.
_SUFFIXES = (".mp4", ".m4v", ".webm")
_CODECS = ("h264", "vp8", "vp9", "av1", "libdav1d", "libvpx", "libvpx-vp9")
_PIXELS = ("yuv420p", "yuvj420p")
# Largest height of a converted video in pixels.
_HEIGHT = 480


class Taken:
    """A video, and a version of it that browsers can play, in a new folder.

    Args:
        home: path of the directory in which the folder is made.
        source: path of the video.
        max_seconds: float. Longer videos are refused.
        move: bool. Whether the file is moved into the folder, as for an
            upload, or stays where it is. Defaults to `False`.

    Attributes:
        path: `pathlib.Path` of the video for the networks.
        shown: `pathlib.Path` of the video for the browser, with the same times.
        name: str. Name of the file.
        seconds: float. Length of the video according to its packets.

    Raises:
        VideoError: if it is not a video, or too long. The folder is removed
            then.
    """

    def __init__(self, home, source, max_seconds, *, move=False):
        self.path = pathlib.Path(source)
        self.name = self.path.name
        self._folder = pathlib.Path(tempfile.mkdtemp(dir=home))
        try:
            if move:
                self.path = self._folder / self.name
                shutil.move(source, self.path)
            self.seconds, is_playable = _look(self.path, max_seconds)
            self.shown = self.path if move else self._folder / self.name
            if not is_playable:
                self.shown = self._folder / f"{self.path.stem}-shown.mp4"
                _convert(self.path, self.shown)
            elif not move:  # the page only serves files of its own directory
                shutil.copyfile(self.path, self.shown)
        except BaseException:
            self.drop()
            raise

    def drop(self):
        """Removes the folder. It may be called several times."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def __deepcopy__(self, memo):
        return self  # Gradio copies states; the folder must not be copied


def _look(path, max_seconds):
    """Returns the length of a video in seconds according to its packets (its
    header may be wrong), and whether browsers can play it. Nothing is decoded.
    Raises a `VideoError` if it is longer than `max_seconds`."""
    seconds = 0.0
    with opening.opened(path) as (container, stream):
        start = (container.start_time or 0) / 1_000_000
        context = stream.codec_context
        is_playable = (
            path.suffix.lower() in _SUFFIXES
            and context.name in _CODECS
            and context.pix_fmt in _PIXELS
        )
        with contextlib.suppress(OSError, ValueError):  # a truncated file
            for packet in container.demux(stream):
                stamp = packet.dts if packet.pts is None else packet.pts
                if stamp is None:
                    continue
                end = stamp + (packet.duration or 0)
                end = float(end * packet.time_base) - start
                seconds = max(seconds, end)
                if seconds > max_seconds:
                    break
    if seconds > max_seconds:
        raise VideoError(
            path,
            f"it is longer than the {max_seconds:g} seconds that this page "
            "accepts (--max-seconds). Cut it, or use `vidrec predict "
            "--window`.",
        )
    return seconds, is_playable


def _convert(path, out):
    """Converts a video to one that browsers can play. If it cannot be read, no
    file is left and the `VideoError` is raised."""
    try:
        stream = FileStream(path)
        with VideoWriter(out) as writer:
            for seconds, frame in stream.own_frames():
                writer.write(_small(frame), seconds)
    except VideoError:
        out.unlink(missing_ok=True)
        raise


def _small(frame):
    """Returns a frame resized to at most 480 pixels of height, with an even
    height and width, as the codec needs."""
    height, width, _ = frame.shape
    scale = min(_HEIGHT / height, 1)
    size = [max(round(side * scale / 2), 1) * 2 for side in (width, height)]
    if (height, width) == (size[1], size[0]):
        return frame
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
