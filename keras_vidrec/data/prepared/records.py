"""Writes and scans records: one modality of a video as a `tf.train.Example`.

A TFRecord file is a sequence of records `length (uint64), CRC of the length,
data, CRC of the data`. The data is a `tf.train.Example` whose features are
`video` (bytes), `label` (int64, all labels of the video), `height`, `width`
(int64) and, as the last one, `images` (a list of bytes). All lengths are known
before the first image is copied, so a record is written in one pass, and is
never completely in memory.
"""

import array
import os
import struct
import typing

import google_crc32c
import numpy as np

# Field numbers of the messages Example, Features, Feature, BytesList and
# Int64List, all length-delimited: (number << 3) | 2.
_FIELD_1 = b"\x0a"
_FIELD_2 = b"\x12"
_FIELD_3 = b"\x1a"

_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")
_HEAD_BYTES = _LENGTH.size + _CRC.size
_COPY_BYTES = 1 << 20

# The largest size of the images of a record. Protobuf parses messages up to
# 2 GB, and a record is a little longer than its images.
MAX_STREAMED_BYTES = 2**31 - 2**20


class Record(typing.NamedTuple):
    """The description of a record that `scan` yields, without its images.

    Args:
        video: str. Name of the video.
        label: int, -1 if unknown, or tuple of int for several labels.
        height, width: int. Size of the images in pixels.
        num_bytes: int. Size of the record in the file.
        offsets, sizes: int64 arrays. The position of each JPEG in the file, and
            its number of bytes.
        crcs: uint32 array. The CRC-32C of each JPEG.
    """

    video: str
    label: int | tuple
    height: int
    width: int
    num_bytes: int
    offsets: np.ndarray
    sizes: np.ndarray
    crcs: np.ndarray


def frame_image(jpeg: bytes) -> bytes:
    """Encodes a JPEG as an element of the list `images`."""
    return _delimited(_FIELD_1, jpeg)


def write_record(file, video, label, height, width, images):
    """Writes a record to a binary file, at its position.

    Args:
        file: binary file, open for writing.
        video: str. Name of the video.
        label: int, or sequence of int for several labels.
        height, width: int. Size of the images in pixels.
        images: `SpooledImages` or `FeatureVersions`.

    Returns:
        The number of bytes of the record.

    Raises:
        OSError: if the file cannot be written; a part of the record may have
            been.
    """
    prefix = _example_prefix(video, label, height, width, images.num_bytes)
    length = _LENGTH.pack(len(prefix) + images.num_bytes)
    file.write(length)
    file.write(_CRC.pack(_mask(google_crc32c.value(length))))
    file.write(prefix)
    crc = google_crc32c.value(prefix)
    for chunk in images.chunks(_COPY_BYTES):
        file.write(chunk)
        crc = google_crc32c.extend(crc, chunk)
    file.write(_CRC.pack(_mask(crc)))
    return _HEAD_BYTES + len(prefix) + images.num_bytes + _CRC.size


def scan(path):
    """Yields a `Record` for each record of a file, after checking its
    checksums.

    Raises:
        ValueError: if the file is not one of records of videos, or is damaged.
    """
    size = os.path.getsize(path)
    start = 0
    # A small buffer: between images there are only a few bytes to read.
    with open(path, "rb", buffering=512) as file:
        while start < size:
            try:
                record = _scan_one(file, start, size)
            except (EOFError, KeyError, UnicodeError):
                raise ValueError(
                    "Expected complete records of videos. Delete the file and "
                    "run the same command again, which prepares its videos "
                    f"again. Received: {os.fspath(path)!r}, damaged at byte "
                    f"{start}"
                ) from None
            yield record
            start += record.num_bytes


def _scan_one(file, start, size):
    """Returns the `Record` that begins at `start` in a file of `size` bytes.
    Raises an `EOFError`, `KeyError` or `UnicodeError` if it is damaged."""
    file.seek(start)
    packed = _read(file, _LENGTH.size)
    _check_next(file, google_crc32c.value(packed))
    (length,) = _LENGTH.unpack(packed)
    end = start + _HEAD_BYTES + length
    if end + _CRC.size > size:
        raise EOFError
    crc, left = 0, length
    while left:
        chunk = _read(file, min(left, _COPY_BYTES))
        crc, left = google_crc32c.extend(crc, chunk), left - len(chunk)
    _check_next(file, crc)
    file.seek(start + _HEAD_BYTES)
    features_end = _enter(file, _FIELD_1)
    features = {}
    while file.tell() < features_end:
        _enter(file, _FIELD_1)
        key_end = _enter(file, _FIELD_1)
        key = _read(file, key_end - file.tell()).decode()
        _enter(file, _FIELD_2)
        if key == "images":
            features[key] = _scan_images(file)
        elif key == "video":
            _enter(file, _FIELD_1)
            name_end = _enter(file, _FIELD_1)
            features[key] = _read(file, name_end - file.tell()).decode()
        else:
            features[key] = _scan_numbers(file)
    return Record(
        *(features[key] for key in ("video", "label", "height", "width")),
        end + _CRC.size - start,
        *features["images"],
    )


def _scan_numbers(file):
    """Reads the integer of a feature; a tuple if there are several or none."""
    numbers = []
    end = _enter(file, _FIELD_3)
    if file.tell() < end:
        _enter(file, _FIELD_1)
    while file.tell() < end:
        numbers.append(_signed(_read_varint(file)))
    return numbers[0] if len(numbers) == 1 else tuple(numbers)


def _check_next(file, crc):
    """Raises an `EOFError` if the next bytes are not the masked CRC `crc`."""
    if _read(file, _CRC.size) != _CRC.pack(_mask(crc)):
        raise EOFError


def _scan_images(file):
    """Returns the offsets, sizes and CRCs of the elements of `images`."""
    offsets, sizes, crcs = array.array("q"), array.array("q"), array.array("Q")
    end = _enter(file, _FIELD_1)
    position = file.tell()
    while position < end:
        following = _enter(file, _FIELD_1)
        position = file.tell()
        offsets.append(position)
        sizes.append(following - position)
        crcs.append(google_crc32c.value(_read(file, sizes[-1])))
        position = following
    return (
        np.array(offsets, np.int64),
        np.array(sizes, np.int64),
        np.array(crcs, np.uint32),
    )


def _enter(file, field: bytes) -> int:
    """Moves to the content of a field, and returns the position of its end."""
    if _read(file, 1) != field:
        raise KeyError(field)
    size = _read_varint(file)
    return file.tell() + size


def _read(file, size: int) -> bytes:
    content = file.read(size)
    if len(content) != size:
        raise EOFError
    return content


def _example_prefix(video, label, height, width, images_bytes):
    """Encodes everything of an Example that is before its images."""
    name = _delimited(_FIELD_1, video.encode())
    entries = _entry("video", _delimited(_FIELD_1, name))
    for key, value in (("label", label), ("height", height), ("width", width)):
        numbers = value if isinstance(value, (list, tuple)) else [value]
        packed = b"".join(map(_varint, numbers))
        packed = _delimited(_FIELD_1, packed) if packed else b""
        entries += _entry(key, _delimited(_FIELD_3, packed))
    # Nested from the inside out: the list, the feature, the entry of the map.
    head = _FIELD_1 + _varint(images_bytes)
    key = _delimited(_FIELD_1, b"images")
    head = key + _FIELD_2 + _varint(len(head) + images_bytes) + head
    head = _FIELD_1 + _varint(len(head) + images_bytes) + head
    total = len(entries) + len(head) + images_bytes
    return _FIELD_1 + _varint(total) + entries + head


def _entry(key: str, feature: bytes) -> bytes:
    name = _delimited(_FIELD_1, key.encode())
    return _delimited(_FIELD_1, name + _delimited(_FIELD_2, feature))


def _delimited(field: bytes, content: bytes) -> bytes:
    return field + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    value &= 2**64 - 1  # negative numbers are stored as unsigned ones
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _read_varint(file) -> int:
    value = shift = 0
    while True:
        (byte,) = _read(file, 1)
        value |= (byte & 127) << shift
        if byte < 128:
            return value
        shift += 7


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _mask(crc: int) -> int:
    """The masked form of a CRC that TFRecord files contain."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
