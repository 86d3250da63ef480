"""Opening files of published weights by their content."""

import os
import pathlib

from keras_vidrec.weights.published.readers import caffe_file
from keras_vidrec.weights.published.readers import keras_file
from keras_vidrec.weights.published.readers import matconvnet_file
from keras_vidrec.weights.published.readers import safetensors_file
from keras_vidrec.weights.published.readers import torch_file

# Each has `recognizes(path, head)`, with the first 4 KiB of a file as bytes:
# whether it has this format. It is also true for damaged files, for which
# `read` raises an error. Caffe comes last because its files have no signature.
_READERS = (
    torch_file,
    safetensors_file,
    matconvnet_file,
    keras_file,
    caffe_file,
)

_FORMATS = (
    "PyTorch (.pth, .pt), safetensors, Caffe (.caffemodel), MatConvNet (.mat) "
    "or Keras (.h5, .keras)"
)

_HEAD = 4096

# Other files that users may have instead of weights: their first bytes in lower
# case, what they are, and what to do. The first match counts.
_OTHERS = (
    (
        (b"<!doctype", b"<html", b"<?xml", b"<head"),
        "a web page: the download failed, or its address is dead",
    ),
    (
        (b"version https://git-lfs",),
        "a pointer of Git LFS: fetch the file itself, by git lfs pull",
    ),
    ((b"\x1f\x8b",), "compressed by gzip: unpack it first"),
    (
        (b"7z\xbc\xaf", b"rar!", b"bzh", b"\xfd7zxz", b"\x28\xb5\x2f\xfd"),
        "a compressed archive: unpack it first",
    ),
    (
        (b"pk",),
        "a zip archive that was cut off, or that does not contain weights: "
        "download it again, or unpack it",
    ),
    (
        (b"\x80",),
        "a pickle that is not from torch.save: it is not read, as it could run "
        "code; save its arrays by torch.save or safetensors",
    ),
    (
        (b"\x93numpy",),
        "a NumPy array: save the arrays by their names, with safetensors",
    ),
    (
        (b"\x04\0\0\0\x01\0\0\0", b"\x03\0\0\0\x01\0\0\0"),
        "of Torch7 (.t7), which is not read: convert it to PyTorch with the "
        "package torchfile",
    ),
)

_TAR = slice(257, 262)  # the position of its signature

_TENSORFLOW = (
    "of TensorFlow, which is not read: load it there, and save the arrays by "
    "their names with safetensors"
)
_TENSORFLOW_SUFFIXES = (".index", ".meta", ".pb", ".ckpt")


def open_checkpoint(path):
    """Reads a file of published weights in any of the supported formats. The
    format is recognized by the content, not by the name.

    Args:
        path: path of the file.

    Returns:
        `Checkpoint`.

    Raises:
        ValueError: if there is no such file, its format is unknown, or it is
            damaged.
        ImportError: naming the extra to install, if the format needs one.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        what = "which does not exist"
        if path.is_dir():
            what = "a directory" + _content(path)
        elif path.with_name(f"{path.name}.index").exists():
            what = _TENSORFLOW
        raise ValueError(_unknown(path, what))
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    for reader in _READERS:
        if head and reader.recognizes(path, head):
            return reader.read(path)
    raise ValueError(_unknown(path, _described(path, head)))


def _unknown(path: pathlib.Path, what: str) -> str:
    return (
        f"Expected a file of weights of {_FORMATS}. Received: "
        f"{os.fspath(path)}, {what}"
    )


def _content(directory: pathlib.Path) -> str:
    """Returns a description of the content of a directory; `""` if unknown."""
    if (directory / "saved_model.pb").exists():
        return f" {_TENSORFLOW}"
    if any(directory.glob("*/data.pkl")):
        return ", an unpacked file of PyTorch: pack it by zip again"
    return ""


def _described(path: pathlib.Path, head: bytes) -> str:
    """Returns a description of a file that is not of a supported format."""
    if not head:
        return "which is empty"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for beginnings, what in _OTHERS:
        if text.startswith(beginnings):
            return what
    if head[_TAR] == b"ustar":
        return "a tar archive: unpack it first"
    if path.suffix in _TENSORFLOW_SUFFIXES or ".data-" in path.suffix:
        return _TENSORFLOW
    if head.isascii() and b"\0" not in head:
        first = head.decode("ascii").strip().partition("\n")[0][:60]
        return f"a text that begins with {first!r}"
    return f"whose first bytes are {head[:16].hex(' ')}"
