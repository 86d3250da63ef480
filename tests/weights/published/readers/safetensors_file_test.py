import json
import re
import sys

import pytest

from keras_vidrec.specs import checks
from keras_vidrec.weights.published.readers import safetensors_file
from tests.weights.published.readers.damage import count_refusals

torch = pytest.importorskip("torch", reason="needs keras-vidrec[torch]")
library = pytest.importorskip(
    "safetensors.torch", reason="needs keras-vidrec[torch]"
)


def save(path, tensors, **metadata):
    library.save_file(tensors, path, metadata=metadata or None)
    return path


def write(path, header, content=b""):
    """A file with any header, which the library would not write."""
    header = json.dumps(header).encode() if isinstance(header, dict) else header
    length = len(header).to_bytes(8, "little")
    path.write_bytes(length + header + content)
    return path


def entry(dtype, shape, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}


def check_refused(path, match):
    with pytest.raises(ValueError, match=match) as caught:
        safetensors_file.read(path)
    assert path.name in str(caught.value)
    assert "Expected" in str(caught.value)
    assert "Received" in str(caught.value)


def test_tensors(tmp_path):
    generator = torch.Generator().manual_seed(0)
    kernel = torch.randn(4, 3, 2, 2, generator=generator)
    tensors = {"conv1.weight": kernel, "steps": torch.tensor(7)}
    path = save(tmp_path / "w.safetensors", tensors, format="pt")
    assert safetensors_file.recognizes(path, path.read_bytes()[:4096])
    checkpoint = safetensors_file.read(path)
    assert checkpoint.path == str(path)
    assert checkpoint.format == "safetensors"
    assert checkpoint.facts == {"metadata": {"format": "pt"}}
    assert checkpoint.tensors.keys() == tensors.keys()
    for name, tensor in tensors.items():
        array = checkpoint.tensors[name]
        assert array.shape == tuple(tensor.shape)
        assert array.ravel().tolist() == tensor.ravel().tolist()
    assert checkpoint.tensors["conv1.weight"].dtype == "float32"
    assert checkpoint.tensors["steps"].dtype == "int64"


def test_kinds_of_numbers(tmp_path):
    # Exact in all of them.
    numbers = torch.tensor([[1.5, -2.0, 0.25]])
    kinds = ("float16", "bfloat16", "float32", "float64")
    value = {kind: numbers.to(getattr(torch, kind)) for kind in kinds}
    path = save(tmp_path / "w.safetensors", value)
    checkpoint = safetensors_file.read(path)
    assert checkpoint.facts == {}
    for kind in kinds:
        assert checkpoint.tensors[kind].dtype == "float32"
        assert checkpoint.tensors[kind].tolist() == numbers.tolist()


def test_a_wrapped_model(tmp_path):
    value = {"module.a": torch.ones(1), "module.b": torch.ones(1)}
    path = save(tmp_path / "w.safetensors", value)
    assert sorted(safetensors_file.read(path).tensors) == ["a", "b"]


def test_other_numbers(tmp_path):
    value = {"a": torch.ones(2).to(torch.float8_e4m3fn)}
    path = save(tmp_path / "w.safetensors", value)
    check_refused(path, "a of F8_E4M3")


def test_no_tensors(tmp_path):
    check_refused(write(tmp_path / "w.safetensors", b"{}"), "no tensors")


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 40, -20, -1])
def test_truncated(tmp_path, length):
    path = save(tmp_path / "w.safetensors", {"a": torch.ones(5)})
    path.write_bytes(path.read_bytes()[:length])
    check_refused(path, "whole file of safetensors")


@pytest.mark.parametrize("length", [200, 2**32, 2**63, 2**64 - 1])
def test_an_oversized_header(tmp_path, length):
    path = save(tmp_path / "w.safetensors", {"a": torch.ones(5)})
    content = path.read_bytes()
    path.write_bytes(length.to_bytes(8, "little") + content[8:])
    assert safetensors_file.recognizes(path, path.read_bytes()[:4096])
    check_refused(path, f"a header of {length} bytes in a file of")


@pytest.mark.parametrize(
    "header",
    [
        b'{"a": 1}',
        b'{"a": ',
        b'{"\xff": 1}',
        {"a": entry("F32", [2], 4)},
        {"a": entry("F32", [2**62, 2**62], 8)},
        {"a": entry("F32", [-1], 8)},
        {"a": entry("F32", [2], 2**40)},
        {"a": entry("OBJECT", [2], 8)},
        {"a": entry("F32", [2], 8), "b": entry("F32", [2], 8)},
    ],
)
def test_false_headers(tmp_path, header):
    path = write(tmp_path / "w.safetensors", header, bytes(8))
    check_refused(path, "whole file of safetensors")


def test_an_empty_tensor_is_read(tmp_path):
    path = write(tmp_path / "w.safetensors", {"a": entry("F32", [0, 3], 0)})
    assert safetensors_file.read(path).tensors["a"].shape == (0, 3)


def test_random_damage(tmp_path):
    path = save(tmp_path / "w.safetensors", {"a": torch.ones(5)}, by="us")
    assert count_refusals(safetensors_file.read, path, 300) > 100


def test_files_of_others(tmp_path):
    path = tmp_path / "other"
    for head in (b"", b"PK\x03\x04", b'{"a": 1}', b"\x80\x02}q\x00."):
        assert not safetensors_file.recognizes(path, head)


def test_without_the_library(tmp_path, monkeypatch):
    path = save(tmp_path / "w.safetensors", {"a": torch.ones(1)})
    monkeypatch.setitem(sys.modules, "safetensors", None)
    command = re.escape(checks.how_to_install("torch"))
    with pytest.raises(ImportError, match=command):
        safetensors_file.read(path)
