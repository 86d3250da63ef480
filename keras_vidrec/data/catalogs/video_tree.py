"""The video files below a directory, and what is skipped there."""

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
    """What is below a directory: the sorted paths, with `/`, of the videos; and
    of what is skipped, by the reason.
    """

    videos: list
    passed: dict


def scan(root):
    """`Found` of a directory, at any depth.

    Links are followed, each folder is read once; hidden files and folders are
    skipped. Files of unknown endings are opened to see whether they are videos,
    see `video_content`.
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


def _why_no_video(entry, mode):
    """Why a file is skipped, or nothing."""
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


def find_videos(root):
    """The videos that `scan` finds."""
    return scan(root).videos


def named_clips(root, clips=None, brief=False):
    """The clips below a directory (the videos if `clips` does not name others)
    whose names can be written to lists and records, sorted, and a list of
    messages about what is skipped; if `brief`, not about hidden files and those
    that are no videos.
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


def some_of(items):
    """The first few of some names and, of several, their number, for
    messages."""
    shown = ", ".join(map(repr, items[:_SHOWN]))
    more = ", ..." if len(items) > _SHOWN else ""
    number = f" ({len(items)} in all)" if len(items) > 1 else ""
    return f"{shown}{more}{number}"


def _is_text(path):
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def match_clips(clips, videos, classes):
    """Finds the videos of the clips that split files name: a list with the path
    of each, or `None`.

    A clip `class/file` is looked for in folders of the name of its class, then
    in folders that are no class's; under its own name, then with any suffix.
    Several that fit a clip equally well are a `ValueError`.
    """
    by_stem = {}
    for path in map(pathlib.PurePosixPath, videos):
        # Folders of frames have no suffix: what follows a dot is name.
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
    """Refuses two names below `root`, one of them a link, of one file."""
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
