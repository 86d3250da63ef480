"""The classes and storages in a pickle of PyTorch, without loading it."""

import dataclasses
import pickletools

# Bytes per element, by the class of the storage.
_ELEMENTS = {
    "BFloat16Storage": 2,
    "BoolStorage": 1,
    "ByteStorage": 1,
    "CharStorage": 1,
    "DoubleStorage": 8,
    "FloatStorage": 4,
    "HalfStorage": 2,
    "IntStorage": 4,
    "LongStorage": 8,
    "ShortStorage": 2,
}
_STORAGE_MODULES = ("torch", "torch.cuda")

# Names of modules in Python 2.
_RENAMED = {"__builtin__": "builtins", "copy_reg": "copyreg"}

# Instructions that refer to objects outside the pickle.
_LOOKUPS = {
    "BINPERSID",
    "EXT1",
    "EXT2",
    "EXT4",
    "GLOBAL",
    "INST",
    "PERSID",
    "STACK_GLOBAL",
}

_LITERALS = {
    "BINUNICODE",
    "SHORT_BINSTRING",
    "BININT",
    "BININT1",
    "BININT2",
    "LONG1",
    "NONE",
}


# Any value that the scan does not track.
_UNKNOWN = object()


@dataclasses.dataclass(frozen=True)
class PickleScan:
    """The classes and storages that a pickle names.

    Attributes:
        globals: frozenset of str, `"module.name"` of classes and functions
            other than classes of storages.
        storages: dict from keys of storages to their sizes in bytes.
    """

    globals: frozenset
    storages: dict


def scan(file):
    """Reads a pickle to its end, instruction by instruction.

    Nothing is built, called or allocated, so any bytes may be scanned.

    Args:
        file: binary file at the start of a pickle, such as `io.BytesIO`. The
            position afterwards is the end of the pickle.

    Returns:
        `PickleScan`.

    Raises:
        ValueError: if it is not a pickle, or names a storage in another way
            than `torch.save` does.
    """
    names, storages, memo = set(), {}, {}
    # The values pushed since the last mark, `_UNKNOWN` if not tracked.
    pushed = []
    for opcode, argument, _ in pickletools.genops(file):
        kind = opcode.name
        if kind == "MARK":
            pushed = []
        elif kind in _LITERALS:
            pushed.append(argument)
        elif kind == "GLOBAL":
            pushed.append(_Global(*argument.split(" ", 1)))
            names.add(pushed[-1])
        elif kind == "TUPLE":
            pushed = [tuple(pushed)]
        elif kind in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = pushed[-1] if pushed else _UNKNOWN
        elif kind in ("BINGET", "LONG_BINGET"):
            pushed.append(memo.get(argument, _UNKNOWN))
        elif kind == "BINPERSID":
            if not _is_module(pushed):
                key, size = _storage(pushed)
                storages[key] = max(size, storages.get(key, 0))
            pushed = [_UNKNOWN]
        else:
            pushed = [_UNKNOWN]
    others = {name.path for name in names if name.element is None}
    return PickleScan(frozenset(others), storages)


def scan_plain(file):
    """Reads a pickle that contains only numbers, texts and collections of them.

    Args:
        file: see `scan`.

    Returns:
        frozenset of str, the texts in it.

    Raises:
        ValueError: if it is not a pickle, or names a class, a function or a
            storage. PyTorch would call some of its classes, such as
            `torch.FloatTensor`, which can allocate any amount of memory.
    """
    texts = set()
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name in _LOOKUPS:
            raise ValueError(
                "Expected plain values before and after a state dict. "
                f"Received: {opcode.name} {argument}"
            )
        if isinstance(argument, str):
            texts.add(argument)
    return frozenset(texts)


class _Global:
    def __init__(self, module, name):
        self.path = f"{_RENAMED.get(module, module)}.{name}"
        self.element = None
        if module in _STORAGE_MODULES:
            self.element = _ELEMENTS.get(name)


def _is_module(pushed):
    """Whether it is the source code of a module, which old files have."""
    match pushed:
        case [("module", _Global(), *_)]:
            return True
    return False


def _storage(pushed):
    """Returns the key and the size in bytes of `("storage", class, key, device,
    elements)`, which may be followed by a view, `None`."""
    match pushed:
        case [("storage", _Global(element=int(size)), str(key), str(), int(n))]:
            pass
        case [
            (
                "storage",
                _Global(element=int(size)),
                str(key),
                str(),
                int(n),
                None,
            )
        ]:
            pass
        case [("storage", _Global(path=path), *_)]:
            raise ValueError(
                f"Expected tensors of {sorted(_ELEMENTS)}. Received: one of "
                f"{path}"
            )
        case _:
            raise ValueError(
                "Expected storages by class, key, device and number of "
                "elements, as `torch.save` writes them. Received: others"
            )
    if n < 0:
        raise ValueError(
            "Expected storages of no less than 0 elements. Received: "
            f"{n} in storage {key!r}"
        )
    return key, n * size
