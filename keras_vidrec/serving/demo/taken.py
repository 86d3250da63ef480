"""A video that was given to the page."""

import contextlib
import pathlib
import shutil
import tempfile

import cv2

from keras_vidrec.videos import opening
from keras_vidrec.videos.errors import VideoError
from keras_vidrec.videos.frame_stream import FileStream
from keras_vidrec.videos.video_writer import VideoWriter

# What all browsers play as it is: suffixes, codecs, pixels.
_SUFFIXES = (".mp4", ".m4v", ".webm")
_CODECS = ("h264", "vp8", "vp9", "av1", "libdav1d", "libvpx", "libvpx-vp9")
_PIXELS = ("yuv420p", "yuvj420p")
# Height in pixels that is enough for a page.
_HEIGHT = 480


class Taken:
    """A video and what the browser plays of it, in a folder of its own.

    Args:
        home: path of a directory, in which the folder is made.
        source: path of the video.
        max_seconds: float. A longer one is refused.
        move: bool. Whether the file is moved into the folder, an upload say,
            or stays where it is. Defaults to `False`.

    Attributes:
        path: `pathlib.Path`. What the networks see.
        shown: `pathlib.Path`. What the browser plays, by the same time.
        name: str. What people call it.
        seconds: float. Its length, as far as its packets tell.

    Raises:
        VideoError: if it is no video, or too long; nothing is left of it then.
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
            elif not move:  # the page serves its own files alone
                shutil.copyfile(self.path, self.shown)
        except BaseException:
            self.drop()
            raise

    def drop(self):
        """Removes its folder; may be called again."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def __deepcopy__(self, memo):
        return self  # a session holds the folder, not a copy


def _look(path, max_seconds):
    """Seconds of a video as its packets have them, whatever its header says,
    and whether browsers play it. Nothing is decoded."""
    seconds = 0.0
    with opening.opened(path) as (container, stream):
        start = (container.start_time or 0) / 1_000_000
        context = stream.codec_context
        is_playable = (
            path.suffix.lower() in _SUFFIXES
            and context.name in _CODECS
            and context.pix_fmt in _PIXELS
        )
        with contextlib.suppress(OSError, ValueError):  # it is cut off
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
            "takes (--max-seconds). Cut it, or ask `vidrec predict --window`.",
        )
    return seconds, is_playable


def _convert(path, out):
    """Writes what browsers play, or nothing: what is wrong with the video is
    said when the networks read it."""
    try:
        stream = FileStream(path)
        with VideoWriter(out) as writer:
            for seconds, frame in stream.own_frames():
                writer.write(_small(frame), seconds)
    except VideoError:
        out.unlink(missing_ok=True)
        raise


def _small(frame):
    """Even sides, as the codec wants them."""
    height, width, _ = frame.shape
    scale = min(_HEIGHT / height, 1)
    size = [max(round(side * scale / 2), 1) * 2 for side in (width, height)]
    if (height, width) == (size[1], size[0]):
        return frame
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
