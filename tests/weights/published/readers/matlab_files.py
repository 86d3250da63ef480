"""Files as MATLAB writes them, from dicts (structs), lists (cell arrays),
tuples of dicts (arrays of structs), text and arrays."""

import h5py
import numpy as np
import scipy.io

_CLASSES = {
    "float64": "double",
    "float32": "single",
    "bool": "logical",
    "uint8": "uint8",
    "int32": "int32",
}


def write_v7(path, variables, compressed=True):
    scipy.io.savemat(
        path,
        {name: _scipy(value) for name, value in variables.items()},
        do_compression=compressed,
        oned_as="row",
        long_field_names=True,
    )


def write_v73(path, variables):
    """HDF5 behind 512 bytes with MATLAB's header."""
    with h5py.File(path, "w", userblock_size=512) as file:
        references = file.create_group("#refs#")
        for name, value in variables.items():
            _store(file, references, name, value)
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(116))
        file.write(bytes(8) + b"\x00\x02IM")


WRITERS = {"v7": write_v7, "v7.3": write_v73}


def _scipy(value):
    if isinstance(value, dict):
        return {name: _scipy(entry) for name, entry in value.items()}
    if isinstance(value, tuple):
        structs = np.empty((1, len(value)), [(n, object) for n in value[0]])
        for i, struct in enumerate(value):
            for name, entry in struct.items():
                structs[name][0, i] = _scipy(entry)
        return structs
    if isinstance(value, list):
        cells = np.empty((1, len(value)), object)
        for i, entry in enumerate(value):
            cells[0, i] = _scipy(entry)
        return cells
    return value


def _store(parent, references, name, value):
    if isinstance(value, dict):
        item = parent.create_group(name)
        for field, entry in value.items():
            _store(item, references, field, entry)
        kind = "struct"
    elif isinstance(value, tuple):
        item = parent.create_group(name)
        for field in value[0]:
            entries = [struct[field] for struct in value]
            _store_references(item, references, field, entries)
        kind = "struct"
    elif isinstance(value, list) and value:
        item = _store_references(parent, references, name, value)
        kind = "cell"
    elif isinstance(value, str) and value:
        codes = np.frombuffer(value.encode("utf-16-le"), "u2")
        item = parent.create_dataset(name, data=codes[:, None])
        item.attrs["MATLAB_int_decode"] = np.int32(2)
        kind = "char"
    elif len(value) == 0 or value.size == 0:
        kind = {str: "char", list: "cell"}.get(type(value), "double")
        shape = getattr(value, "shape", (0, 0))
        item = parent.create_dataset(name, data=np.array(shape, "u8"))
        item.attrs["MATLAB_empty"] = np.uint8(1)
    else:
        kind = _CLASSES[str(value.dtype)]
        data = value.astype("u1") if kind == "logical" else value
        item = parent.create_dataset(
            name, data=data.T, compression="gzip", shuffle=True, chunks=True
        )
    item.attrs["MATLAB_class"] = np.bytes_(kind)


def _store_references(parent, references, name, entries):
    item = parent.create_dataset(name, (len(entries), 1), h5py.ref_dtype)
    for i, entry in enumerate(entries):
        unique = str(len(references))
        _store(references, references, unique, entry)
        item[i, 0] = references[unique].ref
    return item
