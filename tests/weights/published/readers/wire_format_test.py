import tracemalloc

import numpy as np
import pytest
from google.protobuf import descriptor_pb2

from keras_vidrec.weights.published.readers import wire_format
from keras_vidrec.weights.published.readers.wire_format import fields
from keras_vidrec.weights.published.readers.wire_format import varints


def read(content):
    return [
        (number, wire_type, value if isinstance(value, int) else bytes(value))
        for number, wire_type, value in fields(memoryview(content))
    ]


def test_fields_of_every_wire_type():
    content = (
        b"\x08\x96\x01"  # 1: 150
        b"\x11\x01\x02\x03\x04\x05\x06\x07\x08"
        b"\x1a\x03abc"
        b"\x25\x01\x02\x03\x04"
        b"\xa2\x06\x00"  # 100: nothing
    )
    assert read(content) == [
        (1, wire_format.VARINT, 150),
        (2, wire_format.FIXED64, bytes(range(1, 9))),
        (3, wire_format.LENGTH_DELIMITED, b"abc"),
        (4, wire_format.FIXED32, bytes(range(1, 5))),
        (100, wire_format.LENGTH_DELIMITED, b""),
    ]


def test_what_the_library_writes():
    message = descriptor_pb2.UninterpretedOption(
        negative_int_value=-5,
        positive_int_value=2**64 - 1,
        double_value=0.1,
        string_value=b"\xff" * 300,
    )
    values = {
        number: value
        for number, _, value in fields(memoryview(message.SerializeToString()))
    }
    assert values[4] == 2**64 - 1
    assert values[5] == 2**64 - 5
    assert np.frombuffer(values[6], "<f8") == 0.1
    assert bytes(values[7]) == b"\xff" * 300


@pytest.mark.parametrize("tag", [b"\x2d", b"\xa5\x06"])
@pytest.mark.parametrize("count", [1, 2, 3, 1000])
def test_values_stored_one_by_one_come_at_once(tag, count):
    values = np.arange(count, dtype="<f4")
    run = b"".join(tag + value.tobytes() for value in values)
    (before, found, after) = read(b"\x08\x01" + run + b"\x10\x02")
    assert (before, after) == ((1, 0, 1), (2, 0, 2))
    assert found[1:] == (wire_format.FIXED32, values.tobytes())
    (alone,) = read(run)
    assert alone == found


def test_runs_end_where_the_number_changes():
    content = b"\x2dAAAA\x2dBBBB\x25CCCC\x2dDDDD"
    assert [value for _, _, value in read(content)] == [
        b"AAAABBBB",
        b"CCCC",
        b"DDDD",
    ]


def test_bytes_are_not_copied():
    content = b"\x0a\x80\x80\x80\x04" + bytes(2**23)
    tracemalloc.start()
    ((_, _, value),) = fields(memoryview(content))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(value) == 2**23
    assert peak < 10_000


def test_packed_integers():
    packed = b"\x01\x96\x01" + b"\xff" * 9 + b"\x01"
    assert list(varints(memoryview(packed))) == [1, 150, 2**64 - 1]


@pytest.mark.parametrize(
    "content, fault",
    [
        (b"\x08", "a number cut off"),
        (b"\x08\x80\x80", "a number cut off"),
        (b"\x08" + b"\x80" * 10 + b"\x01", "more than 64 bits"),
        (b"\x08" + b"\xff" * 9 + b"\x02", "more than 64 bits"),
        (b"\x0a\x05abcd", "a field of 5 bytes where 4 are left"),
        (b"\x0a" + b"\xff" * 9 + b"\x01", "where 0 are left"),
        (b"\x0d\x00\x00\x00", "a field of 4 bytes where 3 are left"),
        (b"\x0dAAAA\x0dAAA", "a field of 4 bytes where 3 are left"),
        (b"\x09" + bytes(7), "a field of 8 bytes where 7 are left"),
        (b"\x02\x00", "a field of number 0"),
        (b"\x82\x80\x80\x80\x10\x00", "a field of number 536870912"),
        (b"\x0b\x0c", "a field of wire type 3"),
        (b"\x0e", "a field of wire type 6"),
    ],
)
def test_what_is_no_message(content, fault):
    with pytest.raises(ValueError, match=fault):
        read(content)
