import io

import google_crc32c
import numpy as np
import pytest
import tensorflow as tf

from keras_vidrec.data.prepared import records
from keras_vidrec.data.preparing.spool import ImageSpool

FEATURES = {
    "video": tf.io.FixedLenFeature([], tf.string),
    "label": tf.io.FixedLenFeature([], tf.int64),
    "height": tf.io.FixedLenFeature([], tf.int64),
    "width": tf.io.FixedLenFeature([], tf.int64),
    "images": tf.io.FixedLenSequenceFeature([], tf.string, True),
}
# Lengths around those at which a varint grows.
SIZES = (0, 1, 127, 128, 300, 16383, 16384, 70000)


def spool(path, images, order=None):
    writer = ImageSpool(path)
    for index in range(len(images)) if order is None else order:
        writer.add(index, images[index])
    return writer.finish()


def random_images():
    rng = np.random.default_rng(0)
    return [rng.bytes(size) for size in SIZES]


@pytest.mark.parametrize("label", [0, 127, 128, 100000, -1, (), (0, 3, 200)])
def test_a_record_is_the_example_tensorflow_would_write(label, tmp_path):
    name, images = "Bücher/v\u2028 1.avi", random_images()
    feature = tf.train.Feature
    labels = label if isinstance(label, tuple) else [label]
    example = tf.train.Example(
        features=tf.train.Features(
            feature={
                "video": feature(
                    bytes_list=tf.train.BytesList(value=[name.encode()])
                ),
                **{
                    key: feature(int64_list=tf.train.Int64List(value=value))
                    for key, value in (
                        ("label", labels),
                        ("height", [256]),
                        ("width", [340]),
                    )
                },
                "images": feature(bytes_list=tf.train.BytesList(value=images)),
            }
        )
    )
    path = tmp_path / "r.tfrecord"
    with open(path, "wb") as file:
        written = records.write_record(
            file, name, label, 256, 340, spool(tmp_path / "s", images)
        )
    assert written == path.stat().st_size
    # The reader checks both CRCs.
    (data,) = tf.data.TFRecordDataset([str(path)]).as_numpy_iterator()
    parsed = tf.train.Example()
    parsed.ParseFromString(data)
    assert parsed == example and len(data) == example.ByteSize()
    (record,) = records.scan(path)
    assert record.label == label
    label_of = tf.io.FixedLenSequenceFeature([], tf.int64, True)
    row = tf.io.parse_single_example(data, {**FEATURES, "label": label_of})
    assert row["video"].numpy().decode() == name
    assert row["label"].numpy().tolist() == list(labels)
    assert row["width"] == 340
    assert row["images"].numpy().tolist() == images


def test_images_in_any_order_make_the_same_record(tmp_path):
    images = random_images()
    written = []
    for order in (None, [3, 4, 5, 0, 1, 7, 6, 2]):
        spooled = spool(tmp_path / "s", images, order)
        file = io.BytesIO()
        records.write_record(file, "v", 1, 2, 3, spooled)
        written.append(file.getvalue())
    assert written[0] == written[1]
    assert len(spooled.pieces) == 5


def test_scan_finds_every_image(tmp_path):
    images = random_images()
    path = tmp_path / "r.tfrecord"
    with open(path, "wb") as file:
        for number in range(3):
            spooled = spool(tmp_path / "s", images[number:])
            records.write_record(file, f"ü{number}", -1, 4, 5, spooled)
        none = spool(tmp_path / "s", [])
        records.write_record(file, "none", 2, 4, 5, none)
    content = path.read_bytes()
    found = list(records.scan(path))
    assert [r.video for r in found] == ["ü0", "ü1", "ü2", "none"]
    assert sum(r.num_bytes for r in found) == len(content)
    assert [r[1:4] for r in found] == [(-1, 4, 5)] * 3 + [(2, 4, 5)]
    for number, record in enumerate(found[:3]):
        assert [
            content[offset : offset + size]
            for offset, size in zip(record.offsets, record.sizes)
        ] == images[number:]
    assert not len(found[3].sizes)

    for broken in (content[:-1], b"abc" + content, content[:40]):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match="Expected complete records"):
            list(records.scan(path))
    path.write_bytes(b"")
    assert not list(records.scan(path))


def test_a_lost_image_is_not_passed_over(tmp_path):
    with pytest.raises(RuntimeError, match="every image once"):
        spool(tmp_path / "s", [b"a", b"b", b"c"], [0, 2])


def test_the_library_computes_in_c():
    """Its Python form takes minutes for a shard."""
    assert google_crc32c.implementation == "c"
