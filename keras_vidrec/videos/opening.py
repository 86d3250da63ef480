"""Opening of video files by FFmpeg, safely, and the choice of the stream."""

import contextlib
import os
import stat

import av

from keras_vidrec.videos.errors import VideoError

# Largest frame that is decoded, in pixels: 8K UHD (7680 x 4320) is allowed, the
# sizes in damaged headers are usually larger.
MAX_PIXELS = 2**25
# The same limit for FFmpeg, in case the size of frames changes in a video.
_MOST_DECODED = MAX_PIXELS

# Formats that are lists of other files or addresses, scripts, or text shown as
# pictures. A video must never make FFmpeg open another file.
_REFUSED = {
    "alias_pix",
    "avisynth",
    "avs",
    "concat",
    "concatf",
    "dash",
    "ffmetadata",
    "hls",
    "image2",
    "imf",
    "lavfi",
    "rtp",
    "rtsp",
    "sap",
    "sdp",
    "tty",
    "vapoursynth",
    "webm_dash_manifest",
}
_FORMATS = ",".join(sorted(av.formats_available - _REFUSED))
# The first characters of such lists, in lower case, without leading spaces.
_LISTS = (
    b"ffconcat version",
    b"#extm3u",
    b"file ",
    b"file:",
    b"v=0",
    b"[reference]",
)
_MANIFESTS = (b"<mpd", b"<compositionplaylist", b"<smoothstreamingmedia")
_HEAD = 4096


def limit_pixels(pixels: int) -> None:
    """Lowers `MAX_PIXELS` to `pixels` for this process."""
    global MAX_PIXELS, _MOST_DECODED
    MAX_PIXELS = min(MAX_PIXELS, pixels)
    # More, because decoders pad frames, which matters for small ones.
    _MOST_DECODED = min(_MOST_DECODED, 2 * pixels + 2**16)


@contextlib.contextmanager
def opened(path):
    """Yields the open container of a video and its video stream.

    Args:
        path: str or path-like, a file; or an open binary file that can seek.

    Raises:
        VideoError: if there is no such file, or it is not a video.
    """
    with contextlib.ExitStack() as stack:
        if hasattr(path, "read"):
            path.seek(0)
            head = path.read(_HEAD)
            path.seek(0)
            file = path
        else:
            name = os.fsdecode(path)
            head = _read_head(path, name)
            try:
                name.encode()
                file = f"file:{os.path.abspath(name)}"
            except UnicodeEncodeError:
                # FFmpeg only opens files whose names are UTF-8.
                file = stack.enter_context(open(path, "rb"))
        _check_head(path, head)
        container = _open(path, file)
        stack.callback(container.close)
        yield container, _choose_stream(path, container)


def _read_head(path, name):
    try:
        if "\0" in name:
            raise VideoError(
                path, "its name contains a NUL character. Check the path."
            )
        status = os.stat(name)
        if stat.S_ISDIR(status.st_mode):
            problem = "it is a directory, not a file. Pass one video file."
            raise VideoError(path, problem)
        # A pipe or a device may never end.
        if not stat.S_ISREG(status.st_mode):
            raise VideoError(path, "it is not a file. Pass one video file.")
        with open(name, "rb") as file:
            return file.read(_HEAD)
    except FileNotFoundError:
        problem = "it does not exist. Check the path."
        raise VideoError(path, problem) from None
    except PermissionError:
        problem = "permission denied. Change its permissions."
        raise VideoError(path, problem) from None
    except OSError as error:
        problem = f"{error.strerror}. Check the path."
        raise VideoError(path, problem) from None


def _check_head(path, head):
    if not head:
        raise VideoError(path, "it is empty. Replace it or leave it out.")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(_LISTS) or (
        text.startswith(b"<") and any(word in text for word in _MANIFESTS)
    ):
        raise VideoError(
            path,
            "it is a playlist that names other files, not a video. Pass the "
            "files themselves.",
        )


def _open(path, file):
    try:
        return av.open(
            file,
            # Titles and authors are not always UTF-8.
            metadata_errors="ignore",
            options={"max_pixels": str(_MOST_DECODED)},
            container_options={
                "format_whitelist": _FORMATS,
                "protocol_whitelist": "file",
            },
        )
    except (av.FFmpegError, UnicodeError) as error:
        if isinstance(error, av.error.MemoryError):
            raise
        raise no_video(path) from None


def _choose_stream(path, container):
    """Returns the default video stream, or if there is none, the one with the
    largest frames; never a cover, a thumbnail or a still picture."""
    hidden = (
        av.stream.Disposition.attached_pic
        | av.stream.Disposition.timed_thumbnails
        | av.stream.Disposition.still_image
    )
    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & hidden and stream.codec_context is not None
    ]
    if not streams:
        others = "a cover picture" if container.streams.video else ""
        others = others or ("sound" if container.streams.audio else "")
        if not others:
            raise no_video(path)
        raise VideoError(path, f"it contains only {others}. Leave it out.")

    def rank(stream):
        default = stream.disposition & av.stream.Disposition.default
        return bool(default), stream.width * stream.height

    stream = max(streams, key=rank)
    context = stream.codec_context
    check_size(path, context.height, context.width)
    context.thread_count = 1
    context.options = {"max_pixels": str(_MOST_DECODED)}
    return stream


def check_size(path, height: int, width: int) -> None:
    """Raises a `VideoError` if frames have more than `MAX_PIXELS` pixels; to be
    called before they are decoded."""
    if height * width > MAX_PIXELS:
        raise VideoError(
            path,
            f"its frames of {height} x {width} pixels are too large. Expected "
            f"at most {MAX_PIXELS} pixels. Scale it down.",
        )


def no_video(path) -> VideoError:
    """Returns the `VideoError` for a file without frames."""
    return VideoError(
        path,
        f"no frame of a video, of at most {MAX_PIXELS} pixels, is found in it. "
        "Check that it is a video, replace it or leave it out.",
    )
