"""Shards of records: files that have their names only when they are whole."""

import io
import os
import pathlib
import zipfile

import numpy as np

from keras_vidrec.data.prepared import records
from keras_vidrec.data.prepared import storage
from keras_vidrec.specs import files

# Small enough to move about, large enough that no dataset has millions.
SHARD_BYTES = 512 * 2**20

_PARTIAL = ".partial"
_INDEXES_AT_ONCE = 32


def shard_path(directory, modality, number):
    """Path of a shard that is whole."""
    name = f"{modality}-{number:05d}.tfrecord"
    return pathlib.Path(directory) / modality / name


def index_path(shard):
    """Path of the index that lies beside a shard."""
    return shard.with_suffix(".index.npz")


def find_shards(directory, modality):
    """Sorted list of the paths of all whole shards of a modality."""
    folder = storage.as_path(directory) / modality
    return sorted(folder.glob(f"{modality}-*.tfrecord"))


def read_parts(shard, places):
    """`storage.read_parts` of a shard; one that ends before them is a
    `ValueError`."""
    parts = storage.read_parts(shard, places)
    if any(len(part) != size for part, (_, size) in zip(parts, places)):
        raise ValueError("the file is shorter than its index says")
    return parts


def write_index(shard, index_file):
    """Writes where every JPEG of a shard lies; synced when this returns.

    Arrays of the `.npz` file: `videos` (names), `labels`, `heights`, `widths`,
    `counts` (JPEGs) of each record; `offsets` and `sizes` of all JPEGs, one
    video after the other.
    """
    found = list(records.scan(shard))
    none = np.zeros(0, np.int64)
    with open(index_file, "wb") as file:
        np.savez_compressed(
            file,
            videos=np.array([record.video for record in found], np.str_),
            labels=np.array([record.label for record in found], np.int64),
            heights=np.array([record.height for record in found], np.int32),
            widths=np.array([record.width for record in found], np.int32),
            counts=np.array([len(record.sizes) for record in found]),
            offsets=np.concatenate([none, *(r.offsets for r in found)]),
            sizes=np.concatenate([none, *(r.sizes for r in found)]),
        )
        file.flush()
        os.fsync(file.fileno())


def read_indexes(found):
    """What `write_index` wrote of each of the shards; of those in an object
    store some are fetched at once.

    Yields:
        Pair of the shard and its open `NpzFile`.

    Raises:
        ValueError: if one is missing or not whole.
        OSError: if an object store does not let them be read.
    """
    for start in range(0, len(found), _INDEXES_AT_ONCE):
        part = found[start : start + _INDEXES_AT_ONCE]
        paths = [index_path(shard) for shard in part]
        try:
            contents = storage.read_files(paths)
        except FileNotFoundError as error:
            raise _no_index(error.filename, "no such file") from None
        for shard, path, content in zip(part, paths, contents):
            try:
                index = np.load(io.BytesIO(content))
            except (EOFError, ValueError, zipfile.BadZipFile) as error:
                raise _no_index(path, f"another file ({error})") from None
            yield shard, index


def _no_index(path, reason):
    return ValueError(
        f"A shard lacks its index. Expected {str(path)!r}; copy it again, or "
        "delete it and run the same command again, `vidrec prepare` or "
        f"`vidrec features`. Received: {reason}"
    )


class ShardWriter:
    """Appends records to the shards of one modality of a dataset.

    The shard in work is `<name>.partial`. When it is whole it is synced, gets
    its index, and then its name.

    Args:
        directory, modality: path of the dataset, and str.
        shard_bytes: int. A shard of at least this length is whole.
        position: pair of int, number of a shard and length of what is in it.
            Everything behind it is forgotten. Defaults to `(0, 0)`.

    Raises:
        ValueError: if the shards have not what `position` says.
        OSError: if they cannot be written.
    """

    def __init__(self, directory, modality, shard_bytes, position=(0, 0)):
        self._directory = directory
        self._modality = modality
        self._shard_bytes = shard_bytes
        self._number, self._length = position
        if self._path.exists():
            self._number, self._length = self._number + 1, 0
        self._path.parent.mkdir(exist_ok=True)
        self._file = open(self._partial, "ab")
        found = self._file.tell()
        if found < self._length:
            raise ValueError(
                "Prepared records are missing. Expected at least "
                f"{self._length} bytes; delete the directory and begin again. "
                f"Received: {str(self._partial)!r} of {found} bytes"
            )
        self._file.truncate(self._length)

    def append(self, video, label, height, width, images):
        """Appends a record, given as to `write_record`, and syncs it.

        Returns:
            Position behind it, to go on from.

        Raises:
            OSError: if the disk is full.
        """
        self._length += records.write_record(
            self._file, video, label, height, width, images
        )
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._number, self._length

    def seal_if_long(self):
        """Completes the shard if it is long enough, and begins the next."""
        if self._length >= self._shard_bytes:
            self.seal()
            self._number, self._length = self._number + 1, 0
            self._file = open(self._partial, "wb")

    def seal(self):
        """Completes the shard; one without records vanishes."""
        self.close()
        if not self._length:
            self._partial.unlink()
            return
        write_index(self._partial, index_path(self._path))
        self._partial.replace(self._path)
        files.sync_directory(self._path.parent)

    def close(self):
        """Leaves the shard as it is, to go on another time."""
        self._file.close()

    @property
    def _path(self):
        return shard_path(self._directory, self._modality, self._number)

    @property
    def _partial(self):
        return self._path.with_name(self._path.name + _PARTIAL)
