"""Health, frame times and content of videos: looked at once, kept beside the
data."""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import threading
import time

import numpy as np

from keras_vidrec.specs import cache
from keras_vidrec.specs import documents
from keras_vidrec.specs import files
from keras_vidrec.videos import content
from keras_vidrec.videos import decoder
from keras_vidrec.videos import examination
from keras_vidrec.videos.health import Health

_FILE_NAME = ".vidrec-videos.json"
_SAVE_EVERY_S = 10
# Of a key: the size and the time of change.
_OF_FILE = 2


class HealthCache:
    """`Health` of videos by path, cached in a file beside them.

    Containers are unreliable about their frames, so the whole video is decoded
    once to count them. An entry is keyed by the size and the time of change of
    the file, by what decodes it, and how; the fingerprint of its content is
    keyed by the first two. Where the directory cannot be written, the cache is
    in the user's cache directory instead, and where that cannot be, nowhere.
    Safe to use from several threads; `save()` writes what is new. A pickled
    cache writes nothing.

    Args:
        root: path of the directory of the videos.
        deinterlace: see `video.probe`. Defaults to `None`.
        find: `None` (names are paths below the root), or callable that gives
            the path of a name, or what else has the `stat` and the `open` of
            paths. Defaults to `None`.
    """

    def __init__(self, root, deinterlace: str | None = None, find=None):
        self._root = pathlib.Path(root)
        self._find = find or self._root.joinpath
        self._deinterlace = deinterlace
        self._lock = threading.Lock()
        # Lock by entry: several threads may need one file.
        self._busy: dict = {}
        self._unsaved: set = set()
        self._saved_at = time.monotonic()
        # A file that others have made may be read where none can be written.
        beside, elsewhere = self._root / _FILE_NAME, _elsewhere(self._root)
        self._entries = _load(elsewhere) | _load(beside)
        writable = os.access(self._root, os.W_OK)
        self._file = beside if writable else elsewhere

    def __getstate__(self):
        # For another process, which leaves the file to this one.
        apart = {"_lock": None, "_busy": {}, "_file": None, "_unsaved": set()}
        with self._lock:
            return {**vars(self), "_entries": dict(self._entries), **apart}

    def __setstate__(self, state):
        vars(self).update(state, _lock=threading.Lock())

    def deinterlaced(self, deinterlace: str | None) -> "HealthCache":
        """The cache of the same videos, deinterlaced in another way; the two
        share their file."""
        if deinterlace == self._deinterlace:
            return self
        other = object.__new__(type(self))
        vars(other).update(vars(self), _deinterlace=deinterlace)
        return other

    def key(self, name) -> list:
        """A key that changes with the file of a video; get it before reading
        the file and pass it to `add` afterwards.
        """
        return self._key(self._find(name))

    def add(self, name, key, health: Health, times, found=None) -> None:
        """Keeps what another look at a video has shown.

        Args:
            name: str. The video.
            key: list. What `key(name)` was before that look.
            health: `Health`.
            times: `None`, or seconds of each frame.
            found: `None`, or what `content(name)` was. Defaults to `None`.
        """
        self._keep(self._slot(name), key, health, times)
        if found is not None:
            entry = {"key": key[:_OF_FILE], "content": found}
            self._keep_entry(f"content:{name}", entry)

    def content(self, name) -> str | None:
        """`videos.content.fingerprint` of the video `name`, `None` if it
        cannot be read."""
        path = self._find(name)
        key = self._key(path)[:_OF_FILE]
        entry = self._entries.get(f"content:{name}", {})
        if entry.get("key") == key and "content" in entry:
            return entry["content"]
        try:
            found = content.fingerprint(path)
        except (OSError, ValueError):
            return None
        entry = {"key": key, "content": found}
        return self._keep_entry(f"content:{name}", entry)["content"]

    def __getitem__(self, name) -> Health:
        """`Health` of the video `name`, a path below the root.

        Raises:
            VideoError: if the video cannot be read.
        """
        return Health.from_dict(self._entry(name)["health"])

    def times(self, name) -> np.ndarray | None:
        """Seconds of each frame of a video, see `video.frame_times`.

        Raises:
            VideoError: if the video cannot be read.
        """
        entry = self._entry(name)
        if "times" in entry:
            return np.array(entry["times"])
        health = Health.from_dict(entry["health"])
        if health.frame_rate is None:
            return None
        return np.arange(health.num_frames) / health.frame_rate

    def save(self):
        """Writes new entries; a reader sees the old file or the new one."""
        with self._lock:
            if not self._unsaved or self._file is None:
                return
            text = json.dumps(self._entries)
            self._unsaved.clear()
            self._saved_at = time.monotonic()
            # The cache only saves time: a full disk must not end a run.
            with contextlib.suppress(OSError):
                files.write_text(self._file, text)

    def _entry(self, name):
        path = self._find(name)
        key = self._key(path)
        slot = self._slot(name)
        with self._lock:
            busy = self._busy.setdefault(slot, threading.Lock())
        with busy:
            entry = self._entries.get(slot)
            if entry is not None and entry["key"] == key:
                return entry
            self.content(name)  # while it is read anyway
            with contextlib.ExitStack() as stack:
                file = path
                if not isinstance(path, pathlib.Path):
                    file = stack.enter_context(path.open("rb"))
                health, times = examination.examine(file, self._deinterlace)
            return self._keep(slot, key, health, times.seconds)

    def _slot(self, name):
        return f"{self._deinterlace}:{name}" if self._deinterlace else name

    def _keep(self, slot, key, health, times):
        entry = {"key": key, "health": health.to_dict()}
        # Those of a constant rate are computed from it.
        if times is not None and (
            health.variable_rate or health.frame_rate is None
        ):
            entry["times"] = times.tolist()
        return self._keep_entry(slot, entry)

    def _keep_entry(self, slot, entry):
        with self._lock:
            self._entries[slot] = entry
            self._unsaved.add(slot)
            due = time.monotonic() - self._saved_at > _SAVE_EVERY_S
        if due:
            self.save()
        return entry

    def _key(self, path):
        try:
            status = path.stat()
        except (OSError, ValueError):
            return []  # reading it says why
        return [status.st_size, status.st_mtime_ns, decoder.version()]


def _elsewhere(root):
    """The file of a directory that cannot be written, or `None`."""
    directory = cache.directory()
    if directory is None:
        return None
    name = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]
    return directory / f"videos-{name}.json"


def _load(file):
    """Entries of a file; none where it cannot be read or is damaged."""
    if file is None:
        return {}
    try:
        entries = documents.read_json(file)
    except (OSError, ValueError):
        return {}
    if not isinstance(entries, dict):
        return {}
    return {name: entry for name, entry in entries.items() if _is_sound(entry)}


def _is_sound(entry):
    try:
        if not isinstance(entry["key"], list):
            return False
        if isinstance(entry.get("content"), str):
            return True
        health = Health.from_dict(entry["health"])
        np.asarray(entry.get("times", ()), np.float64)
        return all(
            isinstance(getattr(health, field.name), field.type)
            for field in dataclasses.fields(Health)
        )
    except (AttributeError, TypeError, KeyError, ValueError):
        return False
