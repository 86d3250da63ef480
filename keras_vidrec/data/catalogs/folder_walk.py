"""The files below a directory at any depth, safe with links that form loops."""

import os

HIDDEN = "hidden"
SEEN = "the same folder as another one"


def walk(root, pass_over, enter=None):
    """Yields the path relative to `root` and the `os.DirEntry` of each file at
    any depth, in no particular order.

    Links are followed, and each folder is read once: under its own name if it
    is below `root`, rather than that of a link. Hidden files and folders are
    skipped.

    Args:
        root: path of a directory.
        pass_over: callable, called with a reason and a relative path for each
            file or folder that is skipped.
        enter: `None`, or callable, called with the relative path of each folder
            that is read.
    """
    seen = set()
    folders, links = [(os.fspath(root), "")], []
    # Links to folders come last: they may lead to folders below `root`.
    while folders or links:
        directory, prefix = (folders or links).pop()
        real = os.path.realpath(directory)
        if real in seen:
            pass_over(SEEN, prefix)
            continue
        seen.add(real)
        if enter is not None:
            enter(prefix.rstrip("/"))
        try:
            with os.scandir(directory) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            reason = f"the folder cannot be read ({error.strerror})"
            pass_over(reason, prefix or ".")
            continue
        for entry in entries:
            path = prefix + entry.name
            if entry.name.startswith("."):
                pass_over(HIDDEN, path)
            elif entry.is_dir(follow_symlinks=False):
                folders.append((entry.path, f"{path}/"))
            elif entry.is_symlink() and os.path.isdir(entry.path):
                links.append((entry.path, f"{path}/"))
            else:
                yield path, entry
