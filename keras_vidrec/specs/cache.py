"""The cache directory, for files that can be downloaded or made again."""

import os
import pathlib

_OWN = "keras-vidrec"


def directory() -> pathlib.Path | None:
    """Returns the user's cache directory of this package; it need not exist.

    It is the value of `VIDREC_CACHE` if that is set. Otherwise it is
    `keras-vidrec` in `KERAS_HOME`, or else in `XDG_CACHE_HOME`, or else in
    `~/.cache`.

    Returns:
        Path; `None` if the user has no home directory.
    """
    return next(iter(directories()), None)


def directories() -> tuple[pathlib.Path, ...]:
    """Returns all directories to search for cached files. The first one is
    `directory()`, and the only one to write to. The others may contain files
    that an installation brought, or cached before a variable was set."""
    found = []
    for variable, base, below in (
        ("VIDREC_CACHE", None, ""),
        ("KERAS_HOME", None, _OWN),
        ("XDG_CACHE_HOME", "~/.cache", _OWN),
    ):
        named = os.environ.get(variable) or base
        if named:
            try:
                found.append(pathlib.Path(named).expanduser() / below)
            except RuntimeError:  # there is no home directory for `~`
                # An explicitly given directory is never silently replaced.
                if not found:
                    return ()
    return tuple(dict.fromkeys(found))
