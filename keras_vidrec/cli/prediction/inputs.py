"""The videos that a command line means: files, folders, patterns, addresses,
and lists from standard input."""

import glob
import os
import pathlib
import sys

import typer

from keras_vidrec.cli.terminal import echo

# In place of a path: the paths are in lines of the standard input.
STDIN = pathlib.Path("-")
_STREAMS = (
    "mms",
    "mmsh",
    "rtmp",
    "rtmps",
    "rtp",
    "rtsp",
    "rtsps",
    "srt",
    "udp",
)


def expand(places):
    """The videos of some places, in their order; of a folder or a pattern in
    that of their names.

    Args:
        places: list of paths of files or folders, patterns such as
            `clips/*/*.mp4`, texts of addresses, and `STDIN`, once at most.

    Returns:
        Iterator of paths and addresses, which reads the standard input line by
        line.

    Raises:
        typer.BadParameter: if a folder has no video, a pattern fits none, or
            the standard input is named twice.
    """
    if places.count(STDIN) > 1:
        raise typer.BadParameter("- (standard input) can be given only once.")
    found = [
        place if place == STDIN or isinstance(place, str) else _below(place)
        for place in places
    ]
    return _in_order(found)


def parsed(name):
    """The path, or the text of an address, that a line means."""
    from keras_vidrec.data.prepared import storage

    return name if storage.is_url(name) else pathlib.Path(name)


def without_options(places):
    """Places, and what follows from the first option on, as text: what stands
    behind `--` is one list with what stands before it."""
    texts = [str(place) for place in places]
    first = [text.startswith("--") for text in texts] + [True]
    end = first.index(True)
    return places[:end], texts[end:]


def explained(unread):
    """What is wrong with an `evaluation.Unread` and, of an address, what to do
    instead."""
    text = str(unread.error)
    scheme, mark, _ = unread.video.partition("://")
    if mark and scheme.lower() in _STREAMS:
        return (
            f"{unread.video} is a live stream, not a file. Process it with "
            f"--camera {unread.video}"
        )
    if mark and scheme.lower() in ("http", "https"):
        text = text.rstrip(".")
        text += (
            ". A URL must point to a video file: web pages are not searched "
            "for videos, and video sites are not supported. Download the "
            "video and give its path."
        )
    return text


def _in_order(found):
    for one in found:
        if one == STDIN:
            for line in sys.stdin.buffer:
                if name := os.fsdecode(line).rstrip("\r\n"):
                    yield parsed(name)
        elif isinstance(one, list):
            yield from one
        else:
            yield one


def _below(place):
    """List of the videos of a path: the path itself, or those in it."""
    if place.is_dir():
        return _of_folder(place)
    if not glob.has_magic(str(place)) or place.exists():
        return [place]
    from keras_vidrec.data.catalogs import video_content

    videos, passed = [], []
    for name in sorted(glob.glob(str(place), recursive=True)):
        if os.path.isdir(name):
            # `**` names what is in the folder too.
            if not str(place).endswith("**"):
                videos += _of_folder(pathlib.Path(name), needed=False)
        elif video_content.has_other_suffix(name):
            passed.append(name)
        else:
            videos.append(pathlib.Path(name))
    _tell_passed("not a video extension", passed)
    if not videos:
        raise typer.BadParameter(
            f"No video matches the pattern {str(place)!r}."
        )
    return videos


def _of_folder(folder, needed=True):
    from keras_vidrec.data.catalogs import folder_walk
    from keras_vidrec.data.catalogs import video_tree

    videos, passed = video_tree.scan(folder)
    for reason, names in sorted(passed.items()):
        if reason not in (folder_walk.HIDDEN, video_tree.NO_VIDEO):
            _tell_passed(reason, [str(folder / name) for name in names])
    if needed and not videos:
        raise typer.BadParameter(f"No video found in {str(folder)!r}.")
    return [folder / name for name in videos]


def _tell_passed(reason, names):
    from keras_vidrec.data.catalogs import video_tree

    if names:
        shown = video_tree.some_of(names)
        echo(f"Skipped, {reason}: {shown}.", err=True)
