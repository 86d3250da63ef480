"""Rooms that show what is in them and load it when it is used."""

import importlib
import sys


def attach(room, names):
    """What makes a package lazy: its `__all__`, `__getattr__` and `__dir__`.

    Type checkers do not run this: below `if typing.TYPE_CHECKING` the package
    imports the same names `as` themselves, and a test compares the two.

    Args:
        room: str. The package's `__name__`.
        names: dict from each name that a user may use to the module that has
            it, as a path from `keras_vidrec` on; `None` if the name is itself
            a module of the package.

    Returns:
        Tuple `(__all__, __getattr__, __dir__)`.
    """
    shown = sorted(names)

    def load(name):
        if name not in names:
            raise AttributeError(
                f"module {room!r} has no attribute {name!r}",
                name=name,
                obj=sys.modules[room],
            )
        if names[name] is None:
            return importlib.import_module(f"{room}.{name}")
        module = importlib.import_module(f"keras_vidrec.{names[name]}")
        value = getattr(module, name)
        setattr(sys.modules[room], name, value)  # found at once next time
        return value

    return shown, load, lambda: list(shown)
