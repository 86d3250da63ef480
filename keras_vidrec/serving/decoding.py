"""The functions that run in the processes that read videos. If a file makes
FFmpeg crash, one of these processes ends, and not the server."""

import contextlib
import logging
import pathlib

from keras_vidrec.data.clips import frame_size
from keras_vidrec.data.preparing import workers
from keras_vidrec.evaluation.shown import Reader
from keras_vidrec.serving.limits import Limits
from keras_vidrec.videos import opening
from keras_vidrec.videos.errors import VideoError
from keras_vidrec.videos.frame_stream import FileStream

logger = logging.getLogger("keras_vidrec")


def read_clips(connection, reader: Reader, limits: Limits) -> None:
    """Reads videos until the connection is closed. It receives `(path, name)`
    for each video, and sends `("begun", None)` followed by `("done", Shown)` or
    `("refused", text)`.

    Args:
        connection: connection to the server.
        reader: `evaluation.shown.Reader`.
        limits: `Limits`.
    """
    _begin(limits)
    connection.send(("ready", None))
    while True:
        try:
            path, name = connection.recv()
        except EOFError:
            return
        connection.send(("begun", None))
        with _refusals(connection, path, name):
            limits.check_header(path)
            connection.send(("done", reader(path)))


def read_frames(
    connection, reader: Reader, limits: Limits, path, name, frame_rate
) -> None:
    """Reads one video frame by frame. It sends `("opened", frame_rate)`, then
    `("frame", (index, seconds, frame))` with each resized frame, and finally
    `("end", None)`; or `("refused", text)` if the video cannot be read.

    Args:
        connection: connection to the server.
        reader: `evaluation.shown.Reader`.
        limits: `Limits`.
        path: str. Path of the file.
        name: str. Name of the video in errors.
        frame_rate: `None`, or float, see `videos.FileStream`.
    """
    _begin(limits)
    with _refusals(connection, path, name):
        limits.check_header(path)
        wanted = reader.spec.frame
        stream = FileStream(path, frame_rate, wanted.fps, wanted.deinterlace)
        connection.send(("opened", stream.frame_rate))
        size = None
        for index, seconds, frame in stream.frames(1):
            limits.check_seconds(path, index / stream.frame_rate)
            if size is None:
                size = frame_size.size_of(wanted, *frame.shape[:2])
            frame = frame_size.resize(frame, size, wanted.interpolation)
            connection.send(("frame", (index, seconds, frame)))
        connection.send(("end", None))


def _begin(limits):
    workers.begin()
    opening.limit_pixels(limits.max_pixels)
    # If memory runs out, Linux kills this process first, and not the server.
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/oom_score_adj").write_text("1000")


@contextlib.contextmanager
def _refusals(connection, path, name):
    """Sends `("refused", text)` if reading the video raises an error. The text
    contains the name of the video instead of its path."""
    try:
        yield
    except (BrokenPipeError, ConnectionError):
        raise
    except MemoryError:
        text = "it needs more memory than there is. Scale it down."
        connection.send(("refused", str(VideoError(name, text))))
    except ValueError as error:
        if isinstance(error, VideoError):
            error.args = (name, *error.args[1:])
        connection.send(("refused", str(error).replace(path, name)))
    except Exception:
        logger.exception("A video could not be decoded:")
        text = "decoding it fails. Check that it is a video."
        connection.send(("refused", str(VideoError(name, text))))
