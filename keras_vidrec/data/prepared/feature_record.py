"""The bytes of features in a record: float16, one array a version."""

import numpy as np

from keras_vidrec.data.prepared import record_format

# Half the bytes of float32. Rounding is relative, at most 2^-11 (0.05 %) from
# 6e-5 on, and at most 3e-8 below.
DTYPE = np.dtype("<f2")


class FeatureVersions:
    """The features of one video and stream, ready to be written.

    They stand where the images of a video stand: as the elements of the list
    `images` of a record, whose `height` is the number of frames and whose
    `width` the number of features.

    Args:
        versions: sequence of arrays `(frames, features)` of one shape: the
            features of the central crop, then those of its draws, if any.

    Attributes:
        num_bytes: int. Of all elements, framing included.

    Raises:
        ValueError: if a value is not finite in float16.
    """

    def __init__(self, versions):
        self._elements = []
        for version in versions:
            with np.errstate(over="ignore"):
                stored = np.asarray(version).astype(DTYPE)
            if not np.isfinite(stored).all():
                raise ValueError(
                    "Expected finite features of at most 65504, as float16 "
                    f"holds them. Received: {np.min(version)} to "
                    f"{np.max(version)}"
                )
            self._elements.append(record_format.frame_image(stored.tobytes()))
        self.num_bytes = sum(map(len, self._elements))

    def chunks(self, _max_bytes):
        """Yields all bytes."""
        yield from self._elements
