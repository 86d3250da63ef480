import random
import struct
import tracemalloc
import zlib

import numpy as np
import pytest

from keras_vidrec.weights.published.readers.matlab_v7 import read_tree
from tests.weights.published.readers.matlab_files import write_v7

HEADER = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
MATRIX, COMPRESSED = 14, 15
CELL, STRUCT, SINGLE = 1, 2, 7
FUNCTION, OPAQUE = 16, 17


def element(kind, data):
    padded = data + bytes(-len(data) % 8)
    return struct.pack("<II", kind, len(data)) + padded


def matrix(kind, content=b"", shape=(1, 1), name=b"", flags=0):
    """An array, by the documented layout of the format."""
    return element(
        MATRIX,
        element(6, struct.pack("<II", kind | flags, 0))
        + element(5, struct.pack(f"<{len(shape)}i", *shape))
        + element(1, name)
        + content,
    )


def write(path, *variables):
    path.write_bytes(HEADER + b"".join(variables))
    return path


def compressed(variable):
    data = zlib.compress(variable)
    return struct.pack("<II", COMPRESSED, len(data)) + data


def big_endian(path):
    """One array [[1, 2, 3], [4, 5, 6]], as a Sun would write it."""
    data = struct.pack(">II", 6, 8) + struct.pack(">II", SINGLE, 0)
    data += struct.pack(">IIii", 5, 8, 2, 3)
    # A name of one letter lies in its tag.
    data += struct.pack(">HH4s", 1, 1, b"a")
    data += struct.pack(">II6f", 7, 24, 1, 4, 2, 5, 3, 6)
    path.write_bytes(
        b"MATLAB 5.0 MAT-file".ljust(124)
        + b"\x01\x00MI"
        + struct.pack(">II", MATRIX, len(data))
        + data
    )


@pytest.mark.parametrize("is_compressed", [True, False])
def test_values(tmp_path, is_compressed):
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 2, 4, 5)).astype("float32")
    numbers = {
        name: rng.integers(0, 100, (2, 3)).astype(name)
        for name in ("int8", "uint16", "int32", "uint64", "float64")
    }
    variables = {
        "kernel": kernel,
        "numbers": numbers,
        "mixed": {
            "text": "relu5_3 äß",
            "cells": ["a", np.zeros((0, 0)), {"deep": [np.ones((1, 2))]}],
            "structs": ({"name": "one"}, {"name": "two"}),
            "yes": np.array([[True]]),
        },
        "other": np.ones((50, 50)),
    }
    write_v7(tmp_path / "a.mat", variables, is_compressed)
    tree = read_tree(tmp_path / "a.mat", ("kernel", "numbers", "mixed", "no"))
    assert set(tree) == {"kernel", "numbers", "mixed"}
    assert tree["kernel"].dtype == "float32"
    np.testing.assert_array_equal(tree["kernel"], kernel)
    for name, value in numbers.items():
        assert tree["numbers"][name].dtype == name
        np.testing.assert_array_equal(tree["numbers"][name], value)
    mixed = tree["mixed"]
    assert mixed["text"] == "relu5_3 äß"
    assert mixed["structs"] == [{"name": "one"}, {"name": "two"}]
    assert mixed["cells"][0] == "a" and mixed["cells"][1].shape == (0, 0)
    np.testing.assert_array_equal(mixed["cells"][2]["deep"][0], [[1.0, 1.0]])
    assert mixed["yes"] == 1


def test_byte_order(tmp_path):
    big_endian(tmp_path / "a.mat")
    tree = read_tree(tmp_path / "a.mat", ("a",))
    np.testing.assert_array_equal(tree["a"], [[1, 2, 3], [4, 5, 6]])


def test_order_of_arrays_of_structs(tmp_path):
    """First axis fastest, as MATLAB counts; all fields of one together."""
    names = element(5, struct.pack("<i", 2)) + element(1, b"a\0b\0")
    content = names
    for number in range(8):
        content += matrix(SINGLE, element(7, struct.pack("<f", number)))
    path = write(
        tmp_path / "a.mat", matrix(STRUCT, content, (2, 2), b"structs")
    )
    structs = read_tree(path, ("structs",))["structs"]
    assert structs == [
        {"a": 0, "b": 1},
        {"a": 2, "b": 3},
        {"a": 4, "b": 5},
        {"a": 6, "b": 7},
    ]


def test_nothing_is_evaluated(tmp_path):
    """Functions and objects are None, and what follows is read."""
    function = matrix(FUNCTION, matrix(CELL), name=b"call")
    opaque = element(
        MATRIX,
        element(6, struct.pack("<II", OPAQUE, 0))
        + element(1, b"thing")
        + element(1, b"java")
        + element(1, b"Runtime"),
    )
    one = matrix(SINGLE, element(7, struct.pack("<f", 1.5)), name=b"one")
    path = write(tmp_path / "a.mat", function, opaque, one)
    tree = read_tree(path, ("call", "thing", "one"))
    assert tree == {"call": None, "thing": None, "one": 1.5}


def deep():
    cell, size = matrix(SINGLE, element(7, bytes(4))), 56
    heads = []
    for _ in range(100_000):
        head = matrix(CELL)
        heads.append(struct.pack("<II", MATRIX, 40 + size) + head[8:])
        size += len(head)
    return b"".join(reversed(heads)) + cell


def bomb(size, announced=None):
    """Zeros, by the thousand in a byte."""
    content = matrix(SINGLE, element(7, bytes(size)), (size // 4, 1), b"x")
    if announced:
        content = struct.pack("<II", MATRIX, announced) + content[8:]
    return compressed(content)


@pytest.mark.parametrize(
    "content, message",
    [
        pytest.param(deep, "nested more than 64", id="deep"),
        pytest.param(lambda: bomb(2**27), "of content in a file", id="bomb"),
        pytest.param(
            lambda: bomb(2**10, 2**31), "of content in a file", id="announced"
        ),
        pytest.param(
            lambda: bomb(2**10, 2**20), "shorter than announced", id="short"
        ),
        pytest.param(
            lambda: bomb(2**10, 2**9), "longer than announced", id="long"
        ),
        pytest.param(
            lambda: matrix(CELL, shape=(2**30, 2**30), name=b"x"),
            "entries are announced",
            id="cells",
        ),
        pytest.param(
            lambda: matrix(
                STRUCT,
                element(5, struct.pack("<i", 1)) + element(1, b"ab"),
                (2**30, 2**30),
                b"x",
            ),
            "entries are announced",
            id="structs",
        ),
        pytest.param(
            lambda: matrix(SINGLE, element(7, bytes(8)), (2**30, 9), b"x"),
            "has 2 numbers",
            id="shape",
        ),
        pytest.param(
            lambda: matrix(SINGLE, element(7, bytes(4)), (-1, -1), b"x"),
            "has the shape",
            id="negative",
        ),
        pytest.param(
            lambda: matrix(SINGLE, element(7, bytes(4)), name=b"x")[:-4],
            "ends inside of a variable",
            id="truncated",
        ),
        pytest.param(
            lambda: element(9, bytes(8)), "element of kind 9", id="kind"
        ),
    ],
)
def test_hostile_files(tmp_path, content, message):
    path = write(tmp_path / "a.mat", content())
    size = path.stat().st_size
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message):
            read_tree(path, ("x", ""))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * size + 2**20


def test_damaged_files(tmp_path):
    """Whatever is cut off or changed: an array, or one kind of error."""
    path = tmp_path / "a.mat"
    for is_compressed in (True, False):
        net = {"a": ["b", np.ones((3, 4))], "c": ({"d": "e"}, {"d": "f"})}
        write_v7(path, {"net": net}, is_compressed)
        whole = path.read_bytes()
        draw = random.Random(0)
        refused = 0
        for trial in range(300):
            data = bytearray(whole)
            if trial % 2:
                data = data[: draw.randrange(len(data))]
            else:
                for _ in range(3):
                    place = draw.randrange(128, len(data))
                    data[place] = draw.randrange(256)
            path.write_bytes(data)
            try:
                read_tree(path, ("net",))
            except (ValueError, zlib.error):
                refused += 1
        assert refused > 150
