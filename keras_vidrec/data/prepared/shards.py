"""Shards of records: files that have their names only when they are whole."""

import io
import os
import pathlib

import google_crc32c
import numpy as np

from keras_vidrec.data.prepared import records
from keras_vidrec.data.prepared import storage
from keras_vidrec.data.prepared import written
from keras_vidrec.specs import files

# Small enough to move about, large enough that no dataset has millions.
SHARD_BYTES = 512 * 2**20

_PARTIAL = ".partial"
_SUFFIX, _INDEX_SUFFIX = ".tfrecord", ".index.npz"
_INDEX = {"videos", "counts", "heights", "widths", "offsets", "sizes", "crcs"}


def shard_path(directory, modality, number):
    """Path of a shard that is whole."""
    name = f"{modality}-{number:05d}{_SUFFIX}"
    return pathlib.Path(directory) / modality / name


def index_path(shard):
    """Path of the index that is next to a shard."""
    return shard.with_suffix(_INDEX_SUFFIX)


def partial_path(shard):
    """Path of a shard while it is in work."""
    return shard.with_name(shard.name + _PARTIAL)


def find_shards(directory, modality):
    """Sorted list of the paths of all whole shards of a modality."""
    folder = storage.as_path(directory) / modality
    return sorted(folder.glob(f"{modality}-*{_SUFFIX}"))


def read_parts(shard, places, crcs):
    """`storage.read_parts` of a shard, `crcs` the CRC-32C of each part.

    Raises:
        ValueError: if the shard ends before them, or they are not what was
            written.
        OSError: if it cannot be read.
    """
    parts = storage.read_parts(shard, places)
    for part, (_, size), crc in zip(parts, places, crcs):
        if len(part) != size:
            raise ValueError(
                f"{str(shard)!r} is shorter than its index says. "
                f"{written.AGAIN}"
            )
        if google_crc32c.value(part) != crc:
            raise ValueError(
                f"{str(shard)!r} is damaged: its bytes are not what was "
                f"written. {written.AGAIN}"
            )
    return parts


def write_index(shard, index_file):
    """Writes where every JPEG of a shard lies; synced when this returns.

    Arrays of the `.npz` file: `videos` (names), `heights`, `widths` and
    `counts` (JPEGs) of each record; `offsets`, `sizes` and `crcs` (CRC-32C) of
    all JPEGs, one video after the other.

    Raises:
        ValueError: if the shard is not what was written.
    """
    found = list(records.scan(shard))
    none = np.zeros(0, np.int64)
    with open(index_file, "wb") as file:
        np.savez_compressed(
            file,
            videos=np.array([record.video for record in found], np.str_),
            heights=np.array([record.height for record in found], np.int32),
            widths=np.array([record.width for record in found], np.int32),
            counts=np.array([len(record.sizes) for record in found]),
            offsets=np.concatenate([none, *(r.offsets for r in found)]),
            sizes=np.concatenate([none, *(r.sizes for r in found)]),
            crcs=np.concatenate([none, *(r.crcs for r in found)]).astype("u4"),
        )
        file.flush()
        os.fsync(file.fileno())


def is_index(path):
    """Whether a file is whole and the index of a shard."""
    try:
        return read_index(path.read_bytes()).keys() >= _INDEX
    except Exception:  # the ways in which archives break are not counted
        return False


def read_index(content):
    """The arrays of the bytes of an index, by name."""
    with np.load(io.BytesIO(content)) as arrays:
        return dict(arrays)


def read_indexes(directory, modality, files):
    """What `write_index` wrote of each of the shards of a modality; of those in
    an object store some are fetched at once.

    Args:
        directory: path of the dataset.
        modality: str.
        files: dict. The files of the dataset, see `written`.

    Yields:
        Pair of the shard and the arrays of its index by name.

    Raises:
        ValueError: if one is missing or is not what was written.
        OSError: if an object store does not let them be read.
    """
    mine = modality + "/"
    names = sorted(
        name
        for name in files
        if name.startswith(mine) and name.endswith(_INDEX_SUFFIX)
    )
    for content, name in zip(written.read(directory, names, files), names):
        shard = name.removesuffix(_INDEX_SUFFIX) + _SUFFIX
        yield storage.as_path(directory) / shard, read_index(content)


class ShardWriter:
    """Appends records to the shards of one modality of a dataset.

    The shard in work is `<name>.partial`. When it is whole it is synced, gets
    its index, and then its name.

    Args:
        directory, modality: path of the dataset, and str.
        shard_bytes: int. A shard of at least this length is whole.
        position: pair of int, number of a shard and length of what is in it.
            Everything behind it is forgotten. If there is no such shard, the
            next one is begun. Defaults to `(0, 0)`.

    Raises:
        ValueError: if the shards have not what `position` says.
        OSError: if they cannot be written.
    """

    def __init__(self, directory, modality, shard_bytes, position=(0, 0)):
        self._directory = directory
        self._modality = modality
        self._shard_bytes = shard_bytes
        self._number, self._length = position
        lost = self._length and not self._partial.exists()
        if self._path.exists() or lost:
            self._number, self._length = self._number + 1, 0
        self._path.parent.mkdir(exist_ok=True)
        self._file = open(self._partial, "ab")
        found = self._file.tell()
        if found < self._length:
            raise ValueError(
                "Prepared records are missing. Expected at least "
                f"{self._length} bytes; delete the file and run the same "
                "command again, which prepares its videos again. Received: "
                f"{str(self._partial)!r} of {found} bytes"
            )
        self._file.truncate(self._length)

    def append(self, video, label, height, width, images):
        """Appends a record, given as to `write_record`. It is on the disk
        after the next `sync`.

        Returns:
            Position behind it, to resume from.

        Raises:
            OSError: if the disk is full.
        """
        self._length += records.write_record(
            self._file, video, label, height, width, images
        )
        self._file.flush()
        return self._number, self._length

    def sync(self):
        """Brings the appended records to the disk."""
        os.fsync(self._file.fileno())

    @property
    def is_long(self):
        """Whether the shard is long enough to be completed."""
        return self._length >= self._shard_bytes

    def seal_if_long(self):
        """Completes the shard if it is long enough, and begins the next."""
        if self.is_long:
            self.seal()
            self._number, self._length = self._number + 1, 0
            self._file = open(self._partial, "wb")

    def seal(self):
        """Completes the shard; one without records vanishes."""
        self.sync()
        self.close()
        if not self._length:
            self._partial.unlink()
            return
        write_index(self._partial, index_path(self._path))
        self._partial.replace(self._path)
        files.sync_directory(self._path.parent)

    def close(self):
        """Leaves the shard as it is, to be resumed later."""
        self._file.close()

    @property
    def _path(self):
        return shard_path(self._directory, self._modality, self._number)

    @property
    def _partial(self):
        return partial_path(self._path)
