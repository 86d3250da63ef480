"""The bytes of a record: one video and modality as a `tf.train.Example`.

A TFRecord file is a row of frames `length (uint64), CRC of it, data, CRC of
the data`. The data is a `tf.train.Example` whose features are `video` (bytes),
`label` (int64, as many as the video has), `height`, `width` (int64) and, last
of all, `images` (a list of bytes). All lengths are known before the first image
is copied, so that a record is written from front to back without ever being
held in memory.
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

# Protobuf parses messages up to 2 GB; a record is a little longer than its
# images.
MAX_STREAMED_BYTES = 2**31 - 2**20


class Record(typing.NamedTuple):
    """What `scan` finds of one record, without its images: sizes of an image in
    pixels, the length of the whole record, and where in the file each JPEG
    begins and how many bytes it has, int64, and its CRC-32C, uint32. A label of
    -1 is unknown; one of several is a tuple."""

    video: str
    label: int | tuple
    height: int
    width: int
    num_bytes: int
    offsets: np.ndarray
    sizes: np.ndarray
    crcs: np.ndarray


def frame_image(jpeg):
    """A JPEG as an element of the list `images`."""
    return _delimited(_FIELD_1, jpeg)


def write_record(file, video, label, height, width, images):
    """Writes one record of `SpooledImages` of `height` x `width` pixels to a
    binary file, at its position; returns its number of bytes.

    Raises:
        OSError: if the file cannot be written; a part of the record may be.
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
    """Finds the images of a file of records, yields a `Record` for each, once
    its checksums are those of what was written.

    Raises:
        ValueError: if the file is no such file, or not whole.
    """
    size = os.path.getsize(path)
    start = 0
    # Small reads: what lies between the images is a few bytes each time.
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
    """The one number of a feature, or a tuple where there are others."""
    numbers = []
    end = _enter(file, _FIELD_3)
    if file.tell() < end:
        _enter(file, _FIELD_1)
    while file.tell() < end:
        numbers.append(_signed(_read_varint(file)))
    return numbers[0] if len(numbers) == 1 else tuple(numbers)


def _check_next(file, crc):
    if _read(file, _CRC.size) != _CRC.pack(_mask(crc)):
        raise EOFError


def _scan_images(file):
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


def _enter(file, field):
    """Steps to the contents of a field; returns where they end."""
    if _read(file, 1) != field:
        raise KeyError(field)
    size = _read_varint(file)
    return file.tell() + size


def _read(file, size):
    content = file.read(size)
    if len(content) != size:
        raise EOFError
    return content


def _example_prefix(video, label, height, width, images_bytes):
    """All of the Example before its images."""
    name = _delimited(_FIELD_1, video.encode())
    entries = _entry("video", _delimited(_FIELD_1, name))
    for key, value in (("label", label), ("height", height), ("width", width)):
        numbers = value if isinstance(value, (list, tuple)) else [value]
        packed = b"".join(map(_varint, numbers))
        packed = _delimited(_FIELD_1, packed) if packed else b""
        entries += _entry(key, _delimited(_FIELD_3, packed))
    # From the inside out: the list, the feature, the entry of the map.
    head = _FIELD_1 + _varint(images_bytes)
    key = _delimited(_FIELD_1, b"images")
    head = key + _FIELD_2 + _varint(len(head) + images_bytes) + head
    head = _FIELD_1 + _varint(len(head) + images_bytes) + head
    total = len(entries) + len(head) + images_bytes
    return _FIELD_1 + _varint(total) + entries + head


def _entry(key, feature):
    key = _delimited(_FIELD_1, key.encode())
    return _delimited(_FIELD_1, key + _delimited(_FIELD_2, feature))


def _delimited(field, content):
    return field + _varint(len(content)) + content


def _varint(value):
    value &= 2**64 - 1  # negative numbers are stored as unsigned ones
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _read_varint(file):
    value = shift = 0
    while True:
        (byte,) = _read(file, 1)
        value |= (byte & 127) << shift
        if byte < 128:
            return value
        shift += 7


def _signed(value):
    return value - 2**64 if value >= 2**63 else value


def _mask(crc):
    """TFRecord's own form of a CRC."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
