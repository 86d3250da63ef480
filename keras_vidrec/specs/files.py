"""Atomic writing and removal of files and directories."""

import collections.abc
import contextlib
import csv
import ctypes
import errno
import os
import pathlib
import re
import secrets
import shutil
import sys
import tempfile
import typing

from keras_vidrec.specs import locks

# While NAME is written, its directory contains `.partial.NAME`, the new file,
# and `.partial.NAME.lock`, its lock. Where two names cannot be exchanged in one
# step, the old file is called `.before.NAME` for a moment.
_PARTIAL = ".partial."
_BEFORE = ".before."
_LOCK = ".lock"
# Errors of systems and file systems that do not support an operation.
_CANNOT = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)
# Errors after which nothing more can be written.
NO_ROOM = (
    errno.ENOSPC,
    errno.EFBIG,
    errno.EROFS,
    getattr(errno, "EDQUOT", errno.ENOSPC),
)
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2

# A spreadsheet takes text that begins with one of these for a formula.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


@contextlib.contextmanager
def replacing(
    path: str | os.PathLike[str], sync: bool = True
) -> collections.abc.Iterator[pathlib.Path]:
    """Yields a temporary path in the same directory, and renames it to `path`
    at the end.

    An existing file or directory is kept until then. After an error the
    temporary file is removed; the leftovers of a killed process are removed
    when the same path is written again. Readers see either the old or the new
    content: files, and on Linux also directories, are exchanged in one step.
    On other systems, and on file systems such as NFS, a directory is missing
    for a moment; if the process is killed right then, the next `replacing` or
    `recover` restores the old one. If two processes write the same path, one
    waits for the other.

    Args:
        path: path of the file or directory to write.
        sync: bool. Whether to flush the content to the disk before renaming,
            so that it survives a power failure. Defaults to `True`.

    Raises:
        OSError: if it cannot be written or flushed.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _guarded(path) as temporary:
        try:
            yield temporary
            if sync:
                _sync(temporary)
            _take_place(temporary, path)
            if sync:
                sync_directory(path.parent)
        finally:
            _remove(temporary)


@contextlib.contextmanager
def needing_room(
    path: str | os.PathLike[str],
) -> collections.abc.Iterator[None]:
    """Replaces the error of a full disk by an `OSError` that names the path
    being written and says what to do, for commands that keep finished work."""
    try:
        yield
    except Exception as error:
        number = _no_room(error)
        if number is None:
            raise
        raise OSError(
            number,
            f"{os.strerror(number)}. Finished work is kept: free some space "
            "and run the same command again",
            os.fspath(path),
        ) from error


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Writes a text file in UTF-8, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, "utf-8")


def write_table(
    path: str | os.PathLike[str],
    header: collections.abc.Iterable,
    rows: collections.abc.Iterable[collections.abc.Iterable],
) -> None:
    """Writes a table as CSV in UTF-8, atomically. Characters that UTF-8 cannot
    represent, which names of files may contain, are replaced by `?`. Text that
    a spreadsheet would take for a formula (beginning with `=`, `+`, `-`, `@`, a
    tab or a carriage return) is written after a `'`; numbers are unchanged."""
    with replacing(path) as temporary:
        with open(temporary, "w", -1, "utf-8", "replace", "") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(map(to_cell, header))
            writer.writerows(map(to_cell, row) for row in rows)


def to_cell(value: typing.Any) -> typing.Any:
    """Returns a value as `write_table` writes it into a cell."""
    if not isinstance(value, str):
        return value
    try:
        float(value)
    except ValueError:
        is_formula = value.lstrip("'").startswith(_FORMULAS)
        text = f"'{value}" if is_formula else value
        # `csv` does not quote it, so it would begin a new line.
        return text.replace("\r", "\\r")
    return value


def from_cell(text: str) -> str:
    """Returns the text of a cell: the inverse of `to_cell`, except that
    carriage returns stay escaped."""
    is_formula = text.lstrip("'").startswith(_FORMULAS)
    return text.removeprefix("'") if is_formula else text


def remove(path: str | os.PathLike[str]) -> None:
    """Removes a file or a directory. Readers never see a directory that is
    partly removed."""
    path = pathlib.Path(path)
    with _guarded(path) as temporary:
        path.rename(temporary)
        _remove(temporary)


def recover(path: str | os.PathLike[str]) -> None:
    """Restores a directory if `replacing` was killed while the directory was
    missing. Call it before checking whether the directory exists."""
    path = pathlib.Path(path)
    if os.path.lexists(_before(path)):
        with _guarded(path):
            pass


def remove_unfinished(directory: str | os.PathLike[str]) -> None:
    """Removes the unfinished files of killed processes from a directory. Files
    that are still being written are kept."""
    directory = pathlib.Path(directory)
    names = set()
    for path in directory.glob(f"{_PARTIAL}*"):
        names.add(path.name.removeprefix(_PARTIAL).removesuffix(_LOCK))
    for path in directory.glob(f"{_BEFORE}*"):
        names.add(path.name.removeprefix(_BEFORE))
    for name in names:
        with contextlib.suppress(BlockingIOError):
            with _guarded(directory / name, wait=False):
                pass


def is_unfinished(name: str) -> bool:
    """Whether `replacing` leaves files of this name when it is killed."""
    return name.startswith((_PARTIAL, _BEFORE))


def sync_directory(path: str | os.PathLike[str]) -> None:
    """Flushes the names in a directory to the disk. Does nothing on Windows and
    on file systems that do not support it."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _guarded(
    path: pathlib.Path, wait: bool = True
) -> collections.abc.Iterator[pathlib.Path]:
    """Removes leftovers of killed processes, yields the temporary path of
    `path`, and holds its lock meanwhile. Without `wait`, a lock that another
    process holds is a `BlockingIOError`."""
    temporary = path.with_name(f"{_PARTIAL}{path.name}")
    with contextlib.ExitStack() as stack:
        try:
            guard = path.with_name(f"{_PARTIAL}{path.name}{_LOCK}")
            stack.enter_context(locks.taken(guard, wait))
        except locks.NoLocks:
            # A unique name, because another process may write `path` too.
            mark = secrets.token_hex(4)
            yield path.with_name(f"{_PARTIAL}{mark}.{path.name}")
            return
        before = _before(path)
        if os.path.lexists(before):
            if os.path.lexists(path):
                _remove(before)
            else:
                before.rename(path)
        _remove(temporary)
        yield temporary


def _no_room(error: Exception) -> int | None:
    """Returns the number of the error of a full disk; `None` for others."""
    if isinstance(error, OSError):
        return error.errno if error.errno in NO_ROOM else None
    # TensorFlow's errors contain the text of the system's error:
    # "ResourceExhaustedError: FILE; No space left on device".
    for number in NO_ROOM:
        if f"; {os.strerror(number)}" in str(error):
            return number
    return None


def _before(path: pathlib.Path) -> pathlib.Path:
    return path.with_name(f"{_BEFORE}{path.name}")


def _take_place(temporary: pathlib.Path, path: pathlib.Path) -> None:
    """Renames `temporary` to `path`; an old directory may get its name."""
    if not (path.is_dir() or temporary.is_dir()):
        temporary.replace(path)
    elif not os.path.lexists(path):
        temporary.rename(path)
    elif not _exchange(temporary, path):
        before = _before(path)
        path.rename(before)
        try:
            temporary.rename(path)
        except BaseException:
            before.rename(path)
            raise
        _remove(before)


def _exchange(one: pathlib.Path, two: pathlib.Path) -> bool:
    """Exchanges the names of two paths in one step. Returns `False` if the
    system or the file system does not support it."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        return False
    if not libc.renameat2(
        _AT_FDCWD,
        os.fsencode(one),
        _AT_FDCWD,
        os.fsencode(two),
        ctypes.c_uint(_RENAME_EXCHANGE),
    ):
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), os.fspath(two))


def _sync(path: pathlib.Path) -> None:
    """Flushes a file, or a directory and all its content, to the disk."""
    if not path.is_dir():
        with open(path, "rb" if os.name == "posix" else "r+b") as file:
            os.fsync(file.fileno())
        return
    for folder, _, names in os.walk(path, topdown=False):
        for name in names:
            _sync(pathlib.Path(folder, name))
        sync_directory(folder)


def _remove(path: pathlib.Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def held_back(shown: str | None = None) -> collections.abc.Iterator[None]:
    """Hides what libraries write to the standard error stream of the process
    inside this context, and shows it at the end if there was an error.

    Args:
        shown: `None`, or str: a regular expression. Lines whose beginning
            matches are shown in any case. Defaults to `None`.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        error_stream = os.dup(2)
        os.dup2(kept.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            os.dup2(error_stream, 2)
            os.close(error_stream)
            kept.seek(0)
            for line in kept.read().decode(errors="replace").splitlines(True):
                if failed or (shown is not None and re.match(shown, line)):
                    sys.stderr.write(line)
