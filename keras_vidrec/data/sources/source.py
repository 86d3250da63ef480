"""The interface of all kinds of datasets: videos, frame folders, records and
features."""

import collections.abc
import concurrent.futures
import copy
import typing

import numpy as np

from keras_vidrec.data import origins
from keras_vidrec.data.clips import frame_size
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.specs import Origin
from keras_vidrec.videos.health import Health
from keras_vidrec.videos.video import VideoError


class Source:
    """A dataset, as the input pipeline and the evaluation use it.

    `VideoFiles` and `SingleVideo` decode videos and compute flow on the fly;
    `FrameFolders`, `Records` and `Features` read stored images or features. Any
    other object with these attributes and methods can be used too. Indices of
    videos are those of the whole dataset; a split is a sequence of such
    indices. All images of one modality of a video have the same size. Other
    modalities may have another size: the same picture, resized. `seen_as`
    determines how they are resized.

    Args:
        catalog: `Catalog`, or another object with its videos, labels, groups
            and classes.

    Attributes:
        kind: `None`, or str: the kind of dataset, a kind of `Origin`:
            `"videos"`, `"frames"`, `"prepared"` or `"features"`. Defaults to
            `None`.
        videos: tuple of str. Name of each video, unique in the dataset (its
            path below the dataset's directory, with `/`).
        labels: tuple of int, the class index of each video, -1 if unknown; or,
            if videos have several labels, tuple of tuples of ascending int,
            `()` for a video of none of the classes (see
            `data.catalogs.label_sets`).
        groups: tuple of str. Videos of one group (same scene, same actor) are
            in the same part of a split.
        classes: tuple of str. Class names by class index.
        files: tuple of str. The file of each video; several videos may be
            segments of one file. Defaults to `videos`.
        modalities: tuple of str. The available modalities, some of
            `clip_spec.MODALITIES`.
        flow: `FlowSpec`: how its flow is computed; `None` if there is no flow,
            or this is unknown.
        frame: `None` (images as they are stored), or the `FrameSpec` by which
            images are sampled and resized. Defaults to `None`.
        stored_as: `None` (unknown, or not stored), or the `FrameSpec` by which
            stored images were resized. Defaults to `None`.
        is_remote: bool. Whether it is in an object store, so that many clips
            should be requested at the same time. Defaults to `False`.
        contents: tuple of str or `None`. The `content` of each video.
        requests: int. The number of files that are read at the same time to
            compute `contents`; 0 if these are known. Defaults to `0`.
    """

    kind: str | None = None
    modalities: tuple[str, ...]
    flow: FlowSpec | None
    frame: FrameSpec | None = None
    stored_as: FrameSpec | None = None
    is_remote: bool = False
    requests: int = 0

    def __init__(self, catalog: typing.Any) -> None:
        self.videos = catalog.videos
        self.labels = catalog.labels
        self.groups = catalog.groups
        self.classes = catalog.classes
        self.files = getattr(catalog, "files", catalog.videos)

    def num_frames(self, index: int, modality: str) -> int:
        """The number of images of `modality` in video `index`: that of frames
        for rgb and rgb_diff, one less for flow, which may be 0. Flow image t is
        the motion from frame t to frame t + 1.

        Raises:
            VideoError: if the video cannot be read.
        """
        raise NotImplementedError

    def read(
        self,
        index: int,
        modality: str,
        indices: collections.abc.Sequence[int] | np.ndarray,
    ) -> np.ndarray:
        """Reads images of one video.

        Args:
            index: int. The video.
            modality: str. One of `modalities`.
            indices: sequence of int, 0-based, below `num_frames`, in any order,
                also with repetitions.

        Returns:
            uint8 array `(len(indices), height, width, channels)`: 3 channels
            R G B for rgb and rgb_diff; 2 channels x, y in the 8-bit code for
            flow.

        Raises:
            VideoError: if the video cannot be read.
        """
        raise NotImplementedError

    def health(self, index: int) -> Health | None:
        """The `videos.Health` of the file of video `index`; `None` if unknown.

        Raises:
            VideoError: if the video cannot be read.
        """
        return None

    def lost_share(self, index: int) -> float:
        """The share of the frames of video `index` that are damaged or cut off,
        from 0 to 1; 0 if unknown.

        Raises:
            VideoError: if the video cannot be read.
        """
        health = self.health(index)
        return 0.0 if health is None else health.lost_share

    def content(self, index: int) -> str | None:
        """A fingerprint of the content of video `index`, which does not depend
        on its path and name; `None` if unknown. It is computed from the size,
        the beginning and the end of the file (see `videos.content`), and the
        segment. Stored images and features have the content of the original
        video.
        """
        return None

    @property
    def contents(self) -> tuple:
        if not self.requests:
            return tuple(map(self.content, range(len(self.videos))))
        with concurrent.futures.ThreadPoolExecutor(self.requests) as pool:
            return tuple(pool.map(self.content, range(len(self.videos))))

    def origin(
        self, indices: collections.abc.Sequence[int] | np.ndarray | None = None
    ) -> Origin:
        """Returns the `Origin` of this dataset.

        Args:
            indices: `None` (all), or sequence of int: the videos whose origin
                is returned. Defaults to `None`.

        Returns:
            `Origin`. Its `videos` is a fingerprint of names and class names,
            `content` of `contents`, and `fingerprint` of both and of
            `how_made`. They do not depend on the order of the videos.
        """
        if indices is None:
            indices, contents = range(len(self.videos)), self.contents
        else:
            contents = tuple(self.content(i) for i in indices)
        return origins.of(
            self.kind,
            [self.videos[i] for i in indices],
            [self.labels[i] for i in indices],
            self.classes,
            contents,
            self.how_made(),
            **self.made_from(),
        )

    def how_made(self) -> dict | None:
        """Returns how the stored images were made, as a dict of data for JSON;
        `None` if there are none, or this is unknown.
        """
        return None

    def made_from(self) -> dict:
        """Returns some fields of the `Origin`: `parents`, `versions`,
        `decoder`."""
        return {}

    def seen_as(self, frame: FrameSpec | None) -> typing.Self:
        """Returns this source with images sampled and resized for a network.

        Args:
            frame: `FrameSpec`, or `None` for images as they are stored.

        Returns:
            `Source`, which shares everything else with this one.

        Raises:
            ValueError: if images cannot be sampled or resized in this way.
        """
        if frame == self.frame:
            return self
        other = copy.copy(self)
        other.frame = frame
        return other

    def save(self) -> None:
        """Saves newly found properties of the videos, such as their health, for
        the next program."""

    def _resized(self, index, images):
        """Resizes images `(number, height, width, channels)` of a video
        according to `frame`."""
        if self.frame is None:
            return images
        try:
            return frame_size.resize_images(
                images, self.frame, *images.shape[1:3]
            )
        except ValueError as error:
            raise VideoError(self._name(index), str(error)) from None

    def _check_indices(self, index, indices, count, what):
        """Raises a `VideoError` if there is an index that is not from 0 to
        `count - 1`; `what` names the images in the message."""
        wrong = [int(i) for i in indices if not 0 <= i < count]
        if wrong:
            raise VideoError(
                self._name(index),
                f"it has {count} {what}. Expected indices from 0 to "
                f"{count - 1}. Received: {wrong[:8]}",
            )

    def _name(self, index):
        """The name of a video in errors."""
        return self.videos[index]
