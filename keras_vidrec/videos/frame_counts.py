"""Frame counts of videos: probed once, kept beside the data."""

import contextlib
import hashlib
import json
import os
import pathlib
import threading
import time

from keras_vidrec.specs import files

_FILE_NAME = ".vidrec-frame-counts.json"
_SAVE_EVERY_S = 10


class FrameCounts:
    """Frame counts by path, cached in a file beside the videos; `count` finds
    the true number of a path, and `find` says where a name lies (`None`: below
    the root), as a path or what else has its `stat`.

    Containers lie about their frame counts, and counting decodes the whole
    video: it is done once. An entry is keyed by the size and the time of
    change of the file. Where the directory cannot be written, the cache lies
    in the user's cache directory instead. Safe to use from several threads;
    `save()` writes what is new.
    """

    def __init__(self, root, count, find=None):
        self._root = pathlib.Path(root)
        self._count = count
        self._find = find or (lambda name: self._root / name)
        self._lock = threading.Lock()
        self._unsaved = False
        self._saved_at = time.monotonic()
        self._file = self._find_file()
        self._entries = self._load()

    def __getitem__(self, name):
        """Number of frames of the video `name`, a path below the root.

        Raises:
            VideoError: if the video cannot be read.
        """
        path = self._find(name)
        status = path.stat()
        key = [status.st_size, status.st_mtime_ns]
        entry = self._entries.get(name)
        if entry is not None and entry[:2] == key:
            return entry[2]
        num_frames = self._count(path)
        with self._lock:
            self._entries[name] = [*key, num_frames]
            self._unsaved = True
            due = time.monotonic() - self._saved_at > _SAVE_EVERY_S
        if due:
            self.save()
        return num_frames

    def save(self):
        """Writes new entries; a reader sees the old file or the new one."""
        with self._lock:
            if not self._unsaved:
                return
            text = json.dumps(self._entries)
            self._unsaved = False
            self._saved_at = time.monotonic()
            # The cache only saves time: a full disk must not end a run.
            with contextlib.suppress(OSError):
                files.write_text(self._file, text)

    def _find_file(self):
        if os.access(self._root, os.W_OK):
            return self._root / _FILE_NAME
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        directory = pathlib.Path(base).expanduser() / "keras-vidrec"
        directory.mkdir(parents=True, exist_ok=True)
        root = str(self._root.resolve()).encode()
        name = hashlib.sha256(root).hexdigest()[:16]
        return directory / f"frame-counts-{name}.json"

    def _load(self):
        try:
            entries = json.loads(self._file.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(entries, dict):
            return {}
        return {
            name: entry
            for name, entry in entries.items()
            if isinstance(entry, list)
            and len(entry) == 3
            and all(isinstance(number, int) for number in entry)
        }
