"""The fingerprint of a video file: whether two files are the same video."""

import hashlib

# The header or the index of a container is at one of its ends, and different
# videos do not have the same images at both ends.
_END_BYTES = 2**20


def fingerprint(path) -> str:
    """Returns a fingerprint of the content of a file, from its size and its
    first and last MiB.

    Args:
        path: `pathlib.Path`, or an object with its methods `stat` and `open`.

    Returns:
        str of 16 hexadecimal digits.

    Raises:
        OSError: if it cannot be read.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(f"{size}\0".encode())
    with path.open("rb") as file:
        digest.update(_read(file, min(size, _END_BYTES)))
        if size > _END_BYTES:
            file.seek(max(size - _END_BYTES, _END_BYTES))
            digest.update(_read(file, min(size - _END_BYTES, _END_BYTES)))
    return digest.hexdigest()[:16]


def _read(file, size):
    """Reads `size` bytes; a single read of a remote file may return fewer."""
    parts = []
    while size > 0 and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
