"""Where what can be made again is kept."""

import os
import pathlib


def directory() -> pathlib.Path | None:
    """The user's cache directory of this package; it need not exist.

    `VIDREC_CACHE` names it; else it is `keras-vidrec` in `XDG_CACHE_HOME`, or
    in `~/.cache`.

    Returns:
        Path; `None` where there is no home.
    """
    own = os.environ.get("VIDREC_CACHE")
    base = own or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        path = pathlib.Path(base).expanduser()
    except RuntimeError:
        return None
    return path if own else path / "keras-vidrec"
