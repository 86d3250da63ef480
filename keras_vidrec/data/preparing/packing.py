"""Frame folders to records: the images as they are, in few files."""

import contextlib
import os

import cv2
import numpy as np

from keras_vidrec.data.preparing.spool import ImageSpool
from keras_vidrec.data.preparing.video import PreparedVideo
from keras_vidrec.data.preparing.video import encode_jpeg
from keras_vidrec.videos.video import VideoError


class Packer:
    """Packs frame folders: `prepare(opened.catalog, directory, preparation,
    make=Packer(opened, preparation))`.

    JPEGs are copied byte for byte, other images become JPEGs, nothing else is
    made. The `Preparation` says which modalities are packed, and how they were
    made, if known; this is stored in the dataset. Its `size` is `None`, or what
    the images were resized by.

    Raises:
        ValueError: if it is a dataset of another kind, or does not hold a
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
        """The content of the images of a video, by its name; see
        `Source.content`.
        """
        return self._source.content(self._places[name])

    def origin(self):
        """`Origin` of the frame folders."""
        return self._source.origin()

    def __call__(
        self, name, preparation, directory, report=lambda num_frames: None
    ):
        """Gathers the JPEGs of a video, by its name; the other arguments are
        those of `prepare_video`, and the result is a `PreparedVideo`.

        Every image is decoded once, so that no broken one gets into records.

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
        (image,) = self._source.read(index, modality, [place])
        if modality == "rgb":
            return (encode_jpeg(image[..., ::-1], quality),)
        return tuple(
            encode_jpeg(np.ascontiguousarray(image[..., channel]), quality)
            for channel in (0, 1)
        )


def _check_size(name, frame, size):
    """Refuses images that were not resized as they are said to be."""
    if frame is not None and frame.of(*size) != size:
        raise VideoError(
            name,
            f"its images are {size} (height, width), and were not resized by "
            f"size={frame.size!r}. Expected the size that they were resized "
            "to, or None (no --size) if it is not known.",
        )


def _size(jpeg):
    """Height and width of an image, `None` if it is broken."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    return None if image is None else image.shape
