import io
import pickle
import struct
import sys

import pytest

from keras_vidrec.weights.published.readers.pickle_scan import scan
from keras_vidrec.weights.published.readers.pickle_scan import scan_plain


class Storage:
    """What `torch.save` has a pickler ask for: the persistent name."""

    def __init__(self, *name):
        self.name = name


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        return value.name if isinstance(value, Storage) else None


class FloatStorage:
    """Pickled as one of PyTorch."""


FloatStorage.__module__ = "torch"


def dump(value, monkeypatch):
    module = type(pickle)("torch")
    module.FloatStorage = FloatStorage
    monkeypatch.setitem(sys.modules, "torch", module)
    file = io.BytesIO()
    Pickler(file, protocol=2).dump(value)
    return file.getvalue()


def storage(key, count, *view):
    return Storage("storage", FloatStorage, key, "cpu", count, *view)


def test_storages(monkeypatch):
    shared = "2"
    value = {
        "a": storage("0", 3),
        "b": [storage("1", 2**40, None), storage("0", 5)],
        "c": storage(shared, 300),
        "d": storage(shared, 7),
    }
    found = scan(io.BytesIO(dump(value, monkeypatch)))
    assert found.storages == {"0": 20, "1": 2**42, "2": 1200}
    assert found.globals == frozenset()


def test_globals():
    content = pickle.dumps([set, io.BytesIO, Pickler, 1.5], protocol=2)
    found = scan(io.BytesIO(content))
    assert found.globals == {
        "builtins.set",
        "_io.BytesIO",
        f"{__name__}.Pickler",
    }
    assert found.storages == {}


def test_one_after_the_other():
    file = io.BytesIO(pickle.dumps([1], 2) + pickle.dumps(set, 2) + b"rest")
    assert scan(file).globals == frozenset()
    assert scan(file).globals == {"builtins.set"}
    assert file.read() == b"rest"


def test_plain_values():
    value = ["1", {"size": 4, "two": (2.5, None, True)}, "1"]
    content = pickle.dumps(value, protocol=2)
    file = io.BytesIO(content + b"rest")
    assert scan_plain(file) == {"1", "size", "two"}
    assert file.read() == b"rest"


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_classes_are_not_plain(protocol):
    for value in (set, [io.BytesIO], {1: Pickler}):
        content = pickle.dumps(value, protocol)
        with pytest.raises(ValueError, match="Received: .*GLOBAL"):
            scan_plain(io.BytesIO(content))


def test_a_storage_is_not_plain():
    content = MARK + NAME + b"K\x03" + TUPLE
    with pytest.raises(ValueError, match="Expected plain values"):
        scan_plain(end(content))
    with pytest.raises(ValueError, match="Received: BINPERSID"):
        scan_plain(end(b"K\x03"))


MARK, TUPLE, PERSISTENT = b"(", b"t", b"Q"


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value


NAME = text(b"storage") + b"ctorch\nFloatStorage\n" + text(b"0") + text(b"cpu")


def end(content):
    return io.BytesIO(b"\x80\x02" + content + PERSISTENT + b".")


def test_the_plain_form_of_a_storage():
    """The others are variants of it."""
    content = MARK + NAME + b"K\x03" + TUPLE
    assert scan(end(content)).storages == {"0": 12}


@pytest.mark.parametrize(
    "content",
    [
        MARK + NAME + b"K\x03K\x04" + TUPLE,
        MARK + NAME + b"h\x07" + TUPLE,
        MARK + NAME + b"h\x07" + b"h\x07" + TUPLE,
        MARK + NAME + b"K\x03h\x07" + TUPLE,
        MARK + NAME + b"G" + bytes(8) + TUPLE,
        MARK + NAME + b"K\x7f0K\x03" + TUPLE,
        MARK + NAME + b"K\x03" + TUPLE + b"0]",
        MARK + NAME.replace(b"Float", b"Wide") + b"K\x03" + TUPLE,
        MARK + NAME.replace(b"ctorch", b"cmine") + b"K\x03" + TUPLE,
        MARK + NAME + b"J\xff\xff\xff\xff" + TUPLE,
        b"h\x07",
        text(b"0"),
        b"K\x05",
    ],
)
def test_other_forms_of_a_storage(content):
    with pytest.raises(ValueError, match="Expected"):
        scan(end(content))


def test_no_pickle():
    for content in (b"", b"\x80\x02", b"\x80\x02X\xff\xff\xff\xff", b"\xff"):
        with pytest.raises(ValueError):
            scan(io.BytesIO(content))
