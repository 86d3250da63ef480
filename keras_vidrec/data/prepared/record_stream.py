"""Records as a stream: whole videos, from the first byte to the last."""

import tensorflow as tf

from keras_vidrec.data.prepared import prepared_dataset
from keras_vidrec.data.prepared import record_shard

_FEATURES = {
    "video": tf.io.FixedLenFeature([], tf.string),
    "label": tf.io.FixedLenFeature([], tf.int64),
    "height": tf.io.FixedLenFeature([], tf.int64),
    "width": tf.io.FixedLenFeature([], tf.int64),
    "images": tf.io.FixedLenSequenceFeature([], tf.string, True),
}


def stream(directory, modality, *, num_parallel_reads=None):
    """Whole videos of a prepared dataset, one after the other.

    It reads every byte: for all frames of a video. Where a few frames of each
    are wanted, `Records` is several times faster.

    Args:
        directory: path of the dataset, or its URL in an object store (see
            `storage.as_path`).
        modality: str. One that has records: `"rgb"`, `"flow"`,
            `"warped_flow"`.
        num_parallel_reads: `None`, or int. Shards that are read at a time,
            their videos mixed. Defaults to `None`: one after the other.

    Returns:
        `tf.data.Dataset` of dicts: `video` (str), `label`, `height`, `width`
        (int64) and `images`, a vector of JPEGs: of rgb one a frame, of the
        flows two a flow image, x before y. `decode` makes pixels of them.

    Raises:
        ValueError: if there are no such records.
    """
    if modality not in prepared_dataset.STORED_MODALITIES:
        raise ValueError(
            "Unknown `modality` of records. Expected one of "
            f"{prepared_dataset.STORED_MODALITIES}. Received: "
            f"modality={modality!r}"
        )
    shards = record_shard.find_shards(directory, modality)
    if not shards:
        raise ValueError(
            f"Expected records of {modality}. Received: {str(directory)!r} "
            "without"
        )
    records = tf.data.TFRecordDataset(
        [str(shard) for shard in shards],
        num_parallel_reads=num_parallel_reads,
    )
    return records.map(
        lambda record: tf.io.parse_single_example(record, _FEATURES)
    )


def decode(images, modality):
    """Pixels of some images of a stream, the same that `Records` reads.

    Args:
        images: vector of JPEGs; of the flows an even number, from an even
            place on.
        modality: str.

    Returns:
        uint8 tensor `(num_images, height, width, channels)`: R G B, or x y of
        the 8-bit flow code.
    """
    is_rgb = modality == "rgb"

    def one(jpeg):
        # Bit for bit as OpenCV decodes them.
        return tf.io.decode_jpeg(
            jpeg, channels=3 if is_rgb else 1, dct_method="INTEGER_ACCURATE"
        )

    pixels = tf.map_fn(
        one,
        images,
        fn_output_signature=tf.TensorSpec((None, None, None), tf.uint8),
    )
    if is_rgb:
        return pixels
    return tf.concat([pixels[::2], pixels[1::2]], axis=-1)
