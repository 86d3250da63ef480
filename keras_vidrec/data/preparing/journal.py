"""The journal: a file that records which videos are prepared."""

import contextlib
import json
import os
import pathlib
import sys
import time

import google_crc32c
import tqdm

from keras_vidrec.specs import documents
from keras_vidrec.specs import files
from keras_vidrec.specs import locks

_FORMAT = 2
_LOCK = ".lock"


class Journal:
    """The journal of a directory, locked by one process at a time.

    The first line has the settings; each other line the result of a video; each
    line has a checksum. `sync` writes the lines of prepared videos, after their
    records are on the disk. A line that was cut off because the process was
    killed is ignored. The lock ends with the process.

    Args:
        path: path of the file, created if missing.
        settings: dict of data for JSON. What is prepared and how.

    Attributes:
        done: dict from the name of each prepared video to its line, a dict.
        failed: dict from the name of a video to why it cannot be prepared.
        positions: dict from modality to the position after its last record,
            `(number of the shard, bytes)`.
        lengths: dict from modality to a dict from the number of each shard to
            its number of bytes.

    Raises:
        ValueError: if another process has locked it, it has other settings, or
            it is damaged.
    """

    def __init__(self, path, settings):
        self._path = pathlib.Path(path)
        with contextlib.ExitStack() as stack:
            stack.enter_context(
                locks.held(
                    self._path.with_name(_LOCK),
                    "prepare",
                    self._path.parent.parent,
                )
            )
            self._file = stack.enter_context(open(self._path, "a+b"))
            self._unsynced = []
            self._read(settings)
            self._open = stack.pop_all()

    def add_done(
        self,
        video,
        label,
        positions,
        num_frames,
        notes=(),
        health=(None, 0),
        content=None,
        code_use=None,
    ):
        """Records that the records of a video are written. Call `sync` when
        they are on the disk.

        Args:
            video: str. Name of the video.
            label: int, or tuple of int.
            positions: dict from modality to the position after its record.
            num_frames: int.
            notes: sequence of str. Messages for the user. Defaults to none.
            health: pair of `Health.to_dict()` or `None`, and the share of the
                frames that is lost. Defaults to `(None, 0)`.
            content: `None`, or str, as `Source.content`. Defaults to `None`.
            code_use: `None`, or `CodeUse` of its flow. Defaults to `None`.
        """
        line = {
            "video": video,
            "label": label,
            "frames": num_frames,
            "positions": positions,
            "notes": list(notes),
            "health": health,
            "content": content,
            "code_use": code_use,
        }
        self._unsynced.append(line)
        self._note(line)

    @property
    def has_unsynced(self):
        """Whether `sync` has lines to write."""
        return bool(self._unsynced)

    def sync(self):
        """Writes the lines of prepared videos, and flushes them to the disk."""
        lines, self._unsynced = self._unsynced, []
        self._append(*lines)

    def add_failed(self, video, reason):
        """Records that a video cannot be prepared, and why."""
        line = {"video": video, "failed": reason}
        self._append(line)
        self._note(line)

    def forget(self, videos):
        """Removes videos from `done`, but not from the file, so that they are
        prepared again. If that is interrupted, the next process finds their old
        records, and compares them again."""
        for video in videos:
            self.done.pop(video, None)

    def videos_in(self, modality, number):
        """Returns the names of the videos whose current record is in a
        shard."""
        return [
            video
            for video, line in self.done.items()
            if line["positions"][modality][0] == number
        ]

    def close(self):
        """Closes the file and ends the lock of the directory."""
        with contextlib.suppress(OSError):
            self._open.close()

    def _read(self, settings):
        self.done, self.failed = {}, {}
        self.positions, self.lengths = {}, {}
        # JSON has lists instead of tuples.
        settings = documents.as_json(settings)
        self._file.seek(0)
        content = self._file.read()
        # The last line may have been cut short.
        whole = content[: content.rfind(b"\n") + 1]
        lines = [
            self._line(number, text)
            for number, text in enumerate(whole.splitlines())
        ]
        self._file.truncate(len(whole))
        if not lines:
            self._append({"format": _FORMAT, **settings})
            files.sync_directory(self._path.parent)
            return
        found = lines[0]
        settings = {"format": _FORMAT, **settings}
        if found != settings:
            raise ValueError(_difference(self._path, found, settings))
        for line in lines[1:]:
            self._note(line)

    def _line(self, number, text):
        """Parses a line and checks its checksum."""
        try:
            line = documents.parse_json(text)
            crc = line.pop("crc")
        except (AttributeError, KeyError, ValueError):
            line, crc = {}, None
        if crc != _crc(line):
            raise ValueError(
                "The journal of the preparation is damaged. Delete the "
                f"directory and start again. Received: line {number + 1} of "
                f"{str(self._path)!r}"
            )
        return line

    def _append(self, *lines):
        for line in lines:
            line = {**line, "crc": _crc(line)}
            self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _note(self, line):
        """Updates the attributes by the line of a video."""
        video = line["video"]
        if "failed" in line:
            self.failed[video] = line["failed"]
            # An earlier video of this name had been prepared.
            self.done.pop(video, None)
            return
        self.failed.pop(video, None)
        self.done[video] = line
        for modality, (number, length) in line["positions"].items():
            self.positions[modality] = number, length
            self.lengths.setdefault(modality, {})[number] = length


def _crc(line: dict) -> int:
    return google_crc32c.value(json.dumps(line).encode())


def _difference(path: pathlib.Path, found: dict, settings: dict) -> str:
    """The message of the error about other settings."""
    different = [
        (name, found.get(name), value)
        for name, value in settings.items()
        if found.get(name) != value
    ]
    expected = ", ".join(_shown(name, a, b) for name, a, b in different)
    received = ", ".join(_shown(name, b, a) for name, a, b in different)
    return (
        "The directory was started with other settings. Expected "
        f"{expected}; or choose another directory. Received: {received} for "
        f"{str(path.parent.parent)!r}"
    )


def _shown(name: str, value, other) -> str:
    """The text of a setting; of a list only the items that the other value does
    not have."""
    if isinstance(value, list) and isinstance(other, list):
        value = [item for item in value if item not in other]
        return f"{name} with {value}" if value else f"{name} without these"
    return f"{name}={value}"


_LINE_EVERY_S = 30


class Progress:
    """Shows the progress of a preparation: videos, frames per second, and the
    time left. It is a bar on a terminal, else a line every 30 seconds.

    Args:
        total: int. Number of videos.
        done: int. Number of videos that are already prepared.
        shown: bool. Whether to show anything.
    """

    def __init__(self, total, done, shown):
        self._frames = 0
        self._failed = 0
        self._started = time.monotonic()
        self._line_at = self._started + _LINE_EVERY_S
        on_terminal = sys.stderr.isatty()
        self._lines = shown and not on_terminal
        self._bar = tqdm.tqdm(
            total=total,
            initial=done,
            desc="prepare",
            unit="video",
            disable=not (shown and on_terminal),
        )
        # A disabled bar does not count.
        self._total, self._done, self._initial = total, done, done

    def add_frames(self, count):
        self._frames += count
        self._show()

    def add_video(self, failed=False):
        self._done += 1
        self._failed += failed
        self._bar.update()
        self._show()

    def close(self):
        self._bar.close()

    def _show(self):
        now = time.monotonic()
        seconds = max(now - self._started, 1e-9)
        rate = f"{self._frames / seconds:.0f} frames/s"
        failed = f", {self._failed} failed" if self._failed else ""
        self._bar.set_postfix_str(rate + failed, refresh=False)
        if self._lines and now >= self._line_at:
            self._line_at = now + _LINE_EVERY_S
            new = self._done - self._initial
            left = seconds * (self._total - self._done) / new if new else None
            sys.stderr.write(
                f"prepare: {self._done} of {self._total} videos, {rate}"
                f"{failed}, time left: "
                + (tqdm.tqdm.format_interval(left) if new else "?")
                + "\n"
            )
            sys.stderr.flush()
