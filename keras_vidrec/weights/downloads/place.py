"""Writing of a file in the cache, by one process at a time."""

import contextlib
import errno
import logging
import os
import secrets

from keras_vidrec.specs import cache
from keras_vidrec.specs import files
from keras_vidrec.specs import locks
from keras_vidrec.weights.downloads import transfer

logger = logging.getLogger("keras_vidrec")


@contextlib.contextmanager
def alone(target):
    """Yields the path of the unfinished file of `target`, and holds a lock."""
    folder = target.parent
    with contextlib.ExitStack() as stack:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            # Not in the folder, which is removed if the download fails.
            guard = folder.with_name(f".{folder.name}.lock")
            try:
                stack.enter_context(locks.taken(guard))
            except BlockingIOError:
                logger.warning(
                    "Another process downloads %s: waiting for it", target.name
                )
                stack.enter_context(locks.taken(guard, wait=True))
            mark = ""
        except locks.NoLocks:
            # Two processes may download it: each uses a unique name.
            mark = f"{secrets.token_hex(4)}."
        except OSError as error:
            raise _unwritable(error, folder.parent) from error
        part = folder / f".partial.download.{mark}{target.name}"
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise _unwritable(error, folder) from error
        stack.callback(_remove_if_empty, folder)
        if mark:
            stack.callback(transfer.forget, part)
        yield part


def _remove_if_empty(folder):
    with contextlib.suppress(OSError):
        folder.rmdir()


@contextlib.contextmanager
def writable(entry, target, part):
    """Replaces errors of a full or read-only disk by clear messages."""
    try:
        yield
    except transfer.NoRoom as error:
        number, left = error.number, error.bytes
    except OSError as error:
        if error.errno not in files.NO_ROOM:
            if error.errno in (errno.EACCES, errno.EPERM):
                raise _unwritable(error, target.parent) from error
            raise
        number, left = error.errno, entry.size or 0
    else:
        return
    if number == errno.EROFS:
        raise _unwritable(OSError(number, os.strerror(number)), target.parent)
    transfer.forget(part)
    needed = f"{left:,} bytes more" if left else "more room"
    raise OSError(
        number,
        f"{os.strerror(number)}. {entry.description} needs {needed} there; "
        "nothing of it is left. Make room, or set VIDREC_CACHE to a directory "
        "on another disk",
        os.fspath(target.parent),
    )


def _unwritable(error, path):
    named = cache.directory()
    return OSError(
        error.errno,
        f"{error.strerror}. Expected a cache that can be written: set "
        f"VIDREC_CACHE to another directory than {named}",
        os.fspath(path),
    )
