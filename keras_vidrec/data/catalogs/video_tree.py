"""The video files below a directory."""

import os
import pathlib

from keras_vidrec.data.catalogs.split import first_of
from keras_vidrec.data.prepared import storage

VIDEO_SUFFIXES = (
    ".3gp",
    ".avi",
    ".flv",
    ".m4v",
    ".mkv",
    ".mov",
    ".mp4",
    ".mpeg",
    ".mpg",
    ".ogv",
    ".webm",
    ".wmv",
)


def find_videos(root):
    """The sorted paths, with `/`, of the videos below a directory, at any
    depth.

    Links are followed; hidden files and folders are passed over.
    """
    found = []

    def scan(directory, prefix, above):
        real = os.path.realpath(directory)
        # A link to a directory that holds it never ends.
        if real in above:
            return
        for entry in os.scandir(directory):
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                scan(entry.path, f"{prefix}{entry.name}/", above | {real})
            elif entry.is_file() and entry.name.lower().endswith(
                VIDEO_SUFFIXES
            ):
                found.append(prefix + entry.name)

    scan(root, "", frozenset())
    return sorted(found)


def named_clips(root, clips=None):
    """The clips below a directory (the videos if `clips` does not name others)
    whose names can be written to lists and records, sorted, and a list of
    messages about what is left out."""
    found = find_videos(root) if clips is None else sorted(clips)
    odd = [path for path in found if not _is_text(path)]
    if not odd:
        return found, []
    problem = (
        "Files whose names are not UTF-8, left out; rename them: "
        f"{first_of(odd)}."
    )
    return sorted(set(found).difference(odd)), [problem]


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
                f"Several videos fit the clip {str(clip)!r}. Expected one. "
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
                "Two names lead to one file. Expected every clip once. "
                f"Received: {first!r} and {path!r}"
            )
