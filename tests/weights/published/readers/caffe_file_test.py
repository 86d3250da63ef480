import tracemalloc

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

from keras_vidrec.weights.published.checkpoint import Checkpoint
from keras_vidrec.weights.published.readers.caffe_file import read
from keras_vidrec.weights.published.readers.caffe_file import recognizes
from tests.weights.published.readers.caffe_messages import messages
from tests.weights.published.readers.caffe_messages import network
from tests.weights.published.readers.caffe_messages import write

# Deterministic, and slow machines are no failure. Nothing is kept on disk.
fuzz = hypothesis.settings(
    max_examples=300, deadline=None, derandomize=True, database=None
)


def layers():
    random = np.random.default_rng(0)

    def blob(*shape):
        return random.normal(size=shape).astype(np.float32)

    return {
        "conv1/7x7_s2": ("Convolution", [blob(4, 3, 7, 7), blob(4)]),
        "conv1/7x7_s2_bn": ("BN", [blob(1, 4) for _ in range(4)]),
        "fc-action": ("InnerProduct", [blob(5, 4), blob(5)]),
    }


def check(path, shape=lambda shape: shape, dtype=np.float32):
    assert recognizes(path, path.read_bytes()[:4096])
    checkpoint = read(path)
    assert checkpoint.path == str(path)
    assert checkpoint.format == "caffe"
    assert checkpoint.facts["name"] == "net"
    expected = {
        f"{name}:{index}": blob
        for name, (_, blobs) in layers().items()
        for index, blob in enumerate(blobs)
    }
    assert list(checkpoint.tensors) == list(expected)
    for name, array in checkpoint.tensors.items():
        assert array.dtype == dtype
        assert array.shape == shape(expected[name].shape)
        np.testing.assert_array_equal(array.ravel(), expected[name].ravel())
    return checkpoint


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("form", ["V0", "V1", "V2"])
def test_every_version_of_caffe(tmp_path, form, packed):
    net = network(layers(), form, packed)
    checkpoint = check(write(tmp_path / "net.caffemodel", net))
    if form == "V1":
        return
    assert checkpoint.facts["types"] == {
        "conv1/7x7_s2": "Convolution",
        "conv1/7x7_s2_bn": "BN",
        "fc-action": "InnerProduct",
    }


@pytest.mark.parametrize("form", ["V1", "V2"])
def test_the_four_axes_of_old_versions(tmp_path, form):
    net = network(layers(), form, old_axes=True)
    check(
        write(tmp_path / "net.caffemodel", net),
        shape=lambda shape: (1,) * (4 - len(shape)) + shape,
    )


@pytest.mark.parametrize("packed", [True, False])
def test_doubles(tmp_path, packed):
    net = network(layers(), packed=packed, values="double_data")
    check(write(tmp_path / "net.caffemodel", net), dtype=np.float64)


def test_types_by_number(tmp_path):
    one = [np.ones(1, np.float32)]
    net = network({"a": (4, one), "b": (14, one), "c": (77, one)}, "V1")
    facts = read(write(tmp_path / "net.caffemodel", net)).facts
    assert facts["types"] == {
        "a": "Convolution",
        "b": "InnerProduct",
        "c": "77",
    }


def test_values_packed_in_parts(tmp_path):
    # As protobuf joins messages of one field that follow each other.
    blob = messages().BlobProto(data=[1, 2])
    blob.shape.dim.extend([2, 2])
    parts = [blob, messages(packed=False).BlobProto(data=[3, 4])]
    content = b"".join(part.SerializeToString() for part in parts)
    layer = b"\x0a\x01a" + b"\x3a" + bytes([len(content)]) + content
    path = tmp_path / "net.caffemodel"
    path.write_bytes(b"\xa2\x06" + bytes([len(layer)]) + layer)
    np.testing.assert_array_equal(read(path).tensors["a:0"], [[1, 2], [3, 4]])


def test_tensors_outlive_the_file(tmp_path):
    path = write(tmp_path / "net.caffemodel", network(layers()))
    tensors = read(path).tensors
    path.write_bytes(b"")
    expected = layers()["fc-action"][1][0]
    np.testing.assert_array_equal(tensors["fc-action:0"], expected)
    assert all(array.flags.aligned for array in tensors.values())


def test_millions_of_values_take_little_memory(tmp_path):
    # As Python's numbers they would take ten times as much.
    values = np.arange(2_000_000, dtype=np.float32)
    for packed in (True, False):
        net = network({"fc": ("InnerProduct", [values])}, packed=packed)
        path = write(tmp_path / "net.caffemodel", net)
        del net
        tracemalloc.start()
        (array,) = read(path).tensors.values()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        np.testing.assert_array_equal(array, values)
        assert peak < 3.5 * values.nbytes


def broken(edit):
    """The content of a network that is changed before it is written."""
    net = network(layers())
    edit(net)
    return net.SerializeToString()


def with_shape(*shape):
    def edit(net):
        net.layer[1].blobs[0].shape.dim[:] = shape

    return broken(edit)


def without_weights(net):
    for layer in net.layer:
        del layer.blobs[:]


def same_name(net):
    net.layer[2].name = net.layer[1].name


def two_kinds(net):
    net.layer[1].blobs[0].double_data.extend([1.0])


def long_name(net):
    net.layer[1].name = "a" * 2000


def many_blobs(net):
    blob = net.layer[1].blobs[1]
    net.layer[1].blobs.extend([blob] * 10_000)


def many_blobs_together(net):
    for layer in net.layer[1:3]:
        layer.blobs.extend([layer.blobs[0]] * 5000)


def no_values(net):
    blob = net.layer[1].blobs[0]
    blob.shape.dim[:] = (0, 3)
    del blob.data[:]


def one_value(data):
    """A network of a layer with one blob of shape `(1,)`, byte by byte."""
    blob = b"\x3a\x02\x08\x01" + b"\x2a" + bytes([len(data)]) + data
    layer = b"\x0a\x01a\x3a" + bytes([len(blob)]) + blob
    return b"\xa2\x06" + bytes([len(layer)]) + layer


def solver_state():
    state = messages().SolverState(
        iter=3500, learned_net="tsn_iter_3500.caffemodel", current_step=2
    )
    state.history.add(data=[1.0])
    return state.SerializeToString()


def mean_image():
    image = messages().BlobProto(num=1, channels=3, height=2, width=2)
    image.data.extend([128.0] * 12)
    return image.SerializeToString()


HOSTILE = {
    "truncated": (broken(lambda net: None)[:-1], "where .* are left"),
    "head only": (broken(lambda net: None)[:1500], "where .* are left"),
    "too few values": (with_shape(4, 3, 7, 8), r"\(4, 3, 7, 8\) with 2352 b"),
    "too many values": (with_shape(4, 3, 7), r"\(4, 3, 7\) with 2352 bytes"),
    "huge": (with_shape(2**31, 2**31, 2**31), "with 2352 bytes"),
    "product of 0 modulo 2**64": (with_shape(2**32, 2**32), "with 2352 bytes"),
    "zero": (with_shape(0, 3), r"shape \(0, 3\) with"),
    "no values": (broken(no_values), r"shape \(0, 3\) with 0 bytes"),
    "torn value": (one_value(bytes(5)), r"shape \(1,\) with 5 bytes"),
    "negative": (with_shape(-4, -3, 7, 7), "with 2352 bytes"),
    "axes": (with_shape(*[1] * 9), "more than 8 axes"),
    "no weights": (broken(without_weights), "no layer with weights"),
    "same name": (broken(same_name), "two layers of the name 'conv1/7x7_s2'"),
    "floats and doubles": (broken(two_kinds), "floats and doubles"),
    "long name": (broken(long_name), "a name of 2000 bytes"),
    "many blobs": (broken(many_blobs), "more than 10000 blobs"),
    "many blobs together": (broken(many_blobs_together), "more than 10000 b"),
    "no UTF-8": (b"\x0a\x01\xff", "utf-8"),
    "name of another type": (b"\x08\x05", "field 1 of wire type 0"),
    "layer of another type": (b"\xa0\x06\x05", "field 100 of wire type 0"),
    "text": (b'name: "VGG"\nlayer {\n name: "data" }', "text of a network"),
    "commented text": (b"# TSN\n\nlayers { }", "text of a network or a solver"),
    "solver": (b'net: "train_val.prototxt"\n', "text of a network or a solver"),
    "state": (solver_state(), r"state of a solver \(.solverstate\)"),
    "mean image": (mean_image(), r"mean image \(.binaryproto\)"),
    "empty": (b"", "no layer with weights"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_one_clear_error(tmp_path, case):
    content, fault = HOSTILE[case]
    path = tmp_path / "net.caffemodel"
    path.write_bytes(content)
    with pytest.raises(
        ValueError,
        match=rf"\(.caffemodel\). Received: '.*net.caffemodel': .*{fault}",
    ):
        read(path)


@pytest.mark.parametrize(
    "case", ["truncated", "no weights", "text", "solver", "state", "mean image"]
)
def test_what_is_of_caffe_is_left_to_its_reader(tmp_path, case):
    content, _ = HOSTILE[case]
    path = tmp_path / "weights"
    path.write_bytes(content)
    assert recognizes(path, content[:4096])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x0a\x00",
        b"\x12\x00",
        b"PK\x03\x04",
        b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.",  # an old torch file
        b"\x89HDF\r\n\x1a\n",
        b"MATLAB 5.0 MAT-file",
        b"<!DOCTYPE html>",
        b"\n<html>\n",
        b"name: tsn\nclasses: 101\n",
        b"\x08\x07\x12\x07pytorch\x1a\x051.9.0",  # ONNX
        b"\x0a\x1c\x0a\x05input\x12\x0bPlaceholder",  # a graph of TensorFlow
    ],
)
def test_other_files_are_not_recognized(tmp_path, content):
    path = tmp_path / "weights"
    path.write_bytes(content)
    assert not recognizes(path, content)


def test_noise_is_not_recognized(tmp_path):
    random = np.random.default_rng(0)
    path = tmp_path / "weights"
    for begin in (b"", b"\x0a\x00", b"\x0a\x01a", b"\x12", b"\xa2\x06"):
        for _ in range(100):
            content = begin + random.bytes(200)
            path.write_bytes(content)
            assert not recognizes(path, content)


def read_or_refuse(path, content):
    """Reads a file of this content, with little memory, or is told why not."""
    path.write_bytes(content)
    tracemalloc.start()
    try:
        recognizes(path, content[:4096])
        assert isinstance(read(path), Checkpoint)
    except ValueError as error:
        assert str(path) in str(error)
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 50 * len(content) + 10e6


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("caffe") / "fuzz.caffemodel"


@fuzz
@hypothesis.given(content=strategies.binary(max_size=500))
def test_any_bytes(path, content):
    read_or_refuse(path, content)


VALID = [
    network({"a": (kind, [np.ones(shape, np.float32)] * 2)}, form, *rest)
    for form, kind in (("V0", "conv"), ("V1", 4), ("V2", "Convolution"))
    for shape, *rest in (((2, 3), True), ((1, 2, 3), False, True))
]


@fuzz
@hypothesis.given(
    content=strategies.sampled_from([net.SerializeToString() for net in VALID]),
    changes=strategies.lists(
        strategies.tuples(
            strategies.floats(0, 1, exclude_max=True),
            strategies.integers(0, 3),
            strategies.binary(max_size=3),
        ),
        max_size=4,
    ),
    end=strategies.floats(0, 2),
)
def test_mutated_networks(path, content, changes, end):
    for where, removed, added in changes:
        position = int(where * len(content))
        content = content[:position] + added + content[position + removed :]
    read_or_refuse(path, content[: int(end * len(content))])


@fuzz
@hypothesis.given(
    shape=strategies.lists(strategies.integers(-(2**63), 2**63 - 1)),
    axes=strategies.tuples(*[strategies.integers(-(2**31), 2**31 - 1)] * 4),
    count=strategies.integers(0, 9),
)
def test_hostile_shapes(path, shape, axes, count):
    net = network({})
    blob = net.layer[0].blobs.add()
    blob.shape.dim.extend(shape)
    blob.num, blob.channels, blob.height, blob.width = axes
    blob.data.extend([1.0] * count)
    read_or_refuse(path, net.SerializeToString())
