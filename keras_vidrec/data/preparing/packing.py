"""Packs frame folders into records without changing the images."""

import contextlib
import os

import cv2
import numpy as np

from keras_vidrec.data.preparing.spool import ImageSpool
from keras_vidrec.data.preparing.video import PreparedVideo
from keras_vidrec.data.preparing.video import encode_jpeg
from keras_vidrec.specs import FrameSpec
from keras_vidrec.videos.video import VideoError


class Packer:
    """Packs frame folders: `prepare(opened.catalog, directory, preparation,
    make=Packer(opened, preparation))`.

    JPEGs are copied byte for byte, and other images are converted to JPEGs.

    Args:
        opened: `opening.Opened` of a dataset of frame folders.
        preparation: `Preparation`. It determines which modalities are packed,
            and states how the images were made, which is stored in the dataset.
            Its `size` is `None` if it is not known how they were resized.

    Raises:
        ValueError: if the dataset is of another kind, or does not have a
            modality of `preparation`.
    """

    def __init__(self, opened, preparation):
        root = os.fspath(opened.catalog.root)
        if opened.kind != "frames":
            raise ValueError(
                "Expected a directory of frame folders; videos are prepared "
                "as ucf101, hmdb51, folder or list. Received: "
                f"{root!r}, a dataset of kind {opened.kind!r}"
            )
        self._source = opened.source
        for modality in preparation.modalities:
            if modality not in self._source.modalities:
                raise ValueError(
                    f"Expected frame folders that contain {modality}: they "
                    f"are packed without change. Received: {root!r} with "
                    f"{self._source.modalities}"
                )
        self._places = {
            name: index for index, name in enumerate(self._source.videos)
        }

    def content(self, name):
        """Returns the `Source.content` of a video, given its name."""
        return self._source.content(self._places[name])

    def origin(self):
        """`Origin` of the frame folders."""
        return self._source.origin()

    def __call__(
        self, name, preparation, directory, report=lambda num_frames: None
    ):
        """Collects the JPEGs of a video. Every image is decoded once, so that
        there is no broken one in records.

        Args:
            name: str. Name of the video.
            preparation, directory, report: as for `prepare_video`.

        Returns:
            `PreparedVideo`.

        Raises:
            VideoError: if an image is missing or broken, or images differ in
                size.
            OSError: if the disk is full.
        """
        index = self._places[name]
        size = None
        spooled = {}
        for modality in preparation.modalities:
            file = os.path.join(directory, modality)
            with contextlib.closing(ImageSpool(file)) as spool:
                contents = self._source.encoded(index, modality)
                for place, jpegs in enumerate(contents):
                    if None in jpegs:
                        jpegs = self._encoded(
                            index, modality, place, preparation.quality
                        )
                    spool.add(place, *jpegs)
                    for part, jpeg in enumerate(jpegs):
                        found = _size(jpeg)
                        if found is None or found != (size or found):
                            (files,) = self._source.paths(
                                index, modality, [place]
                            )
                            raise VideoError(
                                name,
                                f"{str(files[part])!r} is "
                                f"{'broken' if found is None else found}. "
                                "Expected images of one size, "
                                f"{size or 'whatever it is'}. Replace it, or "
                                "leave the video out.",
                            )
                        size = found
                    if modality == "rgb":
                        report(1)
                spooled[modality] = spool.finish(len(jpegs))
        _check_size(name, preparation.frame, size)
        return PreparedVideo(*size, spooled["rgb"].num_images, spooled)

    def _encoded(self, index, modality, place, quality):
        """Returns an image as a tuple of JPEGs: one for rgb, two for the
        directions of flow."""
        (image,) = self._source.read(index, modality, [place])
        if modality == "rgb":
            return (encode_jpeg(image[..., ::-1], quality),)
        return tuple(
            encode_jpeg(np.ascontiguousarray(image[..., channel]), quality)
            for channel in (0, 1)
        )


def _check_size(name: str, frame: FrameSpec | None, size) -> None:
    """Raises a `VideoError` if images do not have the size that results from a
    `FrameSpec`."""
    if frame is not None and frame.of(*size) != size:
        raise VideoError(
            name,
            f"its images are {size} (height, width), and were not resized by "
            f"size={frame.size!r}. Expected the size that they were resized "
            "to, or None (no --size) if it is not known.",
        )


def _size(jpeg: bytes):
    """The height and width of a JPEG, or `None` if it is broken."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    return None if image is None else image.shape
