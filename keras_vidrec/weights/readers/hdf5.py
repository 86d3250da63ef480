"""Content of HDF5 files of unknown origin."""

import math
import struct

import h5py

# Codes of the filters that come with HDF5: deflate, shuffle, checksum. For
# others it would look for plug-ins to load.
_FILTERS = frozenset({1, 2, 3})

_HEAP = b"GCOL\x01\x00\x00\x00"
_HEAP_ENTRY = struct.Struct("<HHIQ")


def check_heaps(content):
    """Refuses a damaged file that would keep HDF5 busy for ever.

    Texts of variable length lie in heaps. HDF5 goes from entry to entry of
    one, and never ends where free space has no size.

    Args:
        content: bytes or mmap of a whole file.

    Raises:
        ValueError: if there is such an entry.
    """
    start = content.find(_HEAP)
    while start >= 0:
        head = len(_HEAP) + 8
        size = int.from_bytes(content[start + 8 : start + head], "little")
        place, end = start + head, min(start + size, len(content))
        while place + _HEAP_ENTRY.size <= end:
            number, _, _, used = _HEAP_ENTRY.unpack_from(content, place)
            if number:
                # Texts begin at multiples of 8 bytes behind their entry.
                used = _HEAP_ENTRY.size + -(-used // 8) * 8
            if not used:
                raise ValueError("a heap of texts is damaged")
            place += used
        start = content.find(_HEAP, start + 1)


def member(group, path):
    """What lies in a group, without following links out of it.

    Args:
        group: h5py.Group.
        path: str. A name, or several joined by `/`.

    Returns:
        h5py.Group or h5py.Dataset.

    Raises:
        ValueError: if there is no such member, or a link instead.
    """
    for name in path.split("/"):
        link = isinstance(group, h5py.Group) and group.get(name, getlink=True)
        if not link:
            raise ValueError(f"there is no {path!r} in it")
        if not isinstance(link, h5py.HardLink):
            raise ValueError(
                f"{name!r} is a link to elsewhere ({type(link).__name__})"
            )
        group = group[name]
    return group


def array(dataset, budget):
    """The numbers of a dataset that lies in its file as a whole.

    Args:
        dataset: h5py.Dataset.
        budget: `SizeBudget` of the file.

    Returns:
        NumPy array.

    Raises:
        ValueError: if it lies in other files, is compressed in unusual ways,
            or is larger than the budget.
    """
    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"{dataset.name!r} is no array")
    properties = dataset.id.get_create_plist()
    filters = {
        properties.get_filter(number)[0]
        for number in range(properties.get_nfilters())
    }
    if dataset.is_virtual or dataset.external or filters - _FILTERS:
        raise ValueError(
            f"{dataset.name!r} lies in other files or is compressed in unusual "
            "ways"
        )
    # Chunks are unpacked as a whole.
    elements = max(math.prod(dataset.shape), math.prod(dataset.chunks or (0,)))
    budget.spend(elements * dataset.dtype.itemsize)
    return dataset[()]
