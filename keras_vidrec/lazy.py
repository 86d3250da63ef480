"""Lazy loading: subpackages on first use, layers when Keras is imported."""

import importlib
import sys


def attach(room, names):
    """Returns `__all__`, `__getattr__` and `__dir__` of a lazily loaded
    package.

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
            return _missing(room, names, name, sys._getframe(1))
        if names[name] is None:
            return importlib.import_module(f"{room}.{name}")
        module = importlib.import_module(f"keras_vidrec.{names[name]}")
        value = getattr(module, name)
        # The next access does not call `__getattr__`.
        setattr(sys.modules[room], name, value)
        return value

    return shown, load, lambda: list(shown)


def close(room, names):
    """Limits `dir()` of a package that has imported all its names to these,
    and makes errors for unknown names suggest the nearest one.

    It sets `__getattr__`, because with a `__getattr__` in the package's own
    file type checkers would accept every name.

    Args:
        room: str. The package's `__name__`.
        names: list of str. The names that a user may use.
    """
    package = sys.modules[room]
    package.__dir__ = lambda: list(names)
    package.__getattr__ = lambda name: _missing(
        room, names, name, sys._getframe(1)
    )


def _missing(room, names, name, caller):
    """Raises the error for an unknown name, or returns the module of this name
    if `from room import name` requests one."""
    text = f"module {room!r} has no attribute {name!r}"
    # Programs look up names such as `__wrapped__` and `_repr_html_`, which
    # need no suggestion.
    if name.startswith("_"):
        raise AttributeError(text, name=name)
    # In `from room import name` Python hides the text of an `AttributeError`.
    if caller.f_code.co_name == "_handle_fromlist":
        try:
            return importlib.import_module(f"{room}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{room}.{name}":
                raise
        text = f"cannot import name {name!r} from {room!r}"
        raise ImportError(_hinted(text, name, names), name=room)
    # Without `obj`, because Python would add another suggestion.
    raise AttributeError(_hinted(text, name, names), name=name)


def _hinted(text, name, names):
    checks = importlib.import_module("keras_vidrec.specs.checks")
    return f"{text}. {checks.hint(name, names)}".rstrip(". ")


def register_layers():
    """Registers the layers now, or once Keras has been imported.

    `keras.models.load_model` finds classes of other packages in Keras' registry
    only; it does not import the modules that a `.keras` file names. So `import
    keras_vidrec` has to register the layers, but must not spend seconds on
    importing Keras if it is not used, as in `vidrec --help`. Models cannot be
    loaded before Keras is imported, so the layers are registered right after
    the import of Keras.
    """
    if sys.modules.get("keras") is not None:
        importlib.import_module("keras_vidrec.layers")
    elif not any(isinstance(finder, _AfterKeras) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AfterKeras())


class _AfterKeras:
    """An import finder for Keras that asks the other finders, and registers the
    layers once their loader has executed Keras. Then it removes itself."""

    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    self._register_after(spec.loader)
                    return spec
        return None

    def _register_after(self, loader):
        run = loader.exec_module

        def run_and_register(module):
            run(module)
            if module.__name__ != "keras":
                return  # some loaders are shared by many modules
            loader.__dict__.pop("exec_module", None)
            if self in sys.meta_path:
                sys.meta_path.remove(self)
            importlib.import_module("keras_vidrec.layers")

        loader.exec_module = run_and_register
