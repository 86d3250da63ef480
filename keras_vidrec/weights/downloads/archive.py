"""Extraction of a single file from a zip archive."""

import shutil
import stat
import zipfile
import zlib

from keras_vidrec.weights.downloads import web

_AT_ONCE = 2**20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1


def holds(path, member: str) -> bool:
    """Whether a file is a zip archive with a member of this name."""
    try:
        with zipfile.ZipFile(path) as archive:
            return member in archive.namelist()
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return False


def extract(path, member, target, limit):
    """Extracts a member of an archive to a path that does not depend on names
    in the archive.

    Args:
        path: pathlib.Path of the archive.
        member: str. The name of the member.
        target: pathlib.Path of the file to write.
        limit: int. Maximum size of the member in bytes.

    Raises:
        web.NoFile: if it is not an undamaged zip archive with exactly one such
            member, which is a plain file within the limit.
        OSError: if the target cannot be written.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise web.NoFile(f"not a zip archive: {error}") from None
    with archive:
        info = _find(archive, member)
        if info.file_size > limit:
            raise web.NoFile(
                f"an archive with {member} of {info.file_size:,} bytes, "
                f"expected at most {limit:,}"
            )
        try:
            # Reading ends after the stated size, and verifies the checksum.
            with archive.open(info) as content, open(target, "wb") as file:
                shutil.copyfileobj(content, file, _AT_ONCE)
        except (
            EOFError,
            ValueError,
            NotImplementedError,
            zipfile.BadZipFile,
            zlib.error,
        ) as error:
            raise web.NoFile(f"a damaged archive: {error}") from None


def _find(archive, member):
    found = [info for info in archive.infolist() if info.filename == member]
    if len(found) != 1:
        names = archive.namelist()
        few = ", ".join(repr(name) for name in names[:5])
        raise web.NoFile(
            f"an archive with {len(found)} members {member!r}; it has "
            f"{len(names)}: {few[:300]}"
        )
    (info,) = found
    kind = stat.S_IFMT(info.external_attr >> 16)
    if (
        info.flag_bits & _ENCRYPTED
        or info.compress_type not in _METHODS
        or kind not in (0, stat.S_IFREG)
    ):
        raise web.NoFile(f"an archive whose {member!r} is not a plain file")
    return info
