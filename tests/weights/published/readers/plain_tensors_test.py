import collections
import io

import numpy as np
import pytest

from keras_vidrec.weights.published.readers import plain_tensors
from tests.weights.published.readers.torch_files import FORMS
from tests.weights.published.readers.torch_files import rewrite
from tests.weights.published.readers.torch_files import save
from tests.weights.published.readers.torch_files import state_dict

torch = pytest.importorskip("torch", reason="needs keras-vidrec[torch]")


def read(path):
    return plain_tensors.read(str(path))


def arrays(value):
    """The same value with arrays for tensors, whoever read it."""
    if isinstance(value, dict):
        return {name: arrays(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(arrays(one) for one in value)
    if isinstance(value, torch.Tensor):
        value = value.detach()
        value = value.float() if value.dtype == torch.bfloat16 else value
    return value.numpy() if hasattr(value, "numpy") else value


@FORMS
def test_reads_what_pytorch_reads(tmp_path, zipped):
    whole = torch.arange(24.0).reshape(2, 3, 4)
    value = collections.OrderedDict(
        numbers=[1, -2, 300, 70000, 2**40, 0.5, True, False, None],
        texts=("a", "\u00e9", ()),
        nested={"a": {"b": [torch.zeros(0, 3)]}},
        size=torch.Size([2, 3]),
        parameter=torch.nn.Parameter(torch.ones(2)),
        views=[whole, whole[1:, ::2], whole.permute(2, 0, 1), whole[0, 0, 3]],
        kinds=[
            torch.tensor([1.5, -2.0]).to(getattr(torch, kind))
            for kind in (
                "float16 bfloat16 float32 float64 int8 int16 int32 int64 bool"
            ).split()
        ],
        bytes=torch.tensor([0, 255], dtype=torch.uint8),
    )
    path = save(tmp_path / "w.pth", value, zipped)
    expected = arrays(torch.load(path, weights_only=True))
    found = arrays(read(path))
    np.testing.assert_equal(found, dict(expected))
    for one, two in zip(found["kinds"], expected["kinds"], strict=True):
        assert one.dtype == two.dtype


def test_a_changed_number_is_told(tmp_path):
    """PyTorch does not look."""
    path = save(tmp_path / "w.pth", {"a": torch.arange(1000.0)})
    content = bytearray(path.read_bytes())
    content[content.index(np.float32(500).tobytes())] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="w.pth: a wrong checksum of"):
        read(path)
    assert torch.load(path, weights_only=True)["a"][500] != 500


def test_sums_that_are_left_out(tmp_path):
    torch.serialization.set_crc32_options(False)
    try:
        path = save(tmp_path / "w.pth", state_dict())
    finally:
        torch.serialization.set_crc32_options(True)
    np.testing.assert_equal(arrays(read(path)), arrays(state_dict()))


def test_a_storage_of_another_length(tmp_path):
    path = save(tmp_path / "w.pth", {"a": torch.arange(3.0)}, zipped=False)
    content = path.read_bytes()
    numbers = (3).to_bytes(8, "little") + np.arange(3, dtype="<f4").tobytes()
    assert content.endswith(numbers)
    head = content[: -len(numbers)]
    for end in (
        (2).to_bytes(8, "little") + numbers[8:],
        numbers[:-1],
        numbers[:4],
    ):
        path.write_bytes(head + end)
        with pytest.raises(ValueError, match="w.pth: . elements in storage"):
            read(path)


def test_big_endian_machines(tmp_path):
    path = save(tmp_path / "w.pth", state_dict())

    def change(name, content):
        return b"big" if name.endswith("byteorder") else content

    with pytest.raises(plain_tensors.NotPlain):
        read(rewrite(path, change))
    path = save(tmp_path / "old.pth", state_dict(), zipped=False)
    content = path.read_bytes()
    little = b"little_endianq\x02\x88"
    assert content.count(little) == 1
    path.write_bytes(content.replace(little, little[:-1] + b"\x89"))
    with pytest.raises(plain_tensors.NotPlain):
        read(path)


def pickled(*parts):
    return io.BytesIO(b"\x80\x02" + b"".join(parts) + b".")


REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"
ORDERED = b"ccollections\nOrderedDict\n"


@pytest.mark.parametrize(
    "parts",
    [
        # Calls of other functions, and of these with other arguments.
        (b"cos\nsystem\n", b"X\x02\0\0\0ls\x85R"),
        (ORDERED, b"K\x01\x85R"),
        (REBUILD, b"(K\x01K\x02tR"),
        (b"N", b")R"),
        # States of anything but a dict; of a function its code, its defaults.
        (REBUILD, b"}b"),
        (b"]", b"}b"),
        # Items of a function, attributes, objects, extensions.
        (REBUILD, b"K\x01K\x02s"),
        (b"(ios\nsystem\n",),
        (ORDERED, b")\x81"),
        (b"\x82\x01",),
        (b"X\x01\0\0\0aQ",),
    ],
)
def test_nothing_is_called(parts):
    with pytest.raises(plain_tensors.NotPlain):
        plain_tensors._load(pickled(*parts))


@pytest.mark.parametrize(
    "content",
    [
        b"h\x07.",  # was never put
        b"t.",  # no mark
        b"s.",
        b"K\x01K\x02.",
        b"]]K\x01s.",  # no dict
    ],
)
def test_pickles_that_are_none(tmp_path, content):
    path = save(tmp_path / "w.pth", state_dict())

    def change(name, old):
        return b"\x80\x02" + content if name.endswith("data.pkl") else old

    rewrite(path, change)
    with pytest.raises((ValueError, plain_tensors.NotPlain)):
        read(path)


def test_marks_are_not_looked_for():
    """Else the time of a hostile pickle grows with the square of its size."""
    many = 200_000
    pickle = pickled(b"(", b"N" * many, b"(t" * many, b"t")
    found, _ = plain_tensors._load(pickle)
    assert found == (None,) * many + ((),) * many
