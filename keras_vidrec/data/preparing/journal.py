"""What a preparation has done so far: a file that only grows."""

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
    """The journal of a directory, held by one run at a time.

    Its first line says what is prepared and how; each further one, what
    became of a video; each has its checksum. The line of a prepared video is
    written by the next `sync`, after its records are on the disk. A line counts
    when it is whole, whatever happens to the process; the lock goes with the
    process.

    Args:
        path: path of the file, made if missing.
        settings: dict of plain data. What is prepared and how.

    Attributes:
        done: dict from the name of a video to its line.
        failed: dict from the name of a video to why it cannot be prepared.
        positions: dict from modality to the position behind its last record.
        lengths: dict from modality to the lengths of its shards by number.

    Raises:
        ValueError: if another run holds it, it is of other settings, or
            damaged.
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
        """Notes that the records of a video are written; call `sync` when they
        are on the disk. `health` is a dict of a `Health` or `None`, and the
        share of the frames that is lost; `content` is as of `Source.content`;
        `code_use` the values of its `CodeUse`."""
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
        """Writes the lines of prepared videos, and brings them to the disk."""
        lines, self._unsynced = self._unsynced, []
        self._append(*lines)

    def add_failed(self, video, reason):
        """Notes that a video cannot be prepared."""
        line = {"video": video, "failed": reason}
        self._append(line)
        self._note(line)

    def forget(self, videos):
        """Has videos prepared again. Their old records are known again if that
        does not come to its end."""
        for video in videos:
            self.done.pop(video, None)

    def videos_in(self, modality, number):
        """List of the videos whose last record is in a shard."""
        return [
            video
            for video, line in self.done.items()
            if line["positions"][modality][0] == number
        ]

    def close(self):
        """Lets others have the directory."""
        with contextlib.suppress(OSError):
            self._open.close()

    def _read(self, settings):
        self.done, self.failed = {}, {}
        self.positions, self.lengths = {}, {}
        # As JSON has it: no tuples.
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
        video = line["video"]
        if "failed" in line:
            self.failed[video] = line["failed"]
            self.done.pop(video, None)  # it was another one of this name
            return
        self.failed.pop(video, None)
        self.done[video] = line
        for modality, (number, length) in line["positions"].items():
            self.positions[modality] = number, length
            self.lengths.setdefault(modality, {})[number] = length


def _crc(line):
    return google_crc32c.value(json.dumps(line).encode())


def _difference(path, found, settings):
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


def _shown(name, value, other):
    """A setting; of long ones what the other does not have."""
    if isinstance(value, list) and isinstance(other, list):
        value = [item for item in value if item not in other]
        return f"{name} with {value}" if value else f"{name} without these"
    return f"{name}={value}"


_LINE_EVERY_S = 30


class Progress:
    """Shows videos and frames done, their rate and the time left."""

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
        # A disabled bar counts nothing.
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
