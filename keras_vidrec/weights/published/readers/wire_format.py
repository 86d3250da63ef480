"""Reading the fields of protocol buffers without their schema."""

import typing

import numpy as np

VARINT, FIXED64, LENGTH_DELIMITED, FIXED32 = 0, 1, 2, 5

_WIDTHS = {FIXED64: 8, FIXED32: 4}
_MAX_VARINT_BYTES = 10
_MAX_NUMBER = 2**29 - 1

# Most records that are compared at once, to limit memory.
_MAX_WINDOW = 2**20


class Field(typing.NamedTuple):
    """A field of a message.

    Attributes:
        number: int from 1.
        wire_type: int. `VARINT`, `FIXED64`, `LENGTH_DELIMITED` or `FIXED32`.
        value: int of 0..2**64 - 1 for `VARINT`; else memoryview of bytes. For
            fields of a fixed width, those of all consecutive fields with the
            same number.
    """

    number: int
    wire_type: int
    value: int | memoryview


def fields(message):
    """Yields the fields of a message.

    Messages inside messages are returned as bytes, so nesting is not limited by
    this function: the caller reads them by its schema. Values that are stored
    one by one (unpacked) are joined, because a network has millions of them.

    Args:
        message: memoryview of bytes.

    Yields:
        `Field`.

    Raises:
        ValueError: with a noun phrase for the wrong bytes, such as a field that
            ends beyond the message.
    """
    position = 0
    while position < len(message):
        begin = position
        tag, position = _varint(message, position)
        number, wire_type = tag >> 3, tag & 7
        if not 1 <= number <= _MAX_NUMBER:
            raise ValueError(f"a field of number {number}")
        if wire_type == VARINT:
            value, position = _varint(message, position)
        elif wire_type == LENGTH_DELIMITED:
            size, position = _varint(message, position)
            value = _bytes(message, position, size)
            position += size
        elif wire_type in _WIDTHS:
            value, position = _run(message, begin, position, wire_type)
        else:
            raise ValueError(f"a field of wire type {wire_type}")
        yield Field(number, wire_type, value)


def varints(packed):
    """Yields the integers of a packed field.

    Args:
        packed: memoryview of bytes.

    Yields:
        int of 0..2**64 - 1.

    Raises:
        ValueError: see `fields`.
    """
    position = 0
    while position < len(packed):
        value, position = _varint(packed, position)
        yield value


def _varint(message, position):
    value = 0
    for count in range(_MAX_VARINT_BYTES):
        if position + count == len(message):
            raise ValueError("a number cut off at its end")
        byte = message[position + count]
        value |= (byte & 127) << 7 * count
        if byte < 128:
            if value >= 2**64:
                break
            return value, position + count + 1
    raise ValueError("a number of more than 64 bits")


def _bytes(message, position, size):
    left = len(message) - position
    if size > left:
        raise ValueError(f"a field of {size} bytes where {left} are left")
    return message[position : position + size]


def _run(message, begin, position, wire_type):
    """Returns the values of consecutive fields with the same tag, and the
    position after them. The first tag is `message[begin:position]`."""
    width = _WIDTHS[wire_type]
    first = _bytes(message, position, width)
    tag = np.frombuffer(message[begin:position], np.uint8)
    size = len(tag) + width
    records = np.frombuffer(message[begin:], np.uint8)
    records = records[: len(records) // size * size].reshape(-1, size)
    # The window grows, so that few fields are compared for short runs.
    count = window = 1
    while count < len(records):
        tags = records[count : count + window, : len(tag)]
        same = (tags == tag).all(axis=1)
        if not same.all():
            count += int(same.argmin())
            break
        count += len(same)
        window = min(2 * window, _MAX_WINDOW)
    if count == 1:
        return first, position + width
    values = records[:count, len(tag) :].tobytes()
    return memoryview(values), begin + count * size
