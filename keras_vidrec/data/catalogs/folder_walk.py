"""All files below a directory, whatever its links do."""

import os

HIDDEN = "hidden"
SEEN = "the same folder as another one"


def walk(root, pass_over, enter=None):
    """Yields the path below `root` and the `os.DirEntry` of each file at any
    depth, in no order.

    Links are followed, and each folder is read once: under its own name if that
    is below `root`. What is hidden is skipped.

    Args:
        root: path of a directory.
        pass_over: callable that takes a reason and the path of what is skipped
            for it.
        enter: `None`, or callable that takes the path of each folder.
    """
    seen = set()
    folders, links = [(os.fspath(root), "")], []
    # Links to folders come last: they may lead to what has a name of its own.
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
