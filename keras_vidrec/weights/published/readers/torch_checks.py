"""Checks of PyTorch files before they are loaded."""

import io
import mmap
import os
import struct
import zipfile

from keras_vidrec.weights.published.readers.pickle_scan import scan
from keras_vidrec.weights.published.readers.pickle_scan import scan_plain

ZIP = b"PK\x03\x04"

# The classes and functions that a state dict needs.
_NEEDED = {
    "collections.OrderedDict",
    "torch.Size",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch.nn.parameter.Parameter",
}
# Others that training scripts save, such as arguments, logs and NumPy numbers.
# They are not loaded: stand-ins that do nothing replace them. Items with a dot
# at the end are packages.
_BESIDE = (
    "_codecs.encode",
    "argparse.",
    "builtins.getattr",
    "builtins.object",
    "builtins.set",
    "copyreg._reconstructor",
    "mmaction.",
    "mmcv.",
    "mmengine.",
    "numpy.",
    "pathlib.",
    "torch.device",
)

# Errors of zipfile for damaged archives.
BAD_ZIP = (
    zipfile.BadZipFile,
    struct.error,
    NotImplementedError,
    OSError,
    ValueError,
)


def check(path):
    """Checks the sizes and the classes that a file announces.

    Args:
        path: str, path of a file of `torch.save`.

    Returns:
        set of str, `"module.name"` of the classes and functions that must be
        replaced by stand-ins.

    Raises:
        ValueError: if the file is damaged, announces more numbers than it
            has, or contains objects whose code would have to run.
    """
    size = os.path.getsize(path)
    try:
        with (
            open(path, "rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            if data[:4] == ZIP:
                found = _scan_zip(file, data)
            else:
                found = _scan_legacy(data)
    except BAD_ZIP as error:
        raise damaged(path, error) from error
    if sum(found.storages.values()) > size:
        raise damaged(
            path,
            f"tensors of {sum(found.storages.values())} bytes in a file of "
            f"{size}",
        )
    others = found.globals - _NEEDED
    foreign = sorted(name for name in others if not _is_beside(name))
    if foreign:
        raise ValueError(
            "Expected a file of tensors and plain values, from `torch.save("
            "model.state_dict(), path)`. Objects of other classes are not "
            "loaded, as their code would have to run. Received: "
            f"{path} with {', '.join(foreign[:5])}"
        )
    return others


def _is_beside(name):
    package = f"{name.partition('.')[0]}."
    return name in _BESIDE or package in _BESIDE


def _scan_zip(file, data):
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
    sizes = {entry.filename: entry.file_size for entry in entries}
    root = next(iter(sizes), "").split("/")[0]
    if f"{root}/constants.pkl" in sizes:
        raise ValueError(
            "a program of TorchScript; save `model.state_dict()` with "
            "`torch.save` instead"
        )
    if f"{root}/data.pkl" not in sizes:
        raise ValueError(f"a zip archive without {root}/data.pkl")
    packed = [
        entry.filename
        for entry in entries
        if entry.compress_type != zipfile.ZIP_STORED
        or entry.file_size != entry.compress_size
    ]
    if packed or len(sizes) < len(entries) or sum(sizes.values()) > len(data):
        raise ValueError(
            f"{sum(sizes.values())} bytes in {len(entries)} entries, "
            f"{len(packed)} of them compressed, which `torch.save` does not do"
        )
    start, length = place(data, archive.getinfo(f"{root}/data.pkl"))
    found = scan(io.BytesIO(data[start : start + length]))
    for key, needed in found.storages.items():
        there = sizes.get(f"{root}/data/{key}", 0)
        if needed > there:
            raise ValueError(
                f"a tensor of {needed} bytes with {there} in the file"
            )
    return found


def place(data, info):
    """Returns the position and the size of an entry in an archive's bytes."""
    # zipfile would verify the checksum, which torch.save may leave out.
    start = info.header_offset
    lengths = struct.unpack_from("<HH", data, start + 26)
    return start + 30 + sum(lengths), info.file_size


def _scan_legacy(data):
    # The magic number, the version, and facts about the machine come first.
    for _ in range(3):
        scan_plain(data)
    found = scan(data)
    # The numbers of these storages follow. PyTorch would leave the memory of
    # others uninitialized.
    missing = found.storages.keys() - scan_plain(data)
    if missing:
        raise ValueError(
            f"{len(missing)} of {len(found.storages)} storages without numbers"
        )
    return found


def damaged(path, what) -> ValueError:
    """Returns the error for a damaged file."""
    return ValueError(
        "Expected a whole file of `torch.save` with a state dict. Received: "
        f"{path}: {what}"
    )
