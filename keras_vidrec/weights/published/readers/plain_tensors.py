"""Reading PyTorch files of tensors and plain values without PyTorch."""

import io
import math
import mmap
import pickletools
import zipfile
import zlib

import numpy as np

from keras_vidrec.weights.published.readers import torch_checks

# NumPy types of the elements, by the class of the storage.
_TYPES = {
    "BFloat16Storage": np.dtype("<u2"),
    "BoolStorage": np.dtype("?"),
    "ByteStorage": np.dtype("<u1"),
    "CharStorage": np.dtype("<i1"),
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "IntStorage": np.dtype("<i4"),
    "LongStorage": np.dtype("<i8"),
    "ShortStorage": np.dtype("<i2"),
}
_BFLOAT16 = "BFloat16Storage"
# Bytes of the number of elements before each storage in old files.
_LENGTH = 8

# Instructions that push their argument.
_LITERALS = frozenset(
    ("BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT")
)
_CONSTANTS = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
}
_SHORT_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_PUTS = frozenset(("BINPUT", "LONG_BINPUT"))
_GETS = frozenset(("BINGET", "LONG_BINGET"))
_NEEDLESS = frozenset(("PROTO", "FRAME", "STOP"))

# Errors of these instructions if the pickle is cut off or changed.
_WRONG = (
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    UnicodeDecodeError,
    ValueError,
)


class NotPlain(Exception):
    """The file contains more than tensors and plain values."""


class Tensor:
    """A tensor in a file; its numbers are not read yet.

    Args:
        storage: its `_Storage`.
        offset: int. Index of its first element in the storage.
        shape: tuple of int.
        strides: tuple of int, in elements.

    Raises:
        ValueError: if the storage does not have all its elements.
    """

    def __init__(self, storage, offset, shape, strides):
        numbers = (offset, *shape, *strides)
        if not all(type(n) is int and n >= 0 for n in numbers) or (
            len(shape) != len(strides)
        ):
            raise ValueError("a tensor of no shape")
        last = offset + sum((n - 1) * s for n, s in zip(shape, strides))
        if math.prod(shape) and last >= storage.elements:
            raise ValueError(
                f"a tensor of shape {shape} from element {offset} on, with "
                f"{storage.elements} elements in the file"
            )
        self.shape = shape
        self._storage, self._offset, self._strides = storage, offset, strides

    @property
    def nbytes(self):
        """Bytes of its elements; repeated elements count several times."""
        return math.prod(self.shape) * self._storage.type.itemsize

    @property
    def stored(self):
        """Bytes of its storage."""
        return self._storage.elements * self._storage.type.itemsize

    def numpy(self):
        """Returns a copy of the numbers; bfloat16 becomes float32."""
        kind = self._storage.type
        if not math.prod(self.shape):
            return np.zeros(self.shape, self._float_type(kind))
        view = np.lib.stride_tricks.as_strided(
            self._storage.numbers()[self._offset :],
            self.shape,
            [stride * kind.itemsize for stride in self._strides],
            writeable=False,
        )
        if self._storage.name != _BFLOAT16:
            return np.array(view)
        # A bfloat16 is the upper half of a float32.
        return (view.astype("uint32") << 16).view("float32")

    def _float_type(self, kind):
        return "float32" if self._storage.name == _BFLOAT16 else kind


class _Storage:
    """The elements of one or more tensors: `data`, the bytes of the file, and
    `place`, the position of the first element."""

    def __init__(self, name, key, elements):
        self.name, self.key, self.elements = name, key, elements
        self.type = _TYPES[name]
        self.data = self.place = None

    def numbers(self):
        return np.frombuffer(self.data, self.type, self.elements, self.place)


class _Global:
    def __init__(self, path):
        self.path = path


def read(path):
    """Reads the content of a file of `torch.save`.

    Args:
        path: str, path of a file that `torch_checks.check` has accepted.

    Returns:
        The saved dict, list, tuple, text or number, with `Tensor` for tensors.

    Raises:
        NotPlain: if it contains other objects.
        ValueError: if it is damaged.
    """
    try:
        with open(path, "rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            if data[:4] == torch_checks.ZIP:
                return _read_zip(file, data)
        return _read_legacy(data)
    except (*torch_checks.BAD_ZIP, *_WRONG) as error:
        raise torch_checks.damaged(path, error) from error


def _read_zip(file, data):
    with zipfile.ZipFile(file) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
    root = next(iter(entries)).split("/")[0]
    order = entries.get(f"{root}/byteorder")
    if order is not None and _content(data, order)[1] != b"little":
        raise NotPlain
    _, pickle = _content(data, entries[f"{root}/data.pkl"])
    value, storages = _load(io.BytesIO(pickle))
    for key, storage in storages.items():
        storage.data = data
        storage.place, _ = _content(data, entries[f"{root}/data/{key}"])
    return value


def _content(data, entry):
    """Returns the position and the bytes of an entry, after checking them."""
    start, size = torch_checks.place(data, entry)
    content = memoryview(data)[start : start + size]
    # torch.save may leave out the checksum: then it is 0.
    if entry.CRC not in (0, zlib.crc32(content)):
        raise ValueError(f"a wrong checksum of {entry.filename!r}")
    return start, content


def _read_legacy(data):
    """Reads an old file: magic number, version, facts about the machine, the
    value, keys of storages, and these, each after its number of elements."""
    _plain(data), _plain(data)
    if not _plain(data).get("little_endian"):
        raise NotPlain
    value, storages = _load(data)
    for key in _plain(data):
        length = data.read(_LENGTH)
        storage, place = storages[key], data.tell()
        size = storage.elements * storage.type.itemsize
        there = int.from_bytes(length, "little")
        if there != storage.elements or place + size > len(data):
            raise ValueError(
                f"{there} elements in storage {key!r}, of "
                f"{storage.elements} elements"
            )
        storage.data, storage.place = data, place
        data.seek(place + size)
    return value


def _plain(file):
    value, storages = _load(file)
    if storages:
        raise ValueError("a storage beside the state dict")
    return value


def _load(file):
    """Returns the value of a pickle, and its storages by key.

    Only the instructions for plain values are executed. Of the functions in the
    file, those that make tensors are replaced; none is called.
    """
    stack, marks, memo, storages = [], [], {}, {}
    for opcode, argument, _ in pickletools.genops(file):
        kind = opcode.name
        if kind in _LITERALS:
            stack.append(argument)
        elif kind in _CONSTANTS:
            stack.append(_CONSTANTS[kind]())
        elif kind in _PUTS:
            memo[argument] = stack[-1]
        elif kind in _GETS:
            stack.append(memo[argument])
        elif kind == "MARK":
            marks.append(len(stack))
        elif kind == "TUPLE":
            stack.append(tuple(_since(stack, marks.pop())))
        elif kind in _SHORT_TUPLES:
            count = _SHORT_TUPLES[kind]
            stack[-count:] = [tuple(stack[-count:])]
        elif kind in ("SETITEM", "SETITEMS"):
            mark = len(stack) - 2 if kind == "SETITEM" else marks.pop()
            items = _since(stack, mark)
            _checked(stack[-1], dict).update(zip(items[::2], items[1::2]))
        elif kind in ("APPEND", "APPENDS"):
            mark = len(stack) - 1 if kind == "APPEND" else marks.pop()
            items = _since(stack, mark)
            _checked(stack[-1], list).extend(items)
        elif kind == "GLOBAL":
            stack.append(_Global(argument.replace(" ", ".")))
        elif kind == "BINPERSID":
            stack.append(_storage(stack.pop(), storages))
        elif kind == "REDUCE":
            arguments = stack.pop()
            stack.append(_called(stack.pop(), arguments))
        elif kind == "BUILD":
            stack.pop()  # attributes, such as the versions of modules
            _checked(stack[-1], dict)
        elif kind not in _NEEDLESS:
            raise NotPlain
    (value,) = stack
    return value, storages


def _since(stack, mark):
    """Removes and returns the values that were pushed since a mark."""
    items = stack[mark:]
    del stack[mark:]
    return items


def _checked(value, kind):
    if type(value) is not kind:
        raise NotPlain
    return value


def _storage(identity, storages):
    """Returns the storage of `("storage", class, key, device, elements)`, which
    may be followed by a view, `None`."""
    match identity:
        case ("storage", _Global() as kind, str(key), str(), int(n), *view):
            name = kind.path.rpartition(".")[2]
            if name not in _TYPES or view not in ([], [None]):
                raise NotPlain
            storage = storages.setdefault(key, _Storage(name, key, n))
            if (storage.name, storage.elements) != (name, n):
                raise NotPlain
            return storage
    raise NotPlain


def _called(function, arguments):
    match getattr(function, "path", None), arguments:
        case "collections.OrderedDict", ():
            return {}
        case "torch.Size", (tuple(sizes),):
            return sizes
        case "torch._utils._rebuild_parameter", (Tensor() as data, *_):
            return data
        case (
            "torch._utils._rebuild_tensor" | "torch._utils._rebuild_tensor_v2",
            (_Storage() as storage, offset, tuple(shape), tuple(strides), *_),
        ):
            return Tensor(storage, offset, shape, strides)
    raise NotPlain
