"""Reading MATLAB's files of version 7.3, which are HDF5."""

import math
import types

import h5py
import numpy as np

from keras_vidrec.weights.published.readers import hdf5
from keras_vidrec.weights.published.readers.size_budget import SizeBudget

# Most levels of nested cells and structs; a network has about eight.
_DEPTH = 64
# Bytes of the budget for reading any object. This limits the time for files
# whose references lead to the same object many times.
_OBJECT = 8192
_NUMBERS = types.MappingProxyType(
    {
        "double": "f8",
        "single": "f4",
        "logical": "u1",
        **{f"int{bits}": f"i{bits // 8}" for bits in (8, 16, 32, 64)},
        **{f"uint{bits}": f"u{bits // 8}" for bits in (8, 16, 32, 64)},
    }
)


def read_tree(path, names):
    """Reads some variables of a file.

    Args:
        path: path of the file.
        names: collection of str. Variables to read; others are skipped.

    Returns:
        dict like that of `matlab_v7.read_tree`.

    Raises:
        ValueError: if HDF5 fails on the file (see `hdf5.opened`), or its
            content is in other files, compressed in ways that MATLAB does not
            use, nested too deeply or larger than the size of the file allows.
        hdf5.ERRORS: if HDF5 cannot read the file.
    """
    with hdf5.opened(path) as file:
        values = _Values(file, SizeBudget(path))
        return {
            name: values.value(hdf5.member(file, name))
            for name in names
            if file.get(name, getlink=True) is not None
        }


class _Values:
    """Converts the objects of a file to Python values."""

    def __init__(self, file, budget):
        self._file = file
        self._budget = budget

    def value(self, item, depth=0):
        if depth > _DEPTH:
            raise ValueError(f"arrays are nested more than {_DEPTH} deep")
        self._budget.spend(_OBJECT)
        kind = _text_attribute(item, "MATLAB_class")
        if isinstance(item, h5py.Group):
            # Sparse arrays and objects are groups too.
            return self._structs(item, depth) if kind == "struct" else None
        if not isinstance(item, h5py.Dataset):
            return None
        if "MATLAB_empty" in item.attrs:
            return self._empty(item, kind)
        if kind == "cell":
            return [
                self.value(entry, depth + 1) for entry in self._entries(item)
            ]
        if kind == "char":
            return self._text(item)
        if kind in _NUMBERS and item.dtype.kind in "fiu":
            # The file has the axes in reverse order.
            return self._numbers(item).T.astype(_NUMBERS[kind], copy=False)
        return None

    def _structs(self, group, depth):
        """Returns a struct, or a list of structs if each field is a dataset of
        references other than a cell array."""
        if not all(isinstance(name, str) for name in group):
            raise ValueError(f"{group.name!r} has names that are no text")
        fields = {name: hdf5.member(group, name) for name in group}
        are_several = bool(fields) and all(
            _is_references(item)
            and _text_attribute(item, "MATLAB_class") is None
            for item in fields.values()
        )
        if not are_several:
            return {
                name: self.value(item, depth + 1)
                for name, item in fields.items()
            }
        if len({item.shape for item in fields.values()}) > 1:
            raise ValueError(f"the fields of {group.name!r} differ in size")
        return [
            {
                name: self.value(entry, depth + 1)
                for name, entry in zip(fields, entries)
            }
            for entries in zip(*map(self._entries, fields.values()))
        ]

    def _empty(self, item, kind):
        """Returns an array without elements; its data are its shape."""
        if kind in ("cell", "struct"):
            return []
        if kind == "char":
            return ""
        shape = tuple(int(size) for size in self._numbers(item).reshape(-1))
        if len(shape) > 32 or math.prod(shape):
            raise ValueError(f"an empty array has the shape {shape[:33]}")
        return np.zeros(shape, _NUMBERS.get(kind, "f8"))

    def _text(self, item):
        codes = self._numbers(item)
        if codes.ndim > 1 and codes.shape[-1] != 1:
            return None  # several rows
        codes = codes.reshape(-1).astype("<u2")
        return codes.tobytes().decode("utf-16-le", "replace")

    def _numbers(self, item):
        if item.shape is None or item.dtype.kind not in "fiu":
            raise ValueError(f"{item.name!r} is no array of numbers")
        return hdf5.array(item, self._budget)

    def _entries(self, item):
        """Yields the objects that a dataset refers to, first axis fastest."""
        if not _is_references(item):
            raise ValueError(f"{item.name!r} is no array of references")
        for reference in hdf5.array(item, self._budget).reshape(-1):
            if not reference:
                raise ValueError(f"{item.name!r} refers to nothing")
            yield self._file[reference]


def _is_references(item):
    return (
        isinstance(item, h5py.Dataset)
        and item.shape is not None
        and h5py.check_ref_dtype(item.dtype) is h5py.Reference
    )


def _text_attribute(item, name):
    """Returns the text of an attribute, or `None`. Only texts of fixed length,
    as MATLAB's, are read: for others HDF5 may loop forever if the file is
    damaged."""
    if name not in item.attrs:
        return None
    attribute = item.attrs.get_id(name)
    if attribute.shape != () or attribute.dtype.kind != "S":
        return None
    return item.attrs[name].decode("latin-1")
