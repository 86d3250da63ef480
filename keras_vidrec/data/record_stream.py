"""Records as a stream, for stores that cannot be read at any place."""

import tensorflow as tf

from keras_vidrec.data import prepared_dataset

_FEATURES = {
    "video": tf.io.FixedLenFeature([], tf.string),
    "label": tf.io.FixedLenFeature([], tf.int64),
    "height": tf.io.FixedLenFeature([], tf.int64),
    "width": tf.io.FixedLenFeature([], tf.int64),
    "images": tf.io.FixedLenSequenceFeature([], tf.string, True),
}


def stream(directory, modality, *, num_parallel_reads=None):
    """Whole videos of a prepared dataset, one after the other.

    It reads every byte: for all frames of a video, or from an object store.
    Where the files lie on a disk and a few frames of each video are wanted,
    `Records` is several times faster.

    Args:
        directory: str or path of the dataset; anything that TensorFlow reads,
            such as `gs://bucket/dataset`.
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
    pattern = f"{directory}/{modality}/{modality}-*.tfrecord"
    shards = sorted(tf.io.gfile.glob(pattern))
    if not shards:
        raise ValueError(
            f"Expected records of {modality}. Received: no file {pattern}"
        )
    records = tf.data.TFRecordDataset(
        shards, num_parallel_reads=num_parallel_reads
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
