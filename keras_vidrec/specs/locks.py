"""Locks between processes that write the same files."""

import collections.abc
import contextlib
import datetime
import errno
import json
import logging
import os
import pathlib
import socket
import time
import typing

from keras_vidrec.specs import documents

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment] # what mypy takes for a module
    import msvcrt

logger = logging.getLogger("keras_vidrec")

# A process that only checks whether a lock is free holds it for a moment.
_PATIENCE_S = 0.3
_LOOK_EVERY_S = 0.02
# Windows locks bytes, which then cannot be read, so the lock is on a byte far
# after the text.
_BYTE = 2**30
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


class InUse(ValueError):
    """Another process holds the lock."""


class NoLocks(OSError):
    """The file system has no locks."""


@contextlib.contextmanager
def held(
    path: str | os.PathLike, work: str, where: str | os.PathLike
) -> collections.abc.Iterator[None]:
    """Holds a lock; other processes that request it raise an error.

    It is a lock of the operating system on an open file: it ends when the
    process ends or is killed, and the file left by a killed process does not
    block others. On a shared file system such as NFS it holds for all machines.
    If the file system has no locks, a warning is logged instead.

    Args:
        path: path of the lock file. It is created if missing, removed at the
            end, and names the process that holds it.
        work: str. What the lock is held for, such as `"train"`.
        where: path of the directory or file that is locked, for errors.

    Raises:
        InUse: a `ValueError`, if another process holds the lock. It says which
            process, on which machine, since when.
        OSError: if the file cannot be written.
    """
    path = pathlib.Path(path)
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(taken(path))
        except BlockingIOError:
            raise InUse(_in_use(path, where)) from None
        except NoLocks as error:
            logger.warning(
                "Make sure that only one process at a time writes %s: its "
                "file system has no locks (%s).",
                where,
                error.strerror,
            )
        else:
            _introduce(file, work)
        yield


def check_free(path: str | os.PathLike, where: str | os.PathLike) -> None:
    """Checks that no other process holds a lock, without holding it.

    Args:
        path: path of the lock file, which need not exist.
        where: see `held`.

    Raises:
        InUse: if another process holds the lock.
    """
    path = pathlib.Path(path)
    if not path.exists():
        return
    try:
        with taken(path):
            pass
    except BlockingIOError:
        raise InUse(_in_use(path, where)) from None
    except OSError:
        pass  # missing permissions or locks are reported elsewhere


@contextlib.contextmanager
def taken(
    path: pathlib.Path, wait: bool = False
) -> collections.abc.Iterator[typing.Any]:
    """Holds the lock of a file, and yields the open file, which is removed at
    the end.

    Raises:
        BlockingIOError: if another process holds the lock, unless `wait`.
        NoLocks: if the file system has no locks.
    """
    file = _take(path, wait)
    try:
        yield file
    finally:
        if fcntl is None:
            file.close()  # Windows cannot remove an open file
        with contextlib.suppress(OSError):
            path.unlink()
        with contextlib.suppress(OSError):
            file.close()


def _take(path: pathlib.Path, wait: bool) -> typing.BinaryIO:
    end = time.monotonic() + _PATIENCE_S
    while True:
        file = open(path, "a+b")
        try:
            _lock(file)
            # The last holder may have removed this file after it was opened.
            if _is_at(file, path):
                return file
        except BlockingIOError:
            if not wait and time.monotonic() > end:
                file.close()
                raise
            time.sleep(_LOOK_EVERY_S)
        except NoLocks:
            file.close()
            path.unlink(missing_ok=True)
            raise
        except BaseException:
            file.close()
            raise
        file.close()


def _lock(file: typing.BinaryIO) -> None:
    if fcntl is None:
        file.seek(_BYTE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(*error.args) from error
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise NoLocks(*error.args) from error
        raise


def _is_at(file: typing.BinaryIO, path: pathlib.Path) -> bool:
    """Whether an open file is the one at `path`."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except OSError:
        return False


def _introduce(file: typing.BinaryIO, work: str) -> None:
    """Writes the holder into the lock file, if the disk is not full."""
    now = datetime.datetime.now().astimezone()
    holder = {
        "process": os.getpid(),
        "host": socket.gethostname(),
        "since": now.isoformat(" ", "seconds"),
        "work": work,
    }
    with contextlib.suppress(OSError):
        file.truncate(0)
        file.write(json.dumps(holder).encode())
        file.flush()


def _in_use(path: pathlib.Path, where: str | os.PathLike) -> str:
    """Returns the message of `InUse`."""
    try:
        found = documents.read_json(path)
        holder = (
            f"process {int(found['process'])} on {found['host']!r}, which "
            f"uses it to {found['work']!s:.20} since {found['since']!s:.30}"
        )
        if not holder.isprintable():
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError):
        holder = "an unknown process"
    return (
        f"{where} is in use by another process. Wait until it ends, or end "
        "it; finished work is kept, and the same command resumes from "
        f"there. Received: {holder}"
    )
