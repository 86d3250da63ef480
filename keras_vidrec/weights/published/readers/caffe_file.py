"""Networks of Caffe: `.caffemodel` files."""

import collections
import itertools
import math
import mmap
import re

import numpy as np

from keras_vidrec.weights.published.checkpoint import Checkpoint
from keras_vidrec.weights.published.readers import wire_format

# Numbers of fields in the messages of Caffe, `NetParameter` first.
_NAME = 1
# Fields of a layer in the three formats that Caffe has had. A layer of the
# second one may contain one of the first as its field `inner`.
_Form = collections.namedtuple("_Form", "name type blobs inner")
_LAYERS = {2: _Form(4, 5, 6, 1), 100: _Form(1, 2, 7, None)}
_INNER = _Form(1, 2, 50, None)
# Fields of a `BlobProto`: the four axes in old files, or a `BlobShape`.
_OLD_AXES = (1, 2, 3, 4)
_SHAPE = 7
_DIM = 1
_Values = collections.namedtuple("_Values", "dtype wire_type")
_VALUES = {
    5: _Values(np.dtype("<f4"), wire_format.FIXED32),
    8: _Values(np.dtype("<f8"), wire_format.FIXED64),
}

# The second format has numbers for types.
_TYPES = {4: "Convolution", 14: "InnerProduct", 39: "Deconvolution"}

_MAX_AXES = 8
# ResNet-152 has 1,000 blobs. A file of millions of tiny ones would take many
# times its size in memory.
_MAX_BLOBS = 10_000
_MAX_TEXT_BYTES = 1000

# Other files of Caffe, by their first bytes.
_NO_NETWORKS = {
    re.compile(
        rb"(\s|#[^\n]*\n)*"
        rb"((name|input|(train_)?net)\s*:\s*[\"']|(layers?|input_shape)\s*\{)"
    ): "the text of a network or a solver (.prototxt)",
    re.compile(rb"\x08[\x80-\xff]*[\x00-\x7f]\x12[^\n]+\.caffemodel"): (
        "the state of a solver (.solverstate)"
    ),
    re.compile(rb"\x08\x01\x10[\x01-\x7f]\x18"): "a mean image (.binaryproto)",
}
_HEAD_BYTES = 4096

# For `recognizes`: how many fields to read, to reach the first layer and its
# name, and the wire types of the fields of a network.
_FIRST_FIELDS = 64
_WIRE_TYPES = {
    **dict.fromkeys((_NAME, *_LAYERS, 3, 6, 8), wire_format.LENGTH_DELIMITED),
    **dict.fromkeys((4, 5, 7), wire_format.VARINT),
}


def read(path):
    """Reads a `.caffemodel` file of any version of Caffe.

    Args:
        path: str or path of the file.

    Returns:
        `Checkpoint` with tensors `"<layer>:<index of the blob>"`, such as
        `"conv1/7x7_s2:0"`, float32 or float64. Its facts are `"name"`, that of
        the network, and `"types"`, a dict from layers to str, such as
        `{"conv1/7x7_s2": "Convolution"}`.

    Raises:
        ValueError: if it is not such a file, is incomplete, has a blob whose
            values do not match its shape, two layers of the same name, or no
            weights.
        OSError: if it cannot be opened.
    """
    content = _content(path)
    try:
        for beginning, what in _NO_NETWORKS.items():
            if beginning.match(content[:_HEAD_BYTES]):
                raise ValueError(f"{what}; the weights lie in a .caffemodel")
        name, types, tensors = _network(content)
    except ValueError as fault:
        raise ValueError(
            "Expected a whole file of weights of Caffe (.caffemodel). "
            f"Received: {str(path)!r}: {fault}"
        ) from fault
    return Checkpoint(
        str(path), "caffe", tensors, {"name": name, "types": types}
    )


def recognizes(path, head) -> bool:
    """Whether a file is one of Caffe's, by its content.

    The format has no signature: the first fields must be those of a network up
    to a layer with a name. It is also true for other files of Caffe, for which
    `read` raises a specific error.
    """
    if any(beginning.match(head) for beginning in _NO_NETWORKS):
        return True
    try:
        for field in _first_fields(_content(path)):
            if _WIRE_TYPES.get(field.number) != field.wire_type:
                return False
            if field.number in _LAYERS:
                return _is_layer(field.value, _LAYERS[field.number])
            if field.number == _NAME and field.value.nbytes:
                if not _is_text(field.value):
                    return False
    except ValueError:
        return False
    return False


def _content(path):
    with open(path, "rb") as file:
        # An empty file cannot be mapped.
        if not file.seek(0, 2):
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _first_fields(message):
    return itertools.islice(wire_format.fields(message), _FIRST_FIELDS)


def _is_layer(message, form):
    found = {}
    for field in _first_fields(message):
        if field.number == form.inner:
            return _is_layer(_bytes(field), _INNER)
        found.setdefault(field.number, field.value)
        if form.name in found and form.type in found:
            break
    name, kind = found.get(form.name, 0), found.get(form.type, b"")
    return _is_text(name) and (isinstance(kind, int) or _is_text(kind))


def _is_text(value):
    if isinstance(value, int) or not len(value):
        return False
    try:
        return _text(value).isprintable()
    except ValueError:
        return False


def _network(content):
    name, types, tensors = "", {}, {}
    for field in wire_format.fields(content):
        if field.number == _NAME:
            name = _text(_bytes(field))
        if field.number not in _LAYERS:
            continue
        layer, kind, blobs = _layer(_bytes(field), _LAYERS[field.number])
        if not blobs:
            continue
        if layer in types:
            raise ValueError(f"two layers of the name {layer!r} with weights")
        types[layer] = kind
        if len(tensors) + len(blobs) > _MAX_BLOBS:
            raise ValueError(f"more than {_MAX_BLOBS} blobs")
        for index, blob in enumerate(blobs):
            tensors[f"{layer}:{index}"] = _array(blob, layer)
    if not tensors:
        raise ValueError("no layer with weights")
    return name, types, tensors


def _layer(message, form):
    """Returns the name, the type and the stored blobs of a layer."""
    name, kind, blobs = "", "", []
    for field in wire_format.fields(message):
        if field.number == form.inner:
            return _layer(_bytes(field), _INNER)
        if field.number == form.name:
            name = _text(_bytes(field))
        elif field.number == form.type:
            kind = _type(field)
        elif field.number == form.blobs:
            blobs.append(_bytes(field))
            if len(blobs) > _MAX_BLOBS:
                raise ValueError(f"more than {_MAX_BLOBS} blobs in a layer")
    return name, kind, blobs


def _type(field):
    if field.wire_type == wire_format.VARINT:
        return _TYPES.get(field.value, str(field.value))
    return _text(_bytes(field))


def _array(blob, layer):
    old_shape, shape, values = {}, None, {}
    for field in wire_format.fields(blob):
        if field.number in _OLD_AXES:
            old_shape[field.number] = _size(field)
        elif field.number == _SHAPE:
            shape = _shape(_bytes(field))
        elif field.number in _VALUES:
            values.setdefault(field.number, bytearray())
            values[field.number] += _floats(field)
    if shape is None:
        shape = tuple(old_shape.get(axis, 0) for axis in _OLD_AXES)
    if len(values) > 1:
        raise ValueError(f"floats and doubles in one blob of layer {layer!r}")
    number, stored = next(iter(values.items()), (5, bytearray()))
    dtype = _VALUES[number].dtype
    count, rest = divmod(len(stored), dtype.itemsize)
    if rest or min(shape, default=1) < 1 or math.prod(shape) != count:
        raise ValueError(
            f"a blob of layer {layer!r} of shape {shape} with {len(stored)} "
            f"bytes of {dtype.name} values"
        )
    return np.frombuffer(stored, dtype).reshape(shape)


def _shape(message):
    axes = []
    for field in wire_format.fields(message):
        if field.number != _DIM:
            continue
        packed = field.wire_type == wire_format.LENGTH_DELIMITED
        sizes = wire_format.varints(field.value) if packed else [_size(field)]
        axes.extend(itertools.islice(sizes, _MAX_AXES + 1))
        if len(axes) > _MAX_AXES:
            raise ValueError(f"a blob of more than {_MAX_AXES} axes")
    return tuple(axes)


def _floats(field):
    wire_types = _VALUES[field.number].wire_type, wire_format.LENGTH_DELIMITED
    if field.wire_type not in wire_types:
        raise ValueError(f"a blob's values of wire type {field.wire_type}")
    return field.value


def _size(field):
    if field.wire_type != wire_format.VARINT:
        raise ValueError(f"an axis of wire type {field.wire_type}")
    return field.value


def _bytes(field):
    if field.wire_type != wire_format.LENGTH_DELIMITED:
        raise ValueError(
            f"field {field.number} of wire type {field.wire_type} instead of "
            f"{wire_format.LENGTH_DELIMITED}"
        )
    return field.value


def _text(value):
    if len(value) > _MAX_TEXT_BYTES:
        raise ValueError(f"a name of {len(value)} bytes")
    # Invalid UTF-8 raises a `ValueError` too.
    return str(value, "utf-8")
