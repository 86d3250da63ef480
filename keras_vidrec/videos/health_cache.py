"""A cache for the health, frame times and fingerprints of videos."""

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
# The first items of a key, which depend on the file only.
_OF_FILE = 2


class HealthCache:
    """`Health` of videos by name, cached in a file in their directory.

    Headers of videos are unreliable, so the whole video is decoded once. An
    entry is valid for the size and the modification time of the file, the
    version of the decoder, and `deinterlace`; a fingerprint of content is valid
    for the first two. If the directory is not writable, the file is in the
    user's cache directory; if there is none, nothing is saved. Thread-safe.
    `save()` writes new entries; a cache that was pickled does not write.

    Args:
        root: path of the directory of the videos.
        deinterlace: see `video.probe`. Defaults to `None`.
        find: `None` (names are paths relative to the root), or callable from a
            name to a path, or to an object with the methods `stat` and `open`
            of paths. Defaults to `None`.
    """

    def __init__(self, root, deinterlace: str | None = None, find=None):
        self._root = pathlib.Path(root)
        self._find = find or self._root.joinpath
        self._deinterlace = deinterlace
        self._lock = threading.Lock()
        # A lock for each entry: several threads may request the same video.
        self._busy: dict = {}
        self._unsaved: set = set()
        self._saved_at = time.monotonic()
        # Both are read: a read-only directory may have a file too.
        beside, elsewhere = self._root / _FILE_NAME, _elsewhere(self._root)
        self._entries = _load(elsewhere) | _load(beside)
        writable = os.access(self._root, os.W_OK)
        self._file = beside if writable else elsewhere

    def __getstate__(self):
        # A copy in another process does not write: this process does.
        apart = {"_lock": None, "_busy": {}, "_file": None, "_unsaved": set()}
        with self._lock:
            return {**vars(self), "_entries": dict(self._entries), **apart}

    def __setstate__(self, state):
        vars(self).update(state, _lock=threading.Lock())

    def deinterlaced(self, deinterlace: str | None) -> "HealthCache":
        """Returns the cache of the same videos with another `deinterlace`; both
        use the same file."""
        if deinterlace == self._deinterlace:
            return self
        other = object.__new__(type(self))
        vars(other).update(vars(self), _deinterlace=deinterlace)
        return other

    def key(self, name) -> list:
        """Returns a key that changes with the file of a video. Get it before
        reading the file, and pass it to `add` afterwards."""
        return self._key(self._find(name))

    def add(self, name, key, health: Health, times, found=None) -> None:
        """Adds what was found when a video was read for another purpose.

        Args:
            name: str. The video.
            key: list. `key(name)` from before the video was read.
            health: `Health`.
            times: `None`, or array of the seconds of each frame.
            found: `None`, or `content(name)`. Defaults to `None`.
        """
        self._keep(self._slot(name), key, health, times)
        if found is not None:
            entry = {"key": key[:_OF_FILE], "content": found}
            self._keep_entry(f"content:{name}", entry)

    def content(self, name) -> str | None:
        """Returns `videos.content.fingerprint` of the video `name`, or `None`
        if it cannot be read."""
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
        """Returns the `Health` of the video `name`.

        Raises:
            VideoError: if the video cannot be read.
        """
        return Health.from_dict(self._entry(name)["health"])

    def times(self, name) -> np.ndarray | None:
        """Returns the seconds of each frame of a video; see
        `video.frame_times`.

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
        """Writes new entries to the file, atomically."""
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
            self.content(name)  # cached now, because the file is read anyway
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
        # Times at a constant rate are computed from the rate.
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
            return []  # reading the file will raise the error
        return [status.st_size, status.st_mtime_ns, decoder.version()]


def _elsewhere(root: pathlib.Path) -> pathlib.Path | None:
    """Returns the file for a directory that is not writable, or `None`."""
    directory = cache.directory()
    if directory is None:
        return None
    name = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]
    return directory / f"videos-{name}.json"


def _load(file: pathlib.Path | None) -> dict:
    """Returns the valid entries of a file; none if it cannot be read."""
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
