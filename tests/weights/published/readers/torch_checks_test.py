import functools
import io
import os
import pickle
import pickletools
import struct
import warnings
import zipfile

import pytest

from keras_vidrec.weights.published.readers import torch_checks
from tests.weights.published.readers import torch_files
from tests.weights.published.readers.torch_files import FORMS
from tests.weights.published.readers.torch_files import rewrite
from tests.weights.published.readers.torch_files import save
from tests.weights.published.readers.torch_files import state_dict

torch = pytest.importorskip("torch", reason="needs keras-vidrec[torch]")

check_refused = functools.partial(torch_files.check_refused, torch_checks.check)


@FORMS
@pytest.mark.parametrize("wrapped", [True, False])
def test_no_code_of_a_file_runs(tmp_path, zipped, wrapped):
    target = tmp_path / "made"

    class Command:
        def __reduce__(self):
            return os.system, (f"touch {target}",)

    value = {"state_dict": state_dict(), "x": Command()}
    path = save(tmp_path / "w.pth", value if wrapped else Command(), zipped)
    with pytest.raises(ValueError, match=r"Objects of other.*system"):
        torch_checks.check(str(path))
    assert not target.exists()


@FORMS
def test_a_whole_module(tmp_path, zipped):
    path = save(tmp_path / "w.pth", torch.nn.Linear(2, 3), zipped)
    check_refused(path, r"torch\.nn\.modules\.linear\.Linear")


def test_a_program_of_torchscript(tmp_path):
    path = tmp_path / "w.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 3)), str(path))
    check_refused(path, r"TorchScript; save `model\.state_dict\(\)`")


def test_an_archive_written_anew(tmp_path):
    """The other rewritten ones fail for what is changed."""
    path = save(tmp_path / "w.pth", state_dict())
    rewrite(path, lambda name, content: content)
    assert torch_checks.check(str(path)) == set()


def test_a_zip_bomb(tmp_path):
    path = save(tmp_path / "w.pth", {"a": torch.zeros(2**22)})
    rewrite(path, lambda name, content: content, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 2**17
    check_refused(path, "of them compressed")


def test_a_false_size_in_the_directory(tmp_path):
    path = save(tmp_path / "w.pth", state_dict())
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    # Both sizes, packed and not.
    struct.pack_into("<II", content, entry + 20, 2**31, 2**31)
    path.write_bytes(content)
    check_refused(path, "whole file of `torch.save`")


def larger(content, count):
    """The pickle of a tensor of three elements, now of `count` elements."""
    few = b"cpuq\x08K\x03"
    many = b"cpuq\x08J" + struct.pack("<i", count)
    assert content.count(few) == 1
    return content.replace(few, many)


@pytest.mark.parametrize("count", [4, 2**31 - 1, -1])
def test_a_storage_larger_than_its_bytes(tmp_path, count):
    path = save(tmp_path / "w.pth", {"state_dict": {"a": torch.zeros(3)}})

    def change(name, content):
        return larger(content, count) if name.endswith("data.pkl") else content

    check_refused(
        rewrite(path, change),
        "no less than 0" if count < 0 else f"{4 * count} bytes with 12",
    )


def test_a_legacy_storage_larger_than_the_file(tmp_path):
    path = save(
        tmp_path / "w.pth", {"state_dict": {"a": torch.zeros(3)}}, zipped=False
    )
    content = path.read_bytes()
    few = b"cpuq\x08K\x03N"
    assert content.count(few) == 1
    many = few[:-2] + struct.pack("<i", 2**31 - 1) + b"N"
    path.write_bytes(content.replace(few, many.replace(b"\x08K", b"\x08J")))
    check_refused(path, f"tensors of {4 * (2**31 - 1)} bytes in a file of")


def pickles(content):
    """The five pickles of a file of the old form, and what follows."""
    file, parts = io.BytesIO(content), []
    for _ in range(5):
        start = file.tell()
        assert all(pickletools.genops(file))
        parts.append(content[start : file.tell()])
    return parts, file.read()


class Huge:
    """PyTorch makes it when it is asked for plain values too."""

    def __reduce__(self):
        return torch.FloatTensor, (10**14,)


@pytest.mark.parametrize("number", [0, 1, 2, 4])
@pytest.mark.parametrize("value", [Huge(), torch.FloatStorage])
def test_only_the_state_dict_of_a_legacy_file_is_more_than_plain(
    tmp_path, number, value
):
    path = save(tmp_path / "w.pth", state_dict(), zipped=False)
    parts, numbers = pickles(path.read_bytes())
    parts[number] = pickle.dumps(value, protocol=2)
    path.write_bytes(b"".join(parts) + numbers)
    assert path.stat().st_size < 2000
    check_refused(path, "plain values before and after a state dict")


def test_a_legacy_storage_without_numbers(tmp_path):
    path = save(tmp_path / "w.pth", state_dict(), zipped=False)
    parts, numbers = pickles(path.read_bytes())
    keys = pickle.loads(parts[4])
    assert len(keys) == 3
    parts[4] = pickle.dumps(keys[1:], protocol=2)
    path.write_bytes(b"".join(parts) + numbers)
    check_refused(path, "1 of 3 storages without numbers")
