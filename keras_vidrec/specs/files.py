"""Files that are there whole or not at all."""

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

# Beside a file NAME while it is written: `.partial.NAME`, the next one, held by
# `.partial.NAME.lock`; and `.before.NAME`, the last one, for a moment, where
# the two cannot change places in one step.
_PARTIAL = ".partial."
_BEFORE = ".before."
_LOCK = ".lock"
# Answers of systems and file systems that cannot exchange two names.
_CANNOT = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)
# Of errors: nothing can be written any more.
NO_ROOM = (
    errno.ENOSPC,
    errno.EFBIG,
    errno.EROFS,
    getattr(errno, "EDQUOT", errno.ENOSPC),
)
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2

# What a spreadsheet computes begins with one of these.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


@contextlib.contextmanager
def replacing(
    path: str | os.PathLike[str], sync: bool = True
) -> collections.abc.Iterator[pathlib.Path]:
    """Yields a temporary path beside `path` that takes its place at the end.

    What stood there before stays until then, whole; after an error nothing of
    the attempt is left, and what a killed process has left of one is removed
    by the next. A reader sees the old or the new one: files, and on Linux
    directories too, change places in one step. Elsewhere, and on file systems
    such as NFS, there is a moment without a directory; if the process is
    killed right then, the next `replacing` or `recover` brings the old one
    back. Two that write one path do so one after the other.

    Args:
        path: path of the file or directory to be.
        sync: bool. Whether it is brought to the disk before it takes its
            place, so that a machine that loses its power keeps it too.
            Defaults to `True`.

    Raises:
        OSError: if it cannot be written, or brought to the disk.
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
    """Reports a full disk with the path being written and what to do, for
    commands that keep finished work.

    Raises:
        OSError: instead of the one of a full disk; others as they are.
    """
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
    """Writes a text file in UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, "utf-8")


def write_table(
    path: str | os.PathLike[str],
    header: collections.abc.Iterable,
    rows: collections.abc.Iterable[collections.abc.Iterable],
) -> None:
    """Writes a table as CSV in UTF-8, whole or not at all. What UTF-8 cannot
    hold, as names of files may be, becomes `?`. Text that a spreadsheet would
    take for a formula, from `=`, `+`, `-`, `@`, a tab or a carriage return on,
    gets a `'` before it; numbers stay numbers."""
    with replacing(path) as temporary:
        with open(temporary, "w", -1, "utf-8", "replace", "") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(map(to_cell, header))
            writer.writerows(map(to_cell, row) for row in rows)


def to_cell(value: typing.Any) -> typing.Any:
    """A value as `write_table` puts it into a cell."""
    if not isinstance(value, str):
        return value
    try:
        float(value)
    except ValueError:
        is_formula = value.lstrip("'").startswith(_FORMULAS)
        text = f"'{value}" if is_formula else value
        # Not quoted by `csv`, it would begin a line, and so a cell.
        return text.replace("\r", "\\r")
    return value


def from_cell(text: str) -> str:
    """The text that a cell stands for: the inverse of `to_cell`, but for
    carriage returns."""
    is_formula = text.lstrip("'").startswith(_FORMULAS)
    return text.removeprefix("'") if is_formula else text


def remove(path: str | os.PathLike[str]) -> None:
    """Removes a file or a directory, whole or not at all: none is seen that is
    half gone."""
    path = pathlib.Path(path)
    with _guarded(path) as temporary:
        path.rename(temporary)
        _remove(temporary)


def recover(path: str | os.PathLike[str]) -> None:
    """Brings back a directory whose replacement was killed in between, where
    names cannot be exchanged in one step. To be called before checking for
    existing files.
    """
    path = pathlib.Path(path)
    if os.path.lexists(_before(path)):
        with _guarded(path):
            pass


def remove_unfinished(directory: str | os.PathLike[str]) -> None:
    """Removes what killed processes have left of their attempts to write;
    those that are still at it are left alone."""
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
    """Whether a file of this name is what `replacing` leaves when it is
    killed."""
    return name.startswith((_PARTIAL, _BEFORE))


def sync_directory(path: str | os.PathLike[str]) -> None:
    """Makes the names in a directory last."""
    if not hasattr(os, "O_DIRECTORY"):
        return  # Windows has no such thing
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Of file systems that have none.
        if error.errno not in _CANNOT:
            raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _guarded(path, wait=True):
    """Yields the temporary path of `path`, without leftovers of earlier
    processes, and locked meanwhile.
    """
    temporary = path.with_name(f"{_PARTIAL}{path.name}")
    with contextlib.ExitStack() as stack:
        try:
            guard = path.with_name(f"{_PARTIAL}{path.name}{_LOCK}")
            stack.enter_context(locks.taken(guard, wait))
        except locks.NoLocks:
            # Without locks: use a unique name.
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


def _no_room(error):
    """The number of an error of a full disk, else `None`."""
    if isinstance(error, OSError):
        return error.errno if error.errno in NO_ROOM else None
    # TensorFlow's own have the system's words: "ResourceExhaustedError: FILE;
    # No space left on device".
    for number in NO_ROOM:
        if f"; {os.strerror(number)}" in str(error):
            return number
    return None


def _before(path):
    return path.with_name(f"{_BEFORE}{path.name}")


def _take_place(temporary, path):
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


def _exchange(one, two):
    """Lets two paths change places in one step; returns whether that can be
    done here."""
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


def _sync(path):
    """Brings a file, or a directory and all that is in it, to the disk."""
    if not path.is_dir():
        with open(path, "rb" if os.name == "posix" else "r+b") as file:
            os.fsync(file.fileno())
        return
    for folder, _, names in os.walk(path, topdown=False):
        for name in names:
            _sync(pathlib.Path(folder, name))
        sync_directory(folder)


def _remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def held_back(shown: str | None = None) -> collections.abc.Iterator[None]:
    """Keeps what libraries write to the error stream of the process off it in
    the context, and shows it after an error.

    Args:
        shown: `None`, or str. A pattern; lines that begin so are shown without
            an error too.
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
