"""Finds the video files below a directory, and says which files it skips."""

import collections
import os
import pathlib
import stat
import typing

from keras_vidrec.data.catalogs import folder_walk
from keras_vidrec.data.catalogs import video_content
from keras_vidrec.data.catalogs.split import first_of
from keras_vidrec.data.prepared import storage

# Files of this package.
_OWN = ".vidrec-"
_SHOWN = 5

NO_VIDEO = "not a video extension"


class Found(typing.NamedTuple):
    """The files below a directory.

    Args:
        videos: list of str. Paths of the videos, with `/`, sorted.
        passed: dict from each reason to the sorted paths of the files and
            folders that are skipped for it.
    """

    videos: list
    passed: dict


def scan(root) -> Found:
    """Returns the `Found` of a directory, with files at any depth.

    Links are followed, and each folder is read once; hidden files and folders
    are skipped. Files with unknown extensions are opened to check whether they
    are videos, see `video_content`.
    """
    videos, passed = [], collections.defaultdict(list)

    def pass_over(reason, path):
        if not path.rpartition("/")[2].startswith(_OWN):
            passed[reason].append(path)

    def enter(path):
        if video_content.has_video_suffix(path):
            passed["a folder with the extension of a video"].append(path)

    for path, entry in folder_walk.walk(root, pass_over, enter):
        try:
            reason = _why_no_video(entry, os.stat(entry.path).st_mode)
        except OSError as error:
            reason = f"it cannot be read ({error.strerror})"
        if reason:
            pass_over(reason, path)
        else:
            videos.append(path)
    return Found(
        sorted(videos), {reason: sorted(p) for reason, p in passed.items()}
    )


def _why_no_video(entry: os.DirEntry, mode: int) -> str:
    """The reason why a file is skipped, or `""`."""
    if not stat.S_ISREG(mode):
        return "not a file, but a pipe, a socket or a device"
    name = entry.name
    if video_content.has_other_suffix(name):
        return NO_VIDEO
    if "\n" in name or "\r" in name:
        return "its name has a line break; rename it"
    if not os.access(entry.path, os.R_OK):
        return "it cannot be read (Permission denied)"
    if video_content.has_video_suffix(name):
        return ""
    if not os.path.getsize(entry.path):
        return "empty"
    return "" if video_content.is_video(entry.path) else "no video stream"


def find_videos(root) -> list[str]:
    """The videos that `scan` finds."""
    return scan(root).videos


def named_clips(root, clips=None, brief=False):
    """Finds the clips below a directory whose names are valid UTF-8, so that
    they can be written to lists and records.

    Args:
        root: path of the directory.
        clips: `None` (the video files), or iterable of str: the paths of other
            clips. Defaults to `None`.
        brief: bool. Whether to leave out the messages about hidden files and
            files that are not videos. Defaults to `False`.

    Returns:
        Pair: the sorted paths of the clips, and a list of messages about files
        that are skipped.
    """
    problems = []
    if clips is None:
        found, passed = scan(root)
        problems = [
            f"Skipped, {reason}: {some_of(paths)}."
            for reason, paths in sorted(passed.items())
            if not (brief and reason in (folder_walk.HIDDEN, NO_VIDEO))
        ]
    else:
        found = sorted(clips)
    odd = [path for path in found if not _is_text(path)]
    if not odd:
        return found, problems
    problem = (
        "Files whose names are not UTF-8, left out; rename them: "
        f"{first_of(odd)}."
    )
    return sorted(set(found).difference(odd)), [*problems, problem]


def some_of(items) -> str:
    """The first few names and, if there are several, their number, for
    messages."""
    shown = ", ".join(map(repr, items[:_SHOWN]))
    more = ", ..." if len(items) > _SHOWN else ""
    number = f" ({len(items)} in all)" if len(items) > 1 else ""
    return f"{shown}{more}{number}"


def _is_text(path: str) -> bool:
    """Whether a path is valid UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def match_clips(clips, videos, classes):
    """Finds the videos of the clips that split files name.

    A clip `class/file` is searched in folders named like its class, then in
    folders that are not named like any class; by its own name, then with any
    extension.

    Args:
        clips: sequence of str, `class/file`.
        videos: sequence of str. Paths of the videos.
        classes: sequence of str. All class names.

    Returns:
        List of the path of each clip, or `None` for a clip without a video.

    Raises:
        ValueError: if several videos match a clip equally well.
    """
    by_stem = {}
    for path in map(pathlib.PurePosixPath, videos):
        # Folders of frames have no extension, but may have dots in the name.
        for name in {path.stem, path.name}:
            by_stem.setdefault(name, []).append(path)
    classes = set(classes)
    found = []
    for clip in map(pathlib.PurePosixPath, clips):
        fits = {}
        for path in by_stem.get(clip.stem, ()):
            in_class = path.parent.name == clip.parent.name
            if in_class or path.parent.name not in classes:
                rank = (not in_class, path.name != clip.name)
                fits.setdefault(rank, []).append(str(path))
        best = fits[min(fits)] if fits else [None]
        if len(best) > 1:
            raise ValueError(
                f"Several videos match the clip {str(clip)!r}. Expected one. "
                f"Received: {best}"
            )
        found.append(best[0])
    return found


def check_different(root, videos):
    """Raises a `ValueError` if two names below `root` refer to the same file,
    one of them as a link."""
    seen = {}
    for path in videos:
        place = storage.below(root, path)
        if not isinstance(place, storage.RemotePath):
            place = os.path.realpath(place)
        first = seen.setdefault(place, path)
        if first != path:
            raise ValueError(
                "Two names refer to the same file. Expected every clip "
                f"once. Received: {first!r} and {path!r}"
            )
