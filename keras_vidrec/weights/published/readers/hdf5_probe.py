"""Reads all of an HDF5 file, in a process that may die of it.

`hdf5.opened` runs this file by its path, so it imports nothing of this
package: a process that took seconds to start would be noticed.
"""

import contextlib
import io
import math
import sys

if __name__ == "__main__":
    # Where the caller found its modules: `-I` alone does not look everywhere.
    sys.path[:] = sys.argv[4:]

import h5py
import numpy as np

# What is said before the file is touched: death from here on is its fault.
READY = b"ready\n"

# Codes of the filters that come with HDF5: deflate, shuffle, checksum. For
# others it would look for plug-ins to load.
_FILTERS = frozenset({1, 2, 3})

# Memory of Python, NumPy and HDF5 themselves.
_MEMORY = 2 * 2**30


def lies_within(dataset):
    """Whether the content of a dataset is in its file, packed as usual."""
    properties = dataset.id.get_create_plist()
    filters = {
        properties.get_filter(number)[0]
        for number in range(properties.get_nfilters())
    }
    return not (dataset.is_virtual or dataset.external or filters - _FILTERS)


def num_bytes(dataset):
    """How many bytes of memory a dataset takes up."""
    # Chunks are unpacked as a whole.
    elements = max(math.prod(dataset.shape), math.prod(dataset.chunks or (0,)))
    return elements * dataset.dtype.itemsize


def walk(file, limit):
    """Reads what can be reached by hard links and by references.

    Each thing is read by the call by which a reader reads it, datasets as a
    whole too, for the same to happen to both. Parts that HDF5 refuses to read
    are skipped: the reader gets an error if it needs them.

    Args:
        file: h5py.File.
        limit: int. Datasets of more bytes are skipped: readers refuse them.

    Raises:
        MemoryError: or whatever HDF5 makes of it.
        OSError, RuntimeError, KeyError, ValueError: if the members of a group
            or the names of attributes cannot be listed. A reader may still
            come to them by name.
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
    """What `read` gives; `None` if HDF5 refuses."""
    try:
        return read(*arguments)
    except Exception as error:
        # HDF5 has no error of its own for a lack of memory.
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
    """Reads a dataset; gives a list of the references in it."""
    if not lies_within(dataset) or num_bytes(dataset) > limit:
        return []
    content = dataset[()]
    if h5py.check_ref_dtype(dataset.dtype) is h5py.Reference:
        return np.ravel(content).tolist()
    return []


def _limit_resources(num_bytes, seconds):
    # Not on every platform.
    with contextlib.suppress(ImportError):
        import resource

        limits = {
            resource.RLIMIT_AS: num_bytes + _MEMORY,
            resource.RLIMIT_CPU: seconds,
            # No picture of the memory is left in the directory of the user.
            resource.RLIMIT_CORE: 0,
        }
        for kind, limit in limits.items():
            hard = resource.getrlimit(kind)[1]
            if hard != resource.RLIM_INFINITY:
                limit = min(limit, hard)
            # Some systems have a limit that cannot be set.
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(kind, (limit, hard))


def _main(path, limit, seconds):
    """`path` is empty for a file whose bytes are the standard input."""
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
