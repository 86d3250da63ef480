"""Finds the files that a list names, also if it was written on another
machine."""

import os
import pathlib

from keras_vidrec.data.catalogs import video_content
from keras_vidrec.data.catalogs import video_tree
from keras_vidrec.data.prepared import storage


class _Ambiguous(ValueError):
    """Several clips match a name."""


class Finder:
    """Finds the clips below a directory that the paths in lists mean.

    A path is relative to the directory, or absolute; links are followed, also
    out of the directory. The last parts of an absolute path of another machine
    are searched below the directory, and so are those of a path that begins
    with folders above it. A name without folders (an id) may be at any depth.
    A clip is also found by its name without the extension, or with another one.

    Args:
        root: `pathlib.Path` or `RemotePath`. The directory. In an object store
            files are not searched: any name with the extension of a video is
            accepted.
        clips: `None` (files), or collection of str: the paths below `root` of
            clips that are folders of frames. Defaults to `None`.
    """

    def __init__(self, root, clips=None):
        self._root = root
        self._clips = clips
        self._known = None if clips is None else set(clips)
        self._is_remote = isinstance(root, storage.RemotePath)
        if not self._is_remote:
            self._homes = [root.absolute(), root.resolve()]
        self._by_stem = None
        self._folders = {}

    def find(self, text: str) -> str | None:
        """Returns the path below the directory of the clip that `text` means,
        or `None` if there is none. URLs are returned unchanged.

        Raises:
            ValueError: if the path leads out of the directory, or several clips
                match it.
        """
        if "\0" in text or "\n" in text or not text:
            return None
        if storage.is_url(text):
            storage.as_path(text)  # raises an error if it cannot be read
            return text
        if self._is_remote:
            return self._find_afar(text)
        found = self._find(text)
        if found is None and "\\" in text:
            found = self._find(text.replace("\\", "/"))
        return found

    def count(self, texts) -> float:
        """The number of texts for which there are clips, plus 0.01 for each
        text that looks like a path, because most files may be missing."""
        count = 0.0
        for text in texts:
            if "/" in text or video_content.has_video_suffix(text):
                count += 0.01
            try:
                count += self.find(text) is not None
            except _Ambiguous:
                pass
            except ValueError:
                count += 1  # `find` reports paths outside later
        return count

    def find_cut(self, text, segment):
        """Returns the file that contains only this segment of a video listed by
        its id, named `<id>_000010_000020.mp4` as in Kinetics, or `None`."""
        if "/" in text or video_content.has_video_suffix(text):
            return None
        start, end, _ = segment
        return self.find(f"{text}_{int(start):06d}_{int(end):06d}")

    def is_as_short(self, name, segment):
        """Whether a video is at most a second longer than a segment of it,
        given in seconds: then the file contains the segment only."""
        if self._known is not None or segment[1] is None:
            return False
        seconds = video_content.duration(self._root / name)
        # Cuts are made at key frames, so they may be a second longer.
        return bool(seconds) and seconds <= segment[1] - segment[0] + 1

    def _find(self, text):
        """`find` in a local directory, for paths with `/`."""
        pure = pathlib.PurePosixPath(text)
        parts = pure.parts
        if ".." in parts:
            raise _outside(text)
        if pure.is_absolute():
            home = next(
                (h for h in self._homes if pure.is_relative_to(h)), None
            )
            parts = parts[1:]
            starts = range(len(parts))
            if home is not None:
                parts = pure.relative_to(home).parts
                starts = (0,)
            elif os.path.isfile(text) and self._known is None:
                starts = range(len(parts) - 1)
        else:
            starts = range(len(parts))
            if len(parts) > 1 and self._has_folder(parts[0]):
                # The path is relative to the directory, and its last part
                # alone could be another clip.
                starts = starts[:-1]
        for start in starts:
            name = "/".join(parts[start:])
            if name and self._is_there(name):
                return name
        for start in starts:
            name = "/".join(parts[start:])
            if name and (found := self._without_suffix(name, start > 0)):
                return found
        if pure.is_absolute() and self._known is None and os.path.isfile(text):
            raise _outside(text)
        return None

    def _find_afar(self, text):
        """`find` in an object store. Requests for each path would be slow, so
        missing files are noticed only when they are read.
        """
        pure = pathlib.PurePosixPath(text)
        if pure.is_absolute() or ".." in pure.parts:
            raise _outside(text)
        return str(pure) if video_content.has_video_suffix(pure.name) else None

    def _has_folder(self, name):
        if name not in self._folders:
            self._folders[name] = (
                os.path.isdir(self._root / name)
                if self._known is None
                else any(clip.startswith(f"{name}/") for clip in self._known)
            )
        return self._folders[name]

    def _is_there(self, name):
        if self._known is not None:
            return name in self._known
        return os.path.isfile(os.path.join(self._root, name))

    def _without_suffix(self, name, is_short):
        """Returns the clip whose name has another extension or none, or `None`.

        If `name` has no folders, the clip may be in any folder, unless
        `is_short`: folders were removed from the path.
        """
        if self._by_stem is None:
            self._by_stem = {}
            clips = self._clips
            if clips is None:
                clips = video_tree.find_videos(self._root)
            for clip in clips:
                file = clip.rpartition("/")[2]
                for stem in {_stem(file), file}:
                    self._by_stem.setdefault(stem, []).append(clip)
        fits = []
        file = name.rpartition("/")[2]
        for stem in dict.fromkeys((file, _stem(file))):
            fits = self._by_stem.get(stem, [])
            if fits and ("/" in name or is_short):
                parent = name.rpartition("/")[0]
                fits = [c for c in fits if c.rpartition("/")[0] == parent]
            if fits:
                break
        if len(fits) > 1:
            raise _Ambiguous(
                f"Several clips match {name!r} of the list. Expected one. "
                f"Received: {fits[:5]}"
            )
        return fits[0] if fits else None


def _stem(name: str) -> str:
    """A name without the extension of a video. Names of folders of frames may
    contain dots, so nothing else is removed."""
    if video_content.has_video_suffix(name):
        return name.rpartition(".")[0]
    return name


def _outside(path: str) -> ValueError:
    return ValueError(
        "A path of the list is outside of the dataset's directory. Expected "
        "paths below it, without `..`, or a directory that contains all of "
        f"them. Received: {path!r}"
    )
