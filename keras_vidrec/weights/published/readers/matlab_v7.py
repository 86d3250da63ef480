"""Reading MATLAB's own file format, versions 5 to 7.2."""

import math
import os
import struct
import types
import zlib

import numpy as np

from keras_vidrec.weights.published.readers.size_budget import ENTRY
from keras_vidrec.weights.published.readers.size_budget import SizeBudget

_HEADER = 128
# Enough bytes for the flags, the shape and the name of a variable.
_PEEK = 4096
_CHUNK = 2**20
# Most levels of nested cells and structs; a network has about eight.
_DEPTH = 64

_MATRIX, _COMPRESSED = 14, 15
_INTEGERS = ("i1", "u1", "i2", "u2", "i4", "u4")
# The stored type of the numbers of an element, by its kind.
_STORED = types.MappingProxyType(
    {**dict(enumerate(_INTEGERS, 1)), 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
)
_CELL, _STRUCT, _CHAR = 1, 2, 4
# The type of the numbers of an array, by its class.
_NUMBERS = types.MappingProxyType(
    dict(enumerate(("f8", "f4", *_INTEGERS, "i8", "u8"), 6))
)
_OPAQUE = 17
_COMPLEX = 0x0800
# By the kind of the element and the byte order.
_ENCODINGS = types.MappingProxyType(
    {
        1: {"<": "latin-1", ">": "latin-1"},
        2: {"<": "latin-1", ">": "latin-1"},
        4: {"<": "utf-16-le", ">": "utf-16-be"},
        16: {"<": "utf-8", ">": "utf-8"},
        17: {"<": "utf-16-le", ">": "utf-16-be"},
        18: {"<": "utf-32-le", ">": "utf-32-be"},
    }
)


def read_tree(path, names):
    """Reads some variables of a file.

    SciPy is not used, because it trusts the file: deeply nested cells crash the
    process, and arrays of any announced size are allocated.

    Args:
        path: path of the file.
        names: collection of str. Variables to read; others are skipped.

    Returns:
        dict from the names of existing variables to values. A struct is a dict,
        an array of structs a list of dicts, a cell array a list (both in
        MATLAB's order, first axis fastest), text a str; numbers and bools are
        NumPy arrays. Functions, objects, sparse and complex arrays and text of
        several rows are `None`; no code is run.

    Raises:
        ValueError: if the file is damaged, ends early or announces more than
            its size allows.
        zlib.error: if compressed content is damaged.
    """
    budget = SizeBudget(path)
    end = os.path.getsize(path)
    tree = {}
    with open(path, "rb") as file:
        order = _byte_order(file.read(_HEADER))
        while tag := file.read(8):
            kind, size = _pair(tag, order)
            behind = file.tell() + size
            if behind > end:
                raise ValueError("the file ends inside of a variable")
            start = file.tell()
            source, length = _array_of(file, kind, size, order)
            name = _name(source.read(min(length, _PEEK)), order)
            if name in names:
                budget.spend(length)
                file.seek(start)
                source, length = _array_of(file, kind, size, order)
                data = source.read(length)
                if len(data) < length:
                    raise ValueError("a variable is shorter than announced")
                if kind == _COMPRESSED and source.read(1):
                    raise ValueError("a variable is longer than announced")
                tree[name] = _Values(order, budget).value(data)
            file.seek(behind)
    return tree


class _Inflated:
    """Decompresses an element, only as much as is read."""

    def __init__(self, file, size):
        self._file = file
        self._left = size
        self._decoder = zlib.decompressobj()

    def read(self, size):
        data = bytearray()
        while len(data) < size:
            packed = self._decoder.unconsumed_tail
            if not packed:
                packed = self._file.read(min(self._left, _CHUNK))
                self._left -= len(packed)
            if not packed or self._decoder.eof:
                break
            data += self._decoder.decompress(packed, size - len(data))
        return data


class _Elements:
    """Reads the elements of a variable in sequence."""

    def __init__(self, data, order):
        self._data = memoryview(data)
        self._order = order
        self._position = 0

    def take(self):
        """Returns the kind and the data of the next element."""
        tag = self._bytes(8)
        kind, size = _pair(tag, self._order)
        if kind >> 16:
            # Up to four bytes of data are in the tag itself.
            kind, size = kind & 0xFFFF, kind >> 16
            if size > 4:
                raise ValueError(f"a small element has {size} bytes")
            return kind, tag[4 : 4 + size]
        data = self._bytes(size)
        self._position += -size % 8
        return kind, data

    def numbers(self):
        """Returns the next element as an array of one axis."""
        kind, data = self.take()
        if kind not in _STORED:
            raise ValueError(f"numbers are an element of kind {kind}")
        dtype = np.dtype(self._order + _STORED[kind])
        if len(data) % dtype.itemsize:
            raise ValueError(f"{len(data)} bytes hold numbers of {dtype}")
        return np.frombuffer(data, dtype)

    def matrices(self, count):
        """Yields the data of the next elements, which must be arrays."""
        # Each has at least a tag.
        if 8 * count > len(self._data) - self._position:
            raise ValueError(f"{count} entries are announced")
        for _ in range(count):
            kind, data = self.take()
            if kind != _MATRIX:
                raise ValueError(f"an entry is an element of kind {kind}")
            yield data

    def _bytes(self, size):
        data = self._data[self._position : self._position + size]
        if len(data) < size:
            raise ValueError("an array is shorter than announced")
        self._position += size
        return data


class _Values:
    """Converts the data of arrays to Python values."""

    def __init__(self, order, budget):
        self._order = order
        self._budget = budget

    def value(self, data, depth=0):
        if depth > _DEPTH:
            raise ValueError(f"arrays are nested more than {_DEPTH} deep")
        self._budget.spend(ENTRY)
        if not len(data):
            return np.zeros((0, 0))
        elements = _Elements(data, self._order)
        flags = int(elements.numbers()[:1].sum())
        kind = flags & 0xFF
        if kind not in (_CELL, _STRUCT, _CHAR, *_NUMBERS) or flags & _COMPLEX:
            return None
        shape = tuple(elements.numbers().tolist())
        if not 2 <= len(shape) <= 32 or min(shape) < 0:
            raise ValueError(f"an array has the shape {shape[:33]}")
        elements.take()  # its name
        count = math.prod(shape)
        if kind == _CELL:
            return [
                self.value(entry, depth + 1)
                for entry in elements.matrices(count)
            ]
        if kind == _STRUCT:
            return self._structs(elements, count, depth)
        if kind == _CHAR:
            return self._text(elements, shape)
        return self._array(elements, shape, np.dtype(_NUMBERS[kind]))

    def _structs(self, elements, count, depth):
        length = int(elements.numbers()[:1].sum())
        _, data = elements.take()
        if length < 1 or len(data) % length:
            raise ValueError(f"names of fields have {length} characters")
        fields = [
            bytes(data[at : at + length]).partition(b"\0")[0].decode("latin-1")
            for at in range(0, len(data), length)
        ]
        if not fields:
            return {} if count == 1 else []
        entries = elements.matrices(count * len(fields))
        structs = [
            {field: self.value(next(entries), depth + 1) for field in fields}
            for _ in range(count)
        ]
        return structs[0] if count == 1 else structs

    def _text(self, elements, shape):
        kind, data = elements.take()
        if kind not in _ENCODINGS:
            raise ValueError(f"text is an element of kind {kind}")
        if math.prod(shape) and shape[0] != 1:
            return None
        return bytes(data).decode(_ENCODINGS[kind][self._order], "replace")

    def _array(self, elements, shape, dtype):
        stored = elements.numbers()
        if len(stored) != math.prod(shape):
            raise ValueError(
                f"an array of the shape {shape} has {len(stored)} numbers"
            )
        if stored.dtype != dtype:
            # MATLAB stores whole numbers in the smallest type for them.
            self._budget.spend(len(stored) * dtype.itemsize)
        return stored.astype(dtype, copy=False).reshape(shape, order="F")


def _byte_order(header):
    orders = {b"IM": "<", b"MI": ">"}
    if len(header) < _HEADER or header[126:] not in orders:
        raise ValueError("the header of 128 bytes is not one of MATLAB")
    return orders[header[126:]]


def _pair(tag, order):
    if len(tag) < 8:
        raise ValueError("the file ends inside of a tag")
    return struct.unpack(f"{order}II", tag)


def _array_of(file, kind, size, order):
    """Returns the stream of the array of a variable, and its size."""
    source = file
    if kind == _COMPRESSED:
        source = _Inflated(file, size)
        kind, size = _pair(source.read(8), order)
    if kind != _MATRIX:
        raise ValueError(f"a variable is an element of kind {kind}")
    return source, size


def _name(data, order):
    """Returns the name of a variable from the first bytes of its array."""
    elements = _Elements(data, order)
    kind = int(elements.numbers()[:1].sum()) & 0xFF
    if kind != _OPAQUE:
        elements.take()  # its shape
    _, name = elements.take()
    return bytes(name).decode("latin-1")
