"""A program that reads all of an HDF5 file, because HDF5 may crash.

`hdf5.opened` runs this file by its path. It imports nothing of this package,
so that it starts quickly.
"""

import contextlib
import io
import math
import sys

if __name__ == "__main__":
    # The caller's paths: with `-I` Python does not search all of them.
    sys.path[:] = sys.argv[4:]

import h5py
import numpy as np

# Written before the file is opened: later failures are due to the file.
READY = b"ready\n"

# Codes of the filters that HDF5 includes: deflate, shuffle, checksum. For
# others it would load plug-ins.
_FILTERS = frozenset({1, 2, 3})

# Memory of Python, NumPy and HDF5 themselves.
_MEMORY = 2 * 2**30


def lies_within(dataset):
    """Whether a dataset is completely in its file, with usual filters."""
    properties = dataset.id.get_create_plist()
    filters = {
        properties.get_filter(number)[0]
        for number in range(properties.get_nfilters())
    }
    return not (dataset.is_virtual or dataset.external or filters - _FILTERS)


def num_bytes(dataset):
    """Returns how many bytes of memory a dataset needs."""
    # HDF5 decompresses whole chunks.
    elements = max(math.prod(dataset.shape), math.prod(dataset.chunks or (0,)))
    return elements * dataset.dtype.itemsize


def walk(file, limit):
    """Reads everything that hard links and references lead to.

    It uses the same calls as the readers, and also reads whole datasets, so
    that the same failures occur. Objects that HDF5 refuses to read are skipped:
    a reader that needs them gets an error.

    Args:
        file: h5py.File.
        limit: int. Datasets of more bytes are skipped: readers refuse them.

    Raises:
        MemoryError: or another error of HDF5 for a lack of memory.
        OSError, RuntimeError, KeyError, ValueError: if the members of a group
            or the names of attributes cannot be listed; a reader could still
            find them by name.
    """
    left, seen = [file], set()
    while left:
        item = left.pop()
        address = _tried(lambda item: h5py.h5o.get_info(item.id).addr, item)
        if address is None or address in seen:
            continue
        seen.add(address)
        for name in list(item.attrs):
            _tried(item.attrs.__getitem__, name)
        if isinstance(item, h5py.Group):
            left += _found(_member, item, list(item))
        elif isinstance(item, h5py.Dataset):
            left += _found(_target, file, _tried(_references, item, limit))


def _tried(read, *arguments):
    """Returns the result of `read`; `None` if HDF5 refuses."""
    try:
        return read(*arguments)
    except Exception as error:
        # HDF5 has no special error for a lack of memory.
        if isinstance(error, MemoryError) or "memory alloc" in str(error):
            raise
        return None


def _found(read, parent, keys):
    items = (_tried(read, parent, key) for key in keys or ())
    return [item for item in items if item is not None]


def _member(group, name):
    if isinstance(group.get(name, getlink=True), h5py.HardLink):
        return group[name]
    return None


def _target(file, reference):
    return file[reference] if reference else None


def _references(dataset, limit):
    """Reads a dataset; returns a list of the references in it."""
    if not lies_within(dataset) or num_bytes(dataset) > limit:
        return []
    content = dataset[()]
    if h5py.check_ref_dtype(dataset.dtype) is h5py.Reference:
        return np.ravel(content).tolist()
    return []


def _limit_resources(num_bytes, seconds):
    # Not every platform has this module.
    with contextlib.suppress(ImportError):
        import resource

        limits = {
            resource.RLIMIT_AS: num_bytes + _MEMORY,
            resource.RLIMIT_CPU: seconds,
            # A crash leaves no core dump.
            resource.RLIMIT_CORE: 0,
        }
        for kind, limit in limits.items():
            hard = resource.getrlimit(kind)[1]
            if hard != resource.RLIM_INFINITY:
                limit = min(limit, hard)
            # Some systems do not let all limits be set.
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(kind, (limit, hard))


def _main(path, limit, seconds):
    """Reads a file; for an empty `path`, the one in standard input."""
    _limit_resources(limit, seconds)
    sys.stdout.buffer.write(READY)
    sys.stdout.flush()
    source = path or io.BytesIO(sys.stdin.buffer.read())
    file = _tried(h5py.File, source, "r")
    if file is not None:
        with file:
            walk(file, limit)


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
