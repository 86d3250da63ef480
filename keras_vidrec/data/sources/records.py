"""The source of a prepared dataset: JPEG frames and flow in records."""

import collections.abc
import json
import logging
import os
import typing

import cv2
import numpy as np

from keras_vidrec.data.catalogs.split import first_of
from keras_vidrec.data.prepared import dataset as prepared_dataset
from keras_vidrec.data.prepared import shards
from keras_vidrec.data.sources.stored import Stored
from keras_vidrec.flow import codec
from keras_vidrec.specs import FLOW_METHODS
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.videos.video import VideoError

# The network computes differences from frames.
_STORED_AS = {"rgb_diff": "rgb"}
_FLOWS = ("flow", "warped_flow")

logger = logging.getLogger("keras_vidrec")


class Records(Stored):
    """The `Source` of a dataset that `vidrec prepare` made.

    Only the requested images are read, by their offsets in the index of each
    shard. It can be used from several threads.

    Args:
        directory: path of the dataset, or its URL in an object store (see
            `storage.as_path`).

    Attributes:
        catalog: `Catalog` with the splits, and with `videos`, `labels`,
            `groups` and `classes` of this source.
        settings: dict. How the records were made; see `PreparedDataset`.

    Raises:
        ValueError: if there is no finished dataset, or records are missing.
    """

    kind = "prepared"

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        dataset = prepared_dataset.load(directory)
        super().__init__(directory, dataset)
        self.modalities += tuple(
            name
            for name, stored in _STORED_AS.items()
            if stored in dataset.modalities
        )
        self.flow = self._flow_spec()
        self.stored_as = self._frame_spec()
        # A list, because copies by `seen_as` share it: one warning for all.
        self._told: list = []
        self._images = {
            modality: _Images(directory, modality, self.videos, dataset.files)
            for modality in dataset.modalities
        }

    def num_frames(self, index: int, modality: str) -> int:
        """The number of stored images of video `index`; see `Source`."""
        return self._of(modality).num_images(index)

    def read(
        self,
        index: int,
        modality: str,
        indices: collections.abc.Sequence[int] | np.ndarray,
    ) -> np.ndarray:
        """Reads images of video `index`; see `Source`.

        Raises:
            ValueError: if the dataset does not have the modality.
            VideoError: if the images cannot be read.
        """
        images = self._of(modality)
        count = images.num_images(index)
        self._check_indices(index, indices, count, f"images of {modality}")
        try:
            found = images.read(index, indices)
        except (OSError, ValueError, cv2.error) as error:
            raise VideoError(
                self.videos[index],
                f"its records of {modality} cannot be read: {error}",
            ) from error
        resized = self._resized(index, found)
        if modality in _FLOWS and self.stored_as is not None:
            # The vectors become those of flow between frames of this size.
            factors = np.divide(resized.shape[2:0:-1], found.shape[2:0:-1])
            resized = codec.scale(resized, factors)
        return resized

    def seen_as(self, frame: FrameSpec | None) -> typing.Self:
        """See `Source`. Images that were stored in another size are resized
        again, and the vectors of flow are scaled accordingly.

        Raises:
            ValueError: if the stored frames have another aspect, frame rate or
                deinterlacing than `frame`.
        """
        source = super().seen_as(frame)
        if source is not self and frame is not None:
            self._check_frame(frame)
        return source

    def _check_frame(self, frame):
        stored = self.stored_as
        if stored is None:
            if frame.fps is not None:
                raise ValueError(
                    f"Expected frames with fps={frame.fps:g}, as the network "
                    "sees them. Received: a dataset of packed frames "
                    "without a known frame rate; prepare the videos, or "
                    "train with clip.frame.fps=null"
                )
            return
        for name in ("fps", "deinterlace"):
            if getattr(frame, name) != getattr(stored, name):
                raise ValueError(
                    f"Expected frames with {name}={getattr(frame, name)!r}, as "
                    "the network sees them. Received: a dataset prepared with "
                    f"{name}={getattr(stored, name)!r}; prepare it again, or "
                    f"train with clip.frame.{name}="
                    f"{json.dumps(getattr(stored, name))}"
                )
        if frame.keeps_aspect and not stored.keeps_aspect:
            raise ValueError(
                f"Expected frames of the size {frame.size!r}, as the network "
                "needs, or frames that keep the aspect ratio. Received: a "
                f"dataset prepared with size={stored.size!r}, which changed "
                "the aspect ratio; prepare it again with --size "
                f"{frame.size}, or train with clip.frame.size={stored.size}"
            )
        if stored.short_side < frame.short_side and not self._told:
            self._told.append(frame)
            logger.warning(
                "Frames that were prepared with --size %s are enlarged to "
                "%s, and so is flow: prepare them in the network's size, or "
                "train with clip.frame.size=%s.",
                stored.size,
                frame.size,
                stored.size,
            )

    def _flow_spec(self):
        if self.settings.get("flow") not in FLOW_METHODS:
            return None
        return FlowSpec(self.settings["flow"], self.settings["bound"])

    def _frame_spec(self):
        stored = self.settings.get("frame")
        return None if stored is None else FrameSpec.from_dict(stored)

    def _of(self, modality):
        if modality not in self.modalities:
            raise ValueError(
                "Expected a modality of the dataset, one of "
                f"{self.modalities}. Received: modality={modality!r}"
            )
        return self._images[_STORED_AS.get(modality, modality)]


class _Images:
    """The images of one modality of a dataset."""

    def __init__(self, directory, modality, videos, files):
        self._channels = 3 if modality == "rgb" else 2
        self._jpegs_per_image = 1 if modality == "rgb" else 2
        self._shards = []
        # From the name of a video to its shard, its first and last entry in
        # `offsets`, the height and the width.
        found = {}
        offsets, sizes, crcs, total = [], [], [], 0
        for shard, index in shards.read_indexes(directory, modality, files):
            rows = zip(
                index["videos"].tolist(),
                index["counts"].tolist(),
                index["heights"].tolist(),
                index["widths"].tolist(),
            )
            # If a video was prepared again, its last record is valid.
            for name, count, height, width in rows:
                found[name] = (
                    len(self._shards),
                    total,
                    total + count,
                    height,
                    width,
                )
                total += count
            offsets.append(index["offsets"])
            sizes.append(index["sizes"].astype(np.uint32))
            crcs.append(index["crcs"])
            self._shards.append(shard)
        missing = [name for name in videos if name not in found]
        if missing:
            raise ValueError(
                f"Records of {modality} are missing. Expected one of each "
                f"video. Received: none of {first_of(missing)}"
            )
        self._rows = [found[name] for name in videos]
        self._offsets = np.concatenate([*offsets, np.zeros(0, np.int64)])
        self._sizes = np.concatenate([*sizes, np.zeros(0, np.uint32)])
        self._crcs = np.concatenate([*crcs, np.zeros(0, np.uint32)])

    def num_images(self, index):
        """The number of images of a video."""
        _, first, last, _, _ = self._rows[index]
        return (last - first) // self._jpegs_per_image

    def read(self, index, indices):
        """Reads images of a video: uint8 `(len(indices), height, width,
        channels)`."""
        shard, first, _, height, width = self._rows[index]
        indices = np.asarray(indices, np.int64)
        images = np.empty(
            (len(indices), height, width, self._channels), np.uint8
        )
        # The JPEGs of x and y of a flow image are next to each other.
        entries = first + self._jpegs_per_image * indices[:, None]
        entries = (entries + np.arange(self._jpegs_per_image)).ravel()
        places = zip(
            self._offsets[entries].tolist(), self._sizes[entries].tolist()
        )
        crcs = self._crcs[entries].tolist()
        jpegs = iter(shards.read_parts(self._shards[shard], [*places], crcs))
        for image in images:
            if self._channels == 3:
                np.copyto(image, _decode(next(jpegs), cv2.IMREAD_COLOR_RGB))
            else:
                for channel in (0, 1):
                    gray = _decode(next(jpegs), cv2.IMREAD_GRAYSCALE)
                    image[..., channel] = gray
        return images


def _decode(jpeg: bytes, mode: int) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), mode)
    if image is None:
        raise ValueError("broken JPEG")
    return image
