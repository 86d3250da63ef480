import argparse
import functools
import pathlib
import re
import sys
import types
import zipfile

import numpy as np
import pytest

from keras_vidrec.specs import checks
from keras_vidrec.weights.published.readers import torch_file
from keras_vidrec.weights.published.readers.torch_file import without_wrapper
from tests.weights.published.readers import torch_files
from tests.weights.published.readers.damage import count_refusals
from tests.weights.published.readers.torch_files import FORMS
from tests.weights.published.readers.torch_files import save
from tests.weights.published.readers.torch_files import state_dict

torch = pytest.importorskip("torch", reason="needs keras-vidrec[torch]")

check_refused = functools.partial(torch_files.check_refused, torch_file.read)


def head(path):
    return path.read_bytes()[:4096]


def check_tensors(checkpoint, expected):
    assert checkpoint.format == "pytorch"
    assert list(checkpoint.tensors) == list(expected)
    for name, tensor in expected.items():
        array = checkpoint.tensors[name]
        assert isinstance(array, np.ndarray)
        assert array.shape == tuple(tensor.shape)
        assert array.ravel().tolist() == tensor.ravel().tolist()


@FORMS
@pytest.mark.parametrize("key", [None, "state_dict", "model", "net"])
def test_state_dicts(tmp_path, zipped, key):
    tensors = state_dict()
    value = {"epoch": 3, key: tensors} if key else tensors
    path = save(tmp_path / "weights.pth", value, zipped)
    assert torch_file.recognizes(path, head(path))
    checkpoint = torch_file.read(path)
    check_tensors(checkpoint, tensors)
    assert checkpoint.path == str(path)
    assert checkpoint.facts == ({"epoch": 3} if key else {})


@FORMS
def test_a_module_s_own_state_dict(tmp_path, zipped):
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4)
    )
    path = save(tmp_path / "w.pth", module.state_dict(), zipped)
    check_tensors(torch_file.read(path), module.state_dict())
    parameters = dict(module.named_parameters())
    path = save(tmp_path / "p.pth", parameters, zipped)
    assert list(torch_file.read(path).tensors) == list(parameters)


@FORMS
def test_tsn_pytorch_file(tmp_path, zipped):
    tensors = state_dict()
    value = {
        "epoch": 80,
        "arch": "BNInception",
        "state_dict": {f"module.{name}": x for name, x in tensors.items()},
        "best_prec1": torch.tensor(85.5),
    }
    checkpoint = torch_file.read(save(tmp_path / "w.pth.tar", value, zipped))
    check_tensors(checkpoint, tensors)
    assert checkpoint.facts == {"epoch": 80, "arch": "BNInception"}


def test_a_module_of_this_name_is_no_wrapper(tmp_path):
    tensors = {"module.weight": torch.ones(1), "fc.weight": torch.ones(1)}
    checkpoint = torch_file.read(save(tmp_path / "w.pth", tensors))
    assert list(checkpoint.tensors) == list(tensors)


@pytest.mark.parametrize(
    "meta",
    [
        {"CLASSES": ("run", "jump"), "config": "model = dict()"},
        {"dataset_meta": {"classes": ["run", "jump"]}, "cfg": "model = dict()"},
    ],
)
def test_mmaction2_facts(tmp_path, meta):
    value = {"meta": {**meta, "epoch": 50}, "state_dict": state_dict()}
    assert torch_file.read(save(tmp_path / "w.pth", value)).facts == {
        "epoch": 50,
        "class_names": ("run", "jump"),
        "config": "model = dict()",
    }


@FORMS
def test_kinds_of_numbers(tmp_path, zipped):
    # Exact in all of them.
    numbers = torch.tensor([[1.5, -2.0, 0.25]])
    kinds = ("float16", "bfloat16", "float32", "float64")
    value = {kind: numbers.to(getattr(torch, kind)) for kind in kinds}
    value["int64"] = torch.tensor([2**40])
    tensors = torch_file.read(save(tmp_path / "w.pth", value, zipped)).tensors
    for kind in kinds:
        assert tensors[kind].dtype == "float32"
        assert tensors[kind].tolist() == numbers.tolist()
    assert tensors["int64"].dtype == "int64"
    assert tensors["int64"].tolist() == [2**40]


@FORMS
def test_views_and_shared_tensors(tmp_path, zipped):
    whole = torch.arange(12.0).reshape(3, 4)
    value = {"turned": whole.T, "part": whole[1:, 2:], "again": whole}
    value["same"] = whole
    check_tensors(
        torch_file.read(save(tmp_path / "w.pth", value, zipped)), value
    )


def test_files_of_the_first_years(tmp_path):
    """Tensors of a GPU were classes of their own, Python 2 had texts of bytes,
    and tensors a simpler form."""

    class Tensor:
        def __init__(self, tensor):
            self.tensor = tensor

        def __reduce__(self):
            storage = torch.storage.TypedStorage(
                wrap_storage=self.tensor.untyped_storage(),
                dtype=self.tensor.dtype,
                _internal=True,
            )
            place = (0, tuple(self.tensor.shape), self.tensor.stride())
            return torch._utils._rebuild_tensor, (storage, *place)

    weight = torch.arange(6.0).reshape(2, 3)
    path = save(tmp_path / "w.pth", {"fc.weight": Tensor(weight)}, False)
    content = path.read_bytes()
    for new, old in (
        (b"ctorch\nFloatStorage", b"ctorch.cuda\nFloatStorage"),
        (b"X\x03\0\0\0cpu", b"U\x06cuda:0"),
        (b"X\x07\0\0\0storage", b"U\x07storage"),
        (b"X\x09\0\0\0fc.weight", b"U\x09fc.weight"),
    ):
        assert content.count(new) == 1
        content = content.replace(new, old)
    path.write_bytes(content)
    check_tensors(torch_file.read(path), {"fc.weight": weight})


@FORMS
def test_what_training_scripts_keep_is_not_loaded(
    tmp_path, zipped, monkeypatch
):
    class HistoryBuffer:
        def __init__(self):
            self.history = np.arange(3.0)
            self.least = np.float64(1.0)
            self.method = self.__init__

    HistoryBuffer.__module__ = name = "mmengine.logging.history_buffer"
    HistoryBuffer.__qualname__ = "HistoryBuffer"
    with monkeypatch.context() as patch:
        for module in ("mmengine", "mmengine.logging", name):
            patch.setitem(sys.modules, module, types.ModuleType(module))
        patch.setattr(
            sys.modules[name], "HistoryBuffer", HistoryBuffer, raising=False
        )
        value = {
            "message_hub": {"loss": HistoryBuffer()},
            "args": argparse.Namespace(lr=0.1, output=pathlib.Path("out")),
            "seen": {1, 2},
            "state_dict": state_dict(),
        }
        path = save(tmp_path / "epoch_50.pth", value, zipped)
    safe = set(torch.serialization.get_safe_globals())
    check_tensors(torch_file.read(path), state_dict())
    assert set(torch.serialization.get_safe_globals()) == safe


@FORMS
def test_stand_ins_do_nothing(tmp_path, zipped):
    target = tmp_path / "made.npy"

    class Save:
        def __reduce__(self):
            return np.save, (str(target), 1)

    value = {"state_dict": state_dict(), "x": Save()}
    path = save(tmp_path / "w.pth", value, zipped)
    check_tensors(torch_file.read(path), state_dict())
    assert not target.exists()


@FORMS
def test_stand_ins_are_not_called(tmp_path, zipped):
    target = tmp_path / "made"

    class Touch:
        def __reduce__(self):
            return target.touch, ()

    value = {"state_dict": state_dict(), "x": Touch()}
    check_refused(save(tmp_path / "w.pth", value, zipped), "call reduce")
    assert not target.exists()


@pytest.mark.parametrize(
    "value, match",
    [
        ({}, "without any"),
        ({"state_dict": {}}, "without any"),
        (torch.ones(2), "with a Tensor"),
        ([torch.ones(2)], "with a list"),
        ({"a": torch.ones(1), "b": {"c": torch.ones(1)}}, r"b \(dict\)"),
        ({1: torch.ones(1)}, r"1 \(Tensor\)"),
        ({"a": "text"}, r"a \(str\)"),
        (
            {"a": torch.ones(2).to(torch.complex64)},
            "one of torch.ComplexFloatStorage",
        ),
    ],
)
def test_other_contents(tmp_path, value, match):
    check_refused(save(tmp_path / "w.pth", value), match)


def test_an_optimizer_alone(tmp_path):
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.9)
    weight.grad = torch.ones(2)
    optimizer.step()
    path = save(tmp_path / "w.pth", optimizer.state_dict())
    check_refused(path, r"state \(dict\), param_groups \(list\)")


@FORMS
def test_truncated(tmp_path, zipped):
    path = save(tmp_path / "w.pth", state_dict(), zipped)
    whole = path.read_bytes()
    for length in range(1, len(whole), 41):
        path.write_bytes(whole[:length])
        check_refused(path, "whole file of `torch.save`")


def test_an_empty_file(tmp_path):
    path = tmp_path / "w.pth"
    path.write_bytes(b"")
    check_refused(path, "whole file of `torch.save`")
    assert not torch_file.recognizes(path, b"")


class View:
    """Pickled as a tensor of any place in the storage of another one."""

    def __init__(self, tensor, shape, strides=(1,), offset=0):
        self.storage = torch.storage.TypedStorage(
            wrap_storage=tensor.untyped_storage(),
            dtype=tensor.dtype,
            _internal=True,
        )
        self.place = offset, shape, strides

    def __reduce__(self):
        arguments = self.storage, *self.place, False, {}
        return torch._utils._rebuild_tensor_v2, arguments


@FORMS
@pytest.mark.parametrize(
    "place",
    [
        ((4,),),
        ((10**14,),),
        ((2, 2), (2, 1)),
        ((2,), (1,), 2),
        ((1,), (1,), 10**14),
    ],
)
def test_a_tensor_larger_than_its_storage(tmp_path, zipped, place):
    value = {"state_dict": {"a": View(torch.zeros(3), *place)}}
    path = save(tmp_path / "w.pth", value, zipped)
    check_refused(path, "with 3 elements in the file")
    # Read by PyTorch for what is beside it.
    value["args"] = argparse.Namespace(lr=0.1)
    path = save(tmp_path / "w.pth", value, zipped)
    check_refused(path, "RuntimeError: .*not resizable")


@FORMS
def test_a_tensor_larger_than_its_storage_that_is_not_kept(tmp_path, zipped):
    """Its memory would be taken all the same. PyTorch makes empty storages
    anew."""
    for count in (2, 0):
        other = torch.zeros(count)
        value = {
            "x": [other, View(other, (10**14,))],
            "state_dict": {"a": torch.zeros(3)},
        }
        path = save(tmp_path / "w.pth", value, zipped)
        check_refused(path, f"with {count} elements in the file")
        value["args"] = argparse.Namespace(lr=0.1)
        path = save(tmp_path / "w.pth", value, zipped)
        check_refused(path, "RuntimeError: .*not resizable")


@FORMS
def test_places_within_a_storage(tmp_path, zipped):
    whole, none = torch.arange(6.0), torch.zeros(0)
    value = {
        "none": none,
        "none again": View(none, (0, 2), (2, 1)),
        "whole": View(whole, (2, 3), (3, 1)),
        "last": View(whole, (1,), (1,), 5),
        "empty": View(whole, (0, 3), (3, 1), 6),
        "one": View(whole, (), ()),
    }
    check_tensors(
        torch_file.read(save(tmp_path / "w.pth", value, zipped)),
        {
            "none": none,
            "none again": torch.zeros(0, 2),
            "whole": whole.reshape(2, 3),
            "last": whole[5:],
            "empty": torch.zeros(0, 3),
            "one": whole[0],
        },
    )


def test_a_tensor_that_repeats_its_storage(tmp_path):
    value = {"a": torch.zeros(1).expand(10**9)}
    check_refused(
        save(tmp_path / "w.pth", value), r"repeat.*a of shape \(1000000000,\)"
    )


def test_tensors_that_repeat_each_other(tmp_path):
    whole = torch.zeros(10**5)
    value = {str(i): whole for i in range(10)}
    check_refused(save(tmp_path / "w.pth", value), "repeat their numbers")


@FORMS
def test_random_damage(tmp_path, zipped):
    path = save(tmp_path / "w.pth", state_dict(), zipped)
    assert count_refusals(torch_file.read, path, 150) > 20


def test_files_of_others(tmp_path):
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
    assert not torch_file.recognizes(path, head(path))
    assert not torch_file.recognizes(path, b"\x89HDF\r\n\x1a\n")
    path.write_bytes(b"PK\x03\x04 and no more")
    assert not torch_file.recognizes(path, head(path))


@FORMS
def test_without_pytorch(tmp_path, monkeypatch, zipped):
    """Tensors and plain values are read; what stand-ins are for is not."""
    tensors = state_dict()
    value = {"epoch": 3, "state_dict": tensors}
    path = save(tmp_path / "w.pth", value, zipped)
    value["args"] = argparse.Namespace(lr=0.1)
    more = save(tmp_path / "more.pth", value, zipped)
    monkeypatch.setitem(sys.modules, "torch", None)
    check_tensors(torch_file.read(path), tensors)
    command = re.escape(checks.how_to_install("torch"))
    with pytest.raises(ImportError, match=f"contain more than.*{command}"):
        torch_file.read(more)


def test_a_prefix_of_all_names():
    tensors = {"module.conv1.weight": 1, "module.module.bias": 2}
    assert without_wrapper(tensors) == {"conv1.weight": 1, "module.bias": 2}


def test_a_prefix_of_some_names():
    tensors = {"module.conv1.weight": 1, "modules.bias": 2}
    assert without_wrapper(tensors) == tensors
