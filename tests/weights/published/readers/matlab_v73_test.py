import h5py
import numpy as np
import pytest

from keras_vidrec.weights.published.readers import size_budget
from keras_vidrec.weights.published.readers.matlab_v73 import read_tree
from tests.weights.published.readers.matlab_files import write_v73


def test_values(tmp_path):
    """Everything MATLAB lays out in its own way."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 2, 4, 5)).astype("float32")
    variables = {
        "kernel": kernel,
        "mixed": {
            "text": "relu5_3 äß",
            "none": "",
            "cells": ["a", np.zeros((0, 3)), {"deep": [np.ones((1, 2))]}, []],
            "structs": (
                {"name": "one", "value": kernel},
                {"name": "two", "value": np.zeros((0, 0))},
            ),
            "one_cell": ["alone"],
            "yes": np.array([[True]]),
        },
        "other": np.ones((50, 50)),
    }
    path = tmp_path / "a.mat"
    write_v73(path, variables)
    assert path.read_bytes().startswith(b"MATLAB 7.3 MAT-file")
    tree = read_tree(path, ("kernel", "mixed", "no"))
    assert set(tree) == {"kernel", "mixed"}
    assert tree["kernel"].dtype == "float32"
    np.testing.assert_array_equal(tree["kernel"], kernel)
    mixed = tree["mixed"]
    assert mixed["text"] == "relu5_3 äß" and mixed["none"] == ""
    first, empty, struct, none = mixed["cells"]
    assert first == "a" and none == [] and empty.shape == (0, 3)
    np.testing.assert_array_equal(struct["deep"][0], [[1.0, 1.0]])
    one, two = mixed["structs"]
    assert (one["name"], two["name"]) == ("one", "two")
    np.testing.assert_array_equal(one["value"], kernel)
    assert two["value"].shape == (0, 0)
    assert mixed["one_cell"] == ["alone"] and mixed["yes"] == 1


def test_nothing_is_evaluated(tmp_path):
    path = tmp_path / "a.mat"
    write_v73(path, {"net": {"handle": np.ones((1, 1))}})
    with h5py.File(path, "r+") as file:
        file["net/handle"].attrs["MATLAB_class"] = np.bytes_("function_handle")
        sparse = file["net"].create_group("sparse")
        sparse.attrs["MATLAB_class"] = np.bytes_("double")
        sparse.attrs["MATLAB_sparse"] = np.uint64(3)
    assert read_tree(path, ("net",)) == {
        "net": {"handle": None, "sparse": None}
    }


def external_link(file):
    file["net/secret"] = h5py.ExternalLink("/etc/hostname", "/")


def soft_link(file):
    file["net/again"] = h5py.SoftLink("/net")


def net_is_a_link(file):
    del file["net"]
    file["net"] = h5py.ExternalLink("other.mat", "/net")


def name_of_bytes(file):
    file["net"].create_group(b"\xff")


def of_class(item, name):
    item.attrs["MATLAB_class"] = np.bytes_(name)


def external_storage(file):
    item = file["net"].create_dataset(
        "secret", (4,), "u1", external=[("/etc/hostname", 0, 4)]
    )
    of_class(item, "uint8")


def virtual(file):
    layout = h5py.VirtualLayout((4,), "u1")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
    of_class(file["net"].create_virtual_dataset("x", layout), "uint8")


def foreign_filter(file):
    item = file["net"].create_dataset(
        "x", (100,), "u1", chunks=(10,), compression="lzf"
    )
    of_class(item, "uint8")


def nothing_of_the_size_of_all(file):
    """Chunks that were never written take no place."""
    item = file["net"].create_dataset("x", (2**40,), "f4", chunks=(2**20,))
    of_class(item, "single")


def huge_empty(file):
    item = file["net"].create_dataset("x", data=np.array([2**31, 2**31], "u8"))
    item.attrs["MATLAB_empty"] = np.uint8(1)
    of_class(item, "double")


def cycle(file):
    item = file["net"].create_dataset("x", (1, 1), h5py.ref_dtype)
    item[0, 0] = item.ref
    of_class(item, "cell")


def doubling(file):
    """Cells of twice the same, thirty times."""
    last = file["#refs#"].create_dataset("0", data=np.ones((1, 1)))
    of_class(last, "double")
    for number in range(1, 31):
        cells = file["#refs#"].create_dataset(
            str(number), (2, 1), h5py.ref_dtype
        )
        cells[0, 0] = cells[1, 0] = last.ref
        of_class(cells, "cell")
        last = cells
    file["net/x"] = last


def null_reference(file):
    of_class(file["net"].create_dataset("x", (1, 1), h5py.ref_dtype), "cell")


def structs_of_two_sizes(file):
    for name, size in (("a", 1), ("b", 2)):
        item = file["net"].create_dataset(name, (size, 1), h5py.ref_dtype)
        for i in range(size):
            item[i, 0] = file["#refs#"].ref


@pytest.mark.parametrize(
    "change, message",
    [
        (external_link, "a link to elsewhere .ExternalLink"),
        (soft_link, "a link to elsewhere .SoftLink"),
        (name_of_bytes, "names that are no text"),
        (net_is_a_link, "'net' is a link to elsewhere .ExternalLink"),
        (external_storage, "lies in other files"),
        (virtual, "lies in other files"),
        (foreign_filter, "lies in other files"),
        (nothing_of_the_size_of_all, "of content in a file"),
        (huge_empty, "empty array has the shape"),
        (cycle, "nested more than 64"),
        (null_reference, "refers to nothing"),
        (structs_of_two_sizes, "differ in size"),
    ],
)
def test_hostile_files(tmp_path, change, message):
    path = tmp_path / "a.mat"
    write_v73(path, {"net": {}})
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(ValueError, match=message):
        read_tree(path, ("net",))


def test_references_that_double(tmp_path, monkeypatch):
    """A thousand million entries in thirty cells are refused in time."""
    monkeypatch.setattr(size_budget, "_FREE", 2**20)
    path = tmp_path / "a.mat"
    write_v73(path, {"net": {}})
    with h5py.File(path, "r+") as file:
        doubling(file)
    with pytest.raises(ValueError, match="of content in a file"):
        read_tree(path, ("net",))
