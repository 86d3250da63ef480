"""Where what can be made again is kept."""

import os
import pathlib

_OWN = "keras-vidrec"


def directory() -> pathlib.Path | None:
    """The user's cache directory of this package; it need not exist.

    `VIDREC_CACHE` names it; else it is `keras-vidrec` in `KERAS_HOME`, in
    `XDG_CACHE_HOME`, or in `~/.cache`: the first of these variables that is
    set says where.

    Returns:
        Path; `None` where there is no home.
    """
    return next(iter(directories()), None)


def directories() -> tuple[pathlib.Path, ...]:
    """All that may be the cache directory, in the order of `directory`, which
    is the first one and the only one to write to. What an installation brings,
    or was kept before a variable was set, is found in the others."""
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
            except RuntimeError:  # of no home
                # An explicitly given directory is never silently replaced.
                if not found:
                    return ()
    return tuple(dict.fromkeys(found))
