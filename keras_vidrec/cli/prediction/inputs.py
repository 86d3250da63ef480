"""Finds the videos that are named on a command line: files, folders, patterns,
URLs, and lists from standard input."""

import glob
import os
import pathlib
import sys

import typer

from keras_vidrec.cli.terminal import echo

# Stands for the paths in the lines of standard input.
STDIN = pathlib.Path("-")
# URL schemes of live streams.
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
    """Finds videos, in the order of `places`; those of a folder or pattern are
    sorted by name.

    Args:
        places: list of `pathlib.Path` of files, folders, patterns such as
            `clips/*/*.mp4`, or `STDIN` (at most once), and of str, URLs.

    Returns:
        Iterator of paths and URLs. It reads standard input line by line.

    Raises:
        typer.BadParameter: if a folder has no video, no video matches a
            pattern, or standard input is named twice.
    """
    if places.count(STDIN) > 1:
        raise typer.BadParameter("- (standard input) can be given only once.")
    found = [
        place if place == STDIN or isinstance(place, str) else _below(place)
        for place in places
    ]
    return _in_order(found)


def parsed(name):
    """Returns a URL as it is, and other text as a path."""
    from keras_vidrec.data.prepared import storage

    return name if storage.is_url(name) else pathlib.Path(name)


def without_options(places):
    """Splits arguments into places and the options of a runner. Typer puts the
    arguments before and after `--` into one list.

    Returns:
        Tuple of the places before the first option, and a list of str: the
        rest.
    """
    texts = [str(place) for place in places]
    first = [text.startswith("--") for text in texts] + [True]
    end = first.index(True)
    return places[:end], texts[end:]


def explained(unread):
    """Returns the error of an `evaluation.Unread`; for a URL also what to do
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
    """Returns the list of the videos of a path: a file, folder or pattern."""
    if place.is_dir():
        return _of_folder(place)
    if not glob.has_magic(str(place)) or place.exists():
        return [place]
    from keras_vidrec.data.catalogs import video_content

    videos, passed = [], []
    for name in sorted(glob.glob(str(place), recursive=True)):
        if os.path.isdir(name):
            # `**` matches the files in the folder itself.
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
    """Returns the videos of a folder. If there are none, raises an error unless
    `needed` is `False`."""
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
    """Prints which files were skipped, and why."""
    from keras_vidrec.data.catalogs import video_tree

    if names:
        shown = video_tree.some_of(names)
        echo(f"Skipped, {reason}: {shown}.", err=True)
