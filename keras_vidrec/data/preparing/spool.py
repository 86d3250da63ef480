"""Temporary files for the JPEGs of a video until they are written to a
record, so that they need not be in memory."""

import array
import os
import typing

import numpy as np

from keras_vidrec.data.prepared import records


class SpooledImages(typing.NamedTuple):
    """The images of one video and modality, ready to be copied to a record.

    Args:
        path: str. File of the images, each framed as in a record.
        pieces: int64 array `(num_pieces, 2)`. Start and end of the parts of
            the file, in the order of the record.
        num_images: int. Number of JPEGs.
        num_bytes: int. Number of bytes of all JPEGs with their framing.
    """

    path: str
    pieces: np.ndarray
    num_images: int
    num_bytes: int

    def chunks(self, max_bytes):
        """Yields all bytes in the order of the images, at most `max_bytes` at a
        time."""
        with open(self.path, "rb") as file:
            for start, end in self.pieces.tolist():
                file.seek(start)
                while start < end:
                    chunk = file.read(min(max_bytes, end - start))
                    if not chunk:
                        raise OSError(f"{self.path} has become shorter")
                    start += len(chunk)
                    yield chunk

    def discard(self):
        """Deletes the file."""
        os.unlink(self.path)


class ImageSpool:
    """Writes JPEGs to a temporary file in any order.

    Args:
        path: path of the file.
    """

    def __init__(self, path):
        self._path = os.fspath(path)
        self._file = open(path, "wb", buffering=1 << 18)
        self._position = 0
        # Index, start and end of each image, in 24 bytes per image.
        self._table = array.array("q")

    def add(self, index, *jpegs):
        """Adds the JPEGs of the image with this index."""
        begin = self._position
        for jpeg in jpegs:
            self._position += self._file.write(records.frame_image(jpeg))
        self._table.extend((index, begin, self._position))

    def finish(self, jpegs_per_image=1):
        """Closes the file.

        Args:
            jpegs_per_image: int. 1 for frames, 2 for flow. Defaults to `1`.

        Returns:
            `SpooledImages`, in the order of the indices of images.

        Raises:
            RuntimeError: if images are missing or were added twice.
        """
        self._file.close()
        table = np.frombuffer(self._table, np.int64).reshape(-1, 3)
        table = table[np.argsort(table[:, 0])]
        if not np.array_equal(table[:, 0], np.arange(len(table))):
            raise RuntimeError("Expected every image once")
        pieces = table[:, 1:]
        # Images that follow each other in the file are one piece.
        breaks = np.flatnonzero(pieces[1:, 0] != pieces[:-1, 1]) + 1
        firsts = np.concatenate([[0], breaks]).astype(np.int64)
        lasts = np.concatenate([breaks, [len(pieces)]]).astype(np.int64) - 1
        if len(pieces):
            pieces = np.stack([pieces[firsts, 0], pieces[lasts, 1]], axis=1)
        return SpooledImages(
            self._path,
            pieces,
            len(table) * jpegs_per_image,
            self._position,
        )

    def close(self):
        """Closes the file without finishing it."""
        try:
            self._file.close()
        except OSError:
            pass  # the disk is full, which has been reported
