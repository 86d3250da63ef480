"""What one process at a time writes."""

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
# Windows locks bytes, which then cannot be read: a byte far behind the text is
# locked.
_BYTE = 2**30
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


class InUse(ValueError):
    """Another process is writing it."""


class NoLocks(OSError):
    """The file system has no locks."""


@contextlib.contextmanager
def held(
    path: str | os.PathLike, work: str, where: str | os.PathLike
) -> collections.abc.Iterator[None]:
    """Holds a lock meanwhile; others are refused.

    The lock is the system's own, on an open file: it ends with the process,
    whatever ends that, and the file left by a killed process does not block
    others. Of a shared file system such as NFS it counts on all machines. Where
    there are no locks, the log says so.

    Args:
        path: path of the lock file, made if missing and removed at the end. It
            says who holds it.
        work: str. What it is held for: `"train"`.
        where: path of what it is held for, to be named in errors.

    Raises:
        InUse: a `ValueError`, if another process holds it: which, on which
            machine, since when.
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
    """Refuses what another process holds, and holds nothing.

    Args:
        path: path of the lock file, which need not be there.
        where: as of `held`.

    Raises:
        InUse: if another process holds it.
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
    """Holds a lock file meanwhile; yields it, open.

    Raises:
        BlockingIOError: if another one holds it, unless `wait` is set.
        NoLocks: if the file system has no locks.
    """
    file = _take(path, wait)
    try:
        yield file
    finally:
        if fcntl is None:
            file.close()  # an open file cannot be removed there
        with contextlib.suppress(OSError):
            path.unlink()
        with contextlib.suppress(OSError):
            file.close()


def _take(path, wait):
    end = time.monotonic() + _PATIENCE_S
    while True:
        file = open(path, "a+b")
        try:
            _lock(file)
            # The holder may have removed it at its end, perhaps this very file.
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


def _lock(file):
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


def _is_at(file, path):
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except OSError:
        return False


def _introduce(file, work):
    """Writes the holder into the file; a full disk is not an error."""
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


def _in_use(path, where):
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
