import gzip
import io
import pickle
import tarfile
import zipfile

import h5py
import numpy as np
import pytest
import scipy.io

from keras_vidrec.weights.published.readers.opening import open_checkpoint

KERNEL = np.arange(3 * 3 * 2 * 4, dtype="float32").reshape(3, 3, 2, 4)


def write_torch(path, **arguments):
    torch = pytest.importorskip("torch", reason="needs keras-vidrec[torch]")
    torch.save({"conv1.weight": torch.tensor(KERNEL)}, path, **arguments)


def write_legacy_torch(path):
    write_torch(path, _use_new_zipfile_serialization=False)


def write_safetensors(path):
    safetensors = pytest.importorskip(
        "safetensors.numpy", reason="needs keras-vidrec[torch]"
    )
    safetensors.save_file({"conv1.weight": KERNEL}, path)


def write_matlab(path):
    params = np.zeros(1, [("name", "O"), ("value", "O")])
    params[0] = "conv1f", KERNEL
    scipy.io.savemat(path, {"params": params, "layers": [], "vars": []})


def write_keras(path):
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"conv1"]
        group = file.create_group("conv1")
        group.attrs["weight_names"] = [b"conv1/kernel:0"]
        group["conv1/kernel:0"] = KERNEL


def field(number, value):
    """A field of protobuf: a length and bytes."""
    sizes = b""
    size = len(value)
    while size > 127:
        sizes += bytes([size & 127 | 128])
        size >>= 7
    return bytes([*varint(number << 3 | 2)]) + sizes + bytes([size]) + value


def varint(value):
    while value > 127:
        yield value & 127 | 128
        value >>= 7
    yield value


def write_caffe(path):
    shape = field(7, field(1, bytes(KERNEL.shape)))
    blob = field(7, shape + field(5, KERNEL.tobytes()))
    layer = field(1, b"conv1") + field(2, b"Convolution") + blob
    path.write_bytes(field(1, b"net") + field(100, layer))


FORMATS = {
    "pytorch": write_torch,
    "legacy": write_legacy_torch,
    "safetensors": write_safetensors,
    "matconvnet": write_matlab,
    "keras": write_keras,
    "caffe": write_caffe,
}


@pytest.mark.parametrize("format", FORMATS)
def test_formats_are_told_by_content(tmp_path, format):
    path = tmp_path / "weights.download"
    FORMATS[format](path)
    checkpoint = open_checkpoint(path)
    expected = "pytorch" if format == "legacy" else format
    assert checkpoint.format == expected
    (array,) = checkpoint.tensors.values()
    np.testing.assert_array_equal(array, KERNEL)


def zipped():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    return content.getvalue()


def tarred():
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("net.caffemodel"))
    return content.getvalue()


def numpy_file():
    content = io.BytesIO()
    np.save(content, KERNEL)
    return content.getvalue()


OTHERS = {
    "empty": (b"", "which is empty"),
    "html": (b"\n<!DOCTYPE html><html>Not found", "a web page: the download"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid ", "Git LFS"),
    "gzip": (gzip.compress(b"weights"), "compressed by gzip"),
    "xz": (b"\xfd7zXZ\x00", "a compressed archive"),
    "tar": (tarred(), "a tar archive"),
    "zip": (zipped(), "that does not contain weights: download"),
    "cut zip": (zipped()[:40], "a zip archive that was cut off"),
    "pickle": (pickle.dumps({"a": [1, 2]}), "a pickle that is not from torch"),
    "numpy": (numpy_file(), "a NumPy array"),
    "torch7": (b"\x04\0\0\0\x01\0\0\0\x03\0\0\0V 1", "of Torch7"),
    "text": (
        b"top-1: 71.3\nsee below",
        "a text that begins with 'top-1: 71.3'",
    ),
    "bytes": (bytes(range(200, 240)), "first bytes are c8 c9 ca"),
}


@pytest.mark.parametrize("content", OTHERS)
def test_something_else(tmp_path, content):
    data, what = OTHERS[content]
    path = tmp_path / "model.pth"
    path.write_bytes(data)
    with pytest.raises(ValueError) as caught:
        open_checkpoint(path)
    message = str(caught.value)
    assert message.startswith("Expected a file of weights of PyTorch (.pth, ")
    assert f"Received: {path}, " in message and what in message


def test_tensorflow(tmp_path):
    for name in ("model.ckpt.index", "model.ckpt.data-00000-of-00001"):
        (tmp_path / name).write_bytes(bytes(100))
        with pytest.raises(ValueError, match="of TensorFlow, which is not"):
            open_checkpoint(tmp_path / name)
    with pytest.raises(ValueError, match="of TensorFlow, which is not read"):
        open_checkpoint(tmp_path / "model.ckpt")


def test_no_file(tmp_path):
    with pytest.raises(ValueError, match="which does not exist"):
        open_checkpoint(tmp_path / "model.pth")
    with pytest.raises(ValueError, match="a directory$"):
        open_checkpoint(tmp_path)
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive/data.pkl").touch()
    with pytest.raises(ValueError, match="an unpacked file of PyTorch"):
        open_checkpoint(str(tmp_path))
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(ValueError, match="a directory of TensorFlow"):
        open_checkpoint(tmp_path)
