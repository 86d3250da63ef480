"""Writes the records of videos into shards, and the journal with them."""

import contextlib
import pathlib
import time
import typing

from keras_vidrec.data.prepared.shards import ShardWriter
from keras_vidrec.data.preparing.journal import Journal

# The least time between syncs, in seconds and in durations of the last sync: on
# a busy disk a sync takes longer than preparing a short video.
_SYNC_EVERY_S = 0.1
_SYNC_EVERY = 3


class RecordWriter:
    """Appends the records of videos to shards, and syncs shards before the
    journal, which therefore only has videos whose records are on the disk.

    This is done up to ten times a second, on a slow disk less often. If the
    process is killed, the next run prepares the videos since the last time
    again; after an exception all videos are kept. Use it in a `with` statement,
    and close the journal after it.

    Args:
        directory: path of the dataset.
        modalities: sequence of str.
        journal: `Journal` of the dataset. Writing is resumed where it ends.
        shard_bytes: int. A shard is complete when it has at least this number
            of bytes.

    Raises:
        ValueError: if the shards do not have the records of the journal.
        OSError: if files cannot be written.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        modalities: typing.Sequence[str],
        journal: Journal,
        shard_bytes: int,
    ):
        self._journal = journal
        self._sync_from = time.monotonic() + _SYNC_EVERY_S
        self._writers: dict[str, ShardWriter] = {}
        with contextlib.ExitStack() as stack:
            for modality in modalities:
                position = journal.positions.get(modality, (0, 0))
                self._writers[modality] = ShardWriter(
                    directory, modality, shard_bytes, position
                )
                stack.callback(self._writers[modality].close)
            self._open = stack.pop_all()

    def __enter__(self) -> "RecordWriter":
        return self

    def __exit__(self, *_):
        with self._open:
            self._sync()

    def append(
        self, video: str, label: typing.Any, records: dict[str, tuple]
    ) -> dict[str, tuple[int, int]]:
        """Appends the records of a video. After that pass the positions to
        `Journal.add_done`, and call `go_on`.

        Args:
            video, label: as for `records.write_record`.
            records: dict from modality to `(height, width, images)`, as for
                `records.write_record`.

        Returns:
            dict from modality to the position after the record.

        Raises:
            OSError: if the disk is full.
        """
        return {
            modality: writer.append(video, label, *records[modality])
            for modality, writer in self._writers.items()
        }

    def go_on(self):
        """Syncs if the last time is long enough ago or a shard is long enough,
        and completes such shards."""
        is_long = any(writer.is_long for writer in self._writers.values())
        if is_long or time.monotonic() >= self._sync_from:
            self._sync()
        for writer in self._writers.values():
            writer.seal_if_long()

    def seal(self):
        """Completes all shards, after the last video."""
        self._sync()
        for writer in self._writers.values():
            writer.seal()

    def _sync(self):
        begin = time.monotonic()
        if self._journal.has_unsynced:
            for writer in self._writers.values():
                writer.sync()
            self._journal.sync()
        end = time.monotonic()
        self._sync_from = end + max(_SYNC_EVERY_S, _SYNC_EVERY * (end - begin))
