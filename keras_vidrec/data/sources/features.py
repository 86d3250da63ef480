"""The source of a dataset of features, which networks computed from frames."""

import collections.abc
import os

import numpy as np

from keras_vidrec.data.catalogs.split import first_of
from keras_vidrec.data.prepared import dataset as prepared_dataset
from keras_vidrec.data.prepared import shards
from keras_vidrec.data.prepared.features import DTYPE
from keras_vidrec.data.sources.stored import Stored
from keras_vidrec.specs import FlowSpec
from keras_vidrec.videos.video import VideoError


class Features(Stored):
    """The `Source` of a dataset that `vidrec features` made.

    It differs from other sources in what `read` returns: float32 features
    instead of pixels. All videos have the same number of frames with features,
    which are stored as float16 (relative error at most 2^-11). Each call of
    `read` reads from the file once; nothing is cached. It can be used from
    several threads.

    Args:
        directory: path of the dataset, or its URL in an object store (see
            `storage.as_path`).

    Attributes:
        catalog: `Catalog` with the splits, and with `videos`, `labels`,
            `groups` and `classes` of this source.
        settings: dict. How the features were made; see `FeatureSettings`.
        num_features: dict from stream (one of `modalities`) to the number of
            features of a frame.

    Raises:
        ValueError: if there is no finished dataset, it does not contain
            features, or records are missing.
    """

    kind = "features"

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        dataset = prepared_dataset.load(directory)
        if not is_of_features(dataset):
            raise ValueError(
                "Expected a dataset of features, made by `vidrec features`. "
                f"Received: {str(directory)!r} with {dataset.modalities}"
            )
        super().__init__(directory, dataset)
        self.num_features = dict(self.settings["features"])
        flow = self.settings["flow"]
        self.flow = None if flow is None else FlowSpec(**flow)
        self._arrays = {
            stream: _Arrays(directory, stream, self.videos, dataset.files)
            for stream in self.modalities
        }

    def num_frames(self, index: int, modality: str) -> int:
        """The number of frames with features of video `index`, which is the
        same in all streams."""
        return self._of(modality).rows[index][3]

    def num_draws(self, index: int) -> int:
        """The number of versions with random crops of video `index`."""
        return self._of(self.modalities[0]).rows[index][2] - 1

    def read(
        self,
        index: int,
        modality: str,
        indices: collections.abc.Sequence[int] | np.ndarray,
        draw: int = 0,
    ) -> np.ndarray:
        """Reads features of frames of a video.

        Args:
            index: int. The video.
            modality: str. The stream.
            indices: sequence of int, 0-based, below `num_frames`.
            draw: int. 0 for the central crop, or the number of a version with
                random crops, from 1 to `num_draws`. Defaults to `0`.

        Returns:
            float32 array `(len(indices), features)`.

        Raises:
            ValueError: if the dataset does not have the stream.
            VideoError: if there are no such frames, or they cannot be read.
        """
        stored = self.read_stored(index, modality, indices, draw)
        return stored.astype(np.float32)

    def read_stored(
        self,
        index: int,
        modality: str,
        indices: collections.abc.Sequence[int] | np.ndarray,
        draw: int = 0,
    ) -> np.ndarray:
        """Reads the features that `read` returns, but as they are stored: a
        float16 array, which may be read-only."""
        arrays = self._of(modality)
        indices = np.asarray(indices, np.int64)
        _, _, versions, num_frames, _ = arrays.rows[index]
        self._check_indices(
            index, indices, num_frames, f"frames with features of {modality}"
        )
        if not 0 <= draw < versions:
            raise VideoError(
                self.videos[index],
                f"it has {versions - 1} versions with random crops. Expected "
                f"draw from 0 to {versions - 1}. Received: draw={draw}",
            )
        try:
            return arrays.read(index, indices, draw)
        except (OSError, ValueError) as error:
            raise VideoError(
                self.videos[index],
                f"its features of {modality} cannot be read: {error}",
            ) from error

    def _of(self, stream):
        if stream not in self._arrays:
            raise ValueError(
                "Expected a stream of the dataset, one of "
                f"{self.modalities}. Received: modality={stream!r}"
            )
        return self._arrays[stream]


def is_of_features(dataset) -> bool:
    """Whether a `PreparedDataset` contains features instead of images."""
    return "features" in dataset.settings


class _Arrays:
    """The features of one stream.

    Attributes:
        rows: list with a tuple for each video: the index of its shard, the
            `(offset, CRC-32C)` of each version, the number of versions, the
            number of frames, and that of features.
    """

    def __init__(self, directory, stream, videos, files):
        self._shards = []
        found = {}
        for shard, index in shards.read_indexes(directory, stream, files):
            ends = np.cumsum(index["counts"])[:-1]
            rows = zip(
                index["videos"].tolist(),
                np.split(index["offsets"], ends),
                np.split(index["crcs"], ends),
                index["counts"].tolist(),
                index["heights"].tolist(),
                index["widths"].tolist(),
            )
            # If features of a video were made again, the last are valid.
            for name, offsets, crcs, *shape in rows:
                versions = tuple(zip(offsets.tolist(), crcs.tolist()))
                found[name] = (len(self._shards), versions, *shape)
            self._shards.append(shard)
        missing = [name for name in videos if name not in found]
        if missing:
            raise ValueError(
                f"Features of {stream} are missing. Expected some of each "
                f"video. Received: none of {first_of(missing)}"
            )
        self.rows = [found[name] for name in videos]

    def read(self, index, indices, draw):
        """Reads stored features: float16 `(len(indices), features)`."""
        shard, versions, _, num_frames, num_features = self.rows[index]
        if not len(indices):
            return np.zeros((0, num_features), DTYPE)
        offset, crc = versions[draw]
        # The checksum is that of the whole version, so all of it is read.
        place = offset, num_frames * num_features * DTYPE.itemsize
        (stored,) = shards.read_parts(self._shards[shard], [place], [crc])
        stored = np.frombuffer(stored, DTYPE).reshape(-1, num_features)
        # Usually all frames in their order are wanted, which needs no copy.
        if np.array_equal(indices, np.arange(num_frames)):
            return stored
        return stored[indices]
