"""Shards: files of records, which get their final names when they are
complete."""

import io
import os
import pathlib

import google_crc32c
import numpy as np

from keras_vidrec.data.prepared import records
from keras_vidrec.data.prepared import storage
from keras_vidrec.data.prepared import written
from keras_vidrec.specs import files

# Small enough to be copied, large enough that no dataset has too many.
SHARD_BYTES = 512 * 2**20

_PARTIAL = ".partial"
_SUFFIX, _INDEX_SUFFIX = ".tfrecord", ".index.npz"
_INDEX = {"videos", "counts", "heights", "widths", "offsets", "sizes", "crcs"}


def shard_path(directory, modality: str, number: int) -> pathlib.Path:
    """The path of a complete shard."""
    name = f"{modality}-{number:05d}{_SUFFIX}"
    return pathlib.Path(directory) / modality / name


def index_path(shard):
    """The path of the index of a shard, which is next to it."""
    return shard.with_suffix(_INDEX_SUFFIX)


def partial_path(shard: pathlib.Path) -> pathlib.Path:
    """The path of a shard that is not complete yet."""
    return shard.with_name(shard.name + _PARTIAL)


def find_shards(directory, modality):
    """Returns the sorted paths of all complete shards of a modality."""
    folder = storage.as_path(directory) / modality
    return sorted(folder.glob(f"{modality}-*{_SUFFIX}"))


def read_parts(shard, places, crcs):
    """Reads parts of a shard, as `storage.read_parts`, and checks them.

    Args:
        shard: path.
        places: sequence of `(first byte, number of bytes)`.
        crcs: sequence of int. The CRC-32C of each part.

    Raises:
        ValueError: if the shard is shorter, or a part has another checksum.
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


def write_index(shard, index_file) -> None:
    """Writes the index of a shard, the positions of its JPEGs, and syncs it to
    the disk.

    The index is a `.npz` file with the arrays `videos` (names), `heights`,
    `widths` and `counts` (number of JPEGs) of the records, and `offsets`,
    `sizes` and `crcs` (CRC-32C) of all JPEGs, one video after the other.

    Args:
        shard: path of the shard.
        index_file: path of the index.

    Raises:
        ValueError: if the shard is damaged.
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


def is_index(path) -> bool:
    """Whether a file is a complete index of a shard."""
    try:
        return read_index(path.read_bytes()).keys() >= _INDEX
    except Exception:  # a damaged archive may raise anything
        return False


def read_index(content: bytes) -> dict[str, np.ndarray]:
    """Returns the arrays of an index by name, given its bytes."""
    with np.load(io.BytesIO(content)) as arrays:
        return dict(arrays)


def read_indexes(directory, modality, files):
    """Reads the indexes of all shards of a modality; from an object store
    several at the same time.

    Args:
        directory: path of the dataset.
        modality: str.
        files: dict. The files of the dataset, see `written`.

    Yields:
        Pairs of the path of a shard and the arrays of its index by name.

    Raises:
        ValueError: if an index is missing or damaged.
        OSError: if it cannot be read from an object store.
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

    A shard is named `<name>.partial` until it is complete. Then its index is
    written, and it is renamed.

    Args:
        directory: path of the dataset.
        modality: str.
        shard_bytes: int. A shard is complete when it has at least this number
            of bytes.
        position: pair of int, `(number of a shard, bytes in it)`, from which to
            resume. Everything after it is deleted. If that shard is complete,
            or does not exist, the next one is started. Defaults to `(0, 0)`.

    Raises:
        ValueError: if the shard has fewer bytes than `position` says.
        OSError: if files cannot be written.
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
        """Appends a record, with the arguments of `records.write_record`. The
        next `sync` writes it to the disk.

        Returns:
            The position after the record, from which writing can be resumed.

        Raises:
            OSError: if the disk is full.
        """
        self._length += records.write_record(
            self._file, video, label, height, width, images
        )
        self._file.flush()
        return self._number, self._length

    def sync(self):
        """Flushes the appended records to the disk."""
        os.fsync(self._file.fileno())

    @property
    def is_long(self):
        """Whether the shard is long enough to be completed."""
        return self._length >= self._shard_bytes

    def seal_if_long(self):
        """Completes the shard if it is long enough, and starts the next one."""
        if self.is_long:
            self.seal()
            self._number, self._length = self._number + 1, 0
            self._file = open(self._partial, "wb")

    def seal(self):
        """Completes the shard, or deletes it if it has no records."""
        self.sync()
        self.close()
        if not self._length:
            self._partial.unlink()
            return
        write_index(self._partial, index_path(self._path))
        self._partial.replace(self._path)
        files.sync_directory(self._path.parent)

    def close(self):
        """Closes the shard without completing it, to be resumed later."""
        self._file.close()

    @property
    def _path(self):
        return shard_path(self._directory, self._modality, self._number)

    @property
    def _partial(self):
        return partial_path(self._path)
