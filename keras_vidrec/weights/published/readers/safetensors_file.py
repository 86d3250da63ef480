"""Reading checkpoints in the format of safetensors."""

import os

from keras_vidrec.specs import checks
from keras_vidrec.weights.published.checkpoint import Checkpoint
from keras_vidrec.weights.published.readers.torch_file import without_wrapper

# Bytes of the little-endian length of the header, with which a file begins.
_LENGTH = 8
# The limit of the library, in bytes.
_LONGEST_HEADER = 100_000_000

_NUMBERS = (
    "F64",
    "F32",
    "F16",
    "BF16",
    "I64",
    "I32",
    "I16",
    "I8",
    "U8",
    "BOOL",
)


def recognizes(path, head) -> bool:
    """Whether a file has the format of safetensors, even with a header that is
    longer than the file."""
    return head[_LENGTH : _LENGTH + 2] in (b'{"', b"{}")


def read(path):
    """Reads all tensors of a file.

    Floats of 16 and 64 bits become float32. If all names have the prefix
    `module.` of `DataParallel`, it is removed.

    Args:
        path: path of the file.

    Returns:
        `Checkpoint` of format `"safetensors"`. If the file has metadata, its
        facts have them as a dict under `"metadata"`.

    Raises:
        ImportError: if safetensors is not installed.
        ValueError: if the file is damaged or has no tensors.
    """
    safetensors = _import_safetensors()
    path = os.fspath(path)
    _check_header(path)
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata()
            kinds = {
                name: file.get_slice(name).get_dtype() for name in file.keys()
            }
            _check_kinds(path, kinds)
            tensors = {name: _array(file.get_tensor(name)) for name in kinds}
    except safetensors.SafetensorError as error:
        raise _damaged(path, f"cut off, or damaged: {error}") from error
    facts = {"metadata": metadata} if metadata else {}
    return Checkpoint(path, "safetensors", without_wrapper(tensors), facts)


def _import_safetensors():
    try:
        # It adds the bfloat16 to NumPy that safetensors needs.
        import ml_dtypes  # noqa: F401
        import safetensors
    except ImportError as error:
        raise ImportError(
            "Reading .safetensors needs their library: "
            f"`{checks.how_to_install('torch')}`"
        ) from error
    return safetensors


def _check_header(path):
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        first = file.read(_LENGTH)
    length = int.from_bytes(first, "little")
    longest = min(size - _LENGTH, _LONGEST_HEADER)
    if len(first) < _LENGTH or length > longest:
        raise _damaged(path, f"a header of {length} bytes in a file of {size}")


def _check_kinds(path, kinds):
    others = [
        f"{name} of {kind}"
        for name, kind in kinds.items()
        if kind not in _NUMBERS
    ]
    if others or not kinds:
        raise ValueError(
            f"Expected tensors of {_NUMBERS}. Received: {path} with "
            f"{', '.join(others[:5]) or 'no tensors'}"
        )


def _array(array):
    # For NumPy, bfloat16 is of kind "V", not a float.
    if array.dtype.kind in "fV":
        return array.astype("float32")
    return array


def _damaged(path: str, what: str) -> ValueError:
    return ValueError(
        f"Expected a whole file of safetensors. Received: {path}: {what}"
    )
