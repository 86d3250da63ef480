"""Writing the records of videos into shards, and the journal of them."""

import contextlib
import pathlib
import time
import typing

from keras_vidrec.data.prepared.shards import ShardWriter
from keras_vidrec.data.preparing.journal import Journal

# Waiting for the disk takes longer than preparing a short video.
_SYNC_EVERY_S = 0.5


class RecordWriter:
    """Appends the records of videos to shards, and syncs them together with
    the journal, so that the journal never names a record that is not on the
    disk.

    Videos of the same half second are synced together. If the process is
    killed, these are written again by the next run; after an exception all
    are kept. Use it in a `with` statement, within that of the journal.

    Args:
        directory: path of the dataset.
        modalities: sequence of str.
        journal: `Journal` of the dataset. Shards go on where it ends.
        shard_bytes: int. A shard of at least this length is complete.

    Raises:
        ValueError: if the shards do not have the records of the journal.
        OSError: if they cannot be written.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        modalities: typing.Sequence[str],
        journal: Journal,
        shard_bytes: int,
    ):
        self._journal = journal
        self._synced_at = time.monotonic()
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
        """Appends the records of a video. Then `Journal.add_done` takes the
        positions, and `go_on` is called.

        Args:
            video, label: as of `write_record`.
            records: dict from modality to `(height, width, images)`, as of
                `write_record`.

        Returns:
            Dict from modality to the position behind the record.

        Raises:
            OSError: if the disk is full.
        """
        return {
            modality: writer.append(video, label, *records[modality])
            for modality, writer in self._writers.items()
        }

    def go_on(self):
        """Syncs what was added if the last sync was half a second ago, and
        completes shards that are long enough."""
        is_long = any(writer.is_long for writer in self._writers.values())
        if is_long or time.monotonic() - self._synced_at >= _SYNC_EVERY_S:
            self._sync()
        for writer in self._writers.values():
            writer.seal_if_long()

    def seal(self):
        """Completes all shards, after the last video."""
        self._sync()
        for writer in self._writers.values():
            writer.seal()

    def _sync(self):
        if self._journal.has_unsynced:
            for writer in self._writers.values():
                writer.sync()
            self._journal.sync()
        self._synced_at = time.monotonic()
