"""Reads the arrays of untrusted `.npz` files."""

import math
import tokenize
import zipfile

import numpy as np

# Maximum size of all arrays together. The float64 scores of 2.6 million videos
# for 101 classes have this size.
_MOST_BYTES = 2**31
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read(path, kinds, optional=()):
    """Reads arrays by name. No code in the file is executed, and all sizes are
    checked before memory is allocated.

    NumPy itself does not check the size in a header, or the size of compressed
    data.

    Args:
        path: path of the file.
        kinds: dict from the names of arrays to their allowed kinds of numbers
            or text, such as `"iu"` (`numpy.dtype.kind`).
        optional: sequence of str. Names that may be missing. Defaults to `()`.

    Returns:
        dict of arrays by name, without the optional ones that are missing.

    Raises:
        ValueError: if an array is missing or of another kind, its size in the
            header differs from that in the file, or the arrays are larger than
            2 GiB together.
        EOFError, OSError, RuntimeError, zipfile.BadZipFile, zlib.error: if
            the file cannot be read.
    """
    with zipfile.ZipFile(path) as archive:
        held = {*archive.namelist()}
        members = {
            name: _member(archive, name)
            for name in kinds
            if name not in optional or f"{name}.npy" in held
        }
        for name, member in members.items():
            _check_header(archive, member, name, kinds[name])
        size = sum(member.file_size for member in members.values())
        if size > _MOST_BYTES:
            raise ValueError(
                f"Expected arrays of at most {_MOST_BYTES} bytes together. "
                f"Received: {size} bytes"
            )
        arrays = {}
        for name, member in members.items():
            with archive.open(member) as file:
                arrays[name] = np.lib.format.read_array(
                    file, allow_pickle=False
                )
    return arrays


def _member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """The `ZipInfo` of an array; raises a `ValueError` if it is missing or not
    compressed as by NumPy."""
    try:
        member = archive.getinfo(f"{name}.npy")
    except KeyError:
        held = [held.removesuffix(".npy") for held in archive.namelist()[:9]]
        raise ValueError(
            f"Expected an array {name}. Received: {', '.join(held) or 'none'}"
        ) from None
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(
            "Expected arrays as np.savez and np.savez_compressed write them. "
            f"Received: {name} of compression {member.compress_type}"
        )
    return member


def _check_header(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, kinds: str
) -> None:
    """Raises an error if the header of an array has another kind or size than
    expected."""
    with archive.open(member) as file:
        try:
            version = np.lib.format.read_magic(file)
            shape, _, dtype = _HEADERS[version](file)
        except (KeyError, SyntaxError, TypeError, tokenize.TokenError) as error:
            raise ValueError(f"{name} is not a NumPy array: {error}") from error
        if dtype.hasobject:
            raise ValueError(
                f"Expected numbers and text only. Received: {name} of pickled "
                "objects, which could execute code"
            )
        if dtype.kind not in kinds:
            raise ValueError(
                f"Expected {name} of kind {' or '.join(kinds)}. Received: "
                f"{name} of {dtype}"
            )
        # Items of 0 bytes are counted as 1 byte, because they need memory too.
        size = math.prod(shape) * max(dtype.itemsize, 1)
        if size != member.file_size - file.tell():
            raise ValueError(
                f"Expected {name} to be as large as its header says. Received: "
                f"{member.file_size - file.tell()} bytes for {dtype} of shape "
                f"{shape}"
            )
