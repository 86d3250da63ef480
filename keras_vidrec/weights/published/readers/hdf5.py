"""Reading HDF5 files of unknown origin."""

import contextlib
import io
import mmap
import os
import signal
import struct
import subprocess
import sys

import h5py
import numpy as np

from keras_vidrec.weights.published.readers import hdf5_probe
from keras_vidrec.weights.published.readers import size_budget

# Errors of h5py for files that are cut off or damaged.
ERRORS = (
    ValueError,
    OSError,
    RuntimeError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
)

_HEAP = b"GCOL\x01\x00\x00\x00"
_HEAP_ENTRY = struct.Struct("<HHIQ")

# Limits for the processor time of reading a file. h5py starts in 0.1 s; 100 MB
# of weights take 0.02 s, or 0.4 s if compressed. The limits are far above this,
# for the slowest machines.
_SECONDS = 20
_BYTES_PER_SECOND = 10**7
# The limit for wall time is a multiple, for busy machines and slow disks. It is
# needed where processor time cannot be limited.
_PATIENCE = 5


@contextlib.contextmanager
def opened(path, content=None):
    """Opens a file that may be damaged, after reading it in another process.

    On damaged files HDF5 may crash, fill the memory or loop forever. So another
    process reads the whole file first (`hdf5_probe`), with limits to its memory
    and time. If none can be started, as in a frozen program, the file is opened
    without this check.

    Args:
        path: path of a file.
        content: bytes of an HDF5 file inside that file; `None` if it is an HDF5
            file itself. Defaults to `None`.

    Yields:
        h5py.File.

    Raises:
        ValueError: if the other process crashed, failed or took too long.
        ERRORS: if HDF5 cannot read it.
    """
    if content is None:
        with (
            open(path, "rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        ):
            _check_heaps(mapped)
    else:
        _check_heaps(content)
    _check_survival(path, content)
    source = path if content is None else io.BytesIO(content)
    with h5py.File(source, "r") as file:
        yield file


def _check_heaps(content):
    """Quickly detects the damage that often makes HDF5 loop forever.

    Strings of variable length are in heaps. HDF5 reads a heap entry by entry,
    and never ends if free space has the size 0.

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
                # The text after an entry is padded to a multiple of 8 bytes.
                used = _HEAP_ENTRY.size + -(-used // 8) * 8
            if not used:
                raise ValueError("a heap of texts is damaged")
            place += used
        start = content.find(_HEAP, start + 1)


def _check_survival(path, content):
    """Reads a file in another process; raises a `ValueError` if that fails."""
    if not sys.executable or getattr(sys, "frozen", False):
        return
    size = os.path.getsize(path)
    memory = size_budget.limit(size)
    seconds = _SECONDS + size // _BYTES_PER_SECOND
    command = [
        *(sys.executable, "-I", hdf5_probe.__file__),
        *(os.fspath(path) if content is None else "", str(memory)),
        *(str(seconds), *sys.path),
    ]
    try:
        child = subprocess.run(
            command,
            input=content or b"",
            capture_output=True,
            timeout=_PATIENCE * seconds,
            # More threads for matrix products use more address space.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired as error:
        output, end = error.stdout, f"took more than {error.timeout} s"
    except OSError:
        return
    else:
        output, end = child.stdout, _end(child)
    if end and hdf5_probe.READY in (output or b""):
        raise ValueError(f"it is damaged: a try to read it {end}")


def _end(child):
    """Returns how a process failed; a false value if it did not."""
    if child.returncode == 1:
        lines = child.stderr.decode("utf-8", "replace").splitlines()
        return f"ended with {lines[-1] if lines else 'an error'}"
    names = {-number: number.name for number in signal.Signals}
    name = names.get(child.returncode, f"status {child.returncode}")
    if name == "SIGXCPU":
        return "did not come to an end"
    return child.returncode and f"crashed ({name})"


def member(group, path):
    """Returns a member of a group, without following links to other places.

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
    """Returns the numbers of a dataset that is completely in its file.

    Args:
        dataset: h5py.Dataset.
        budget: `SizeBudget` of the file.

    Returns:
        NumPy array.

    Raises:
        ValueError: if it is in other files, is compressed in unusual ways, or
            is larger than the budget.
    """
    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"{dataset.name!r} is not an array")
    if not hdf5_probe.lies_within(dataset):
        raise ValueError(
            f"{dataset.name!r} lies in other files or is compressed in unusual "
            "ways"
        )
    budget.spend(hdf5_probe.num_bytes(dataset))
    return np.asarray(dataset[()])
