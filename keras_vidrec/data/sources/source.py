"""Where clips come from: one interface for videos, folders and records."""

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
    """What the input pipeline and the evaluation need of a dataset.

    `VideoFiles` and `SingleVideo` decode, and compute flow, on the fly;
    `FrameFolders`, `Records` and `Features` read stored images. Any other
    object with these attributes and methods can be used too. Indices of videos
    run over the whole dataset; a split is a sequence of such indices. Images of
    one modality of a video have one size; other modalities may have another:
    the same picture, scaled. `seen_as` says how they are resized.

    Args:
        catalog: `Catalog`, or another object with its videos, labels, groups
            and classes.

    Attributes:
        kind: `None`, or str: what it is, as of `Origin`: `"videos"`,
            `"frames"`, `"prepared"` or `"features"`. Defaults to `None`.
        videos: tuple of str. Name of each video, unique in the dataset (its
            path below the dataset's directory, with `/`).
        labels: tuple of int, the class index of each video, -1 if unknown; or,
            of a dataset of several labels per video, tuple of tuples of
            ascending int, `()` where it shows none of the classes
            (`data.catalogs.label_sets`).
        groups: tuple of str. Videos of one group (same scene, same actor) never
            are on both sides of a split.
        classes: tuple of str. Class names by class index.
        files: tuple of str. The file of each video; several may be segments
            of one. Defaults to `videos`.
        modalities: tuple of str. Which of `clip_spec.MODALITIES` it holds.
        flow: `FlowSpec` of how its flow is made; `None` if there is none, or if
            unknown.
        frame: `None` (images as they are), or the `FrameSpec` that they are
            read by.
        stored_as: `None` (unknown, or computed when read), or the `FrameSpec`
            that stored images were resized by.
        is_remote: bool. Whether it is remote, so that many clips should be
            requested at the same time. Defaults to `False`.
        contents: tuple of str or `None`. `content` of each video, computed on
            first use.
        requests: int. How many files are then read at the same time; 0 if their
            content is known. Defaults to `0`.
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
        """Number of stored images of `modality` in video `index`: frames for
        rgb and rgb_diff, frames - 1 for the flows, which may be 0. Image t of
        the flows belongs to frames t and t + 1.

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
            indices: sequence of int, 0-based, within `num_frames`, in any
                order, repetitions allowed.

        Returns:
            uint8 array `(len(indices), height, width, channels)`: 3 channels
            R G B for rgb and rgb_diff, 2 channels x y of the 8-bit flow code
            for the flows.

        Raises:
            VideoError: if the video cannot be read.
        """
        raise NotImplementedError

    def health(self, index: int) -> Health | None:
        """`videos.Health` of the file of video `index`, `None` if unknown.

        Raises:
            VideoError: if the video cannot be read.
        """
        return None

    def lost_share(self, index: int) -> float:
        """Share of the frames of video `index` that are damaged or cut off,
        from 0 to 1, as far as known; raises `VideoError` as `health` does.
        """
        health = self.health(index)
        return 0.0 if health is None else health.lost_share

    def content(self, index: int) -> str | None:
        """A fingerprint of the content of video `index`, independent of its
        path and name: of a file its size and its ends (see `videos.content`),
        with its segment; `None` if unknown. What is made of a video has the
        content of the video.
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
        """What this dataset is, and was made from.

        Args:
            indices: `None`, or sequence of int: the origin of these videos
                alone. Defaults to `None`: of all.

        Returns:
            `Origin`. `videos` is of names and names of classes, `content` of
            `contents`, and `fingerprint` of both and of how what is stored was
            made: none of them depends on the order.
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
        """How the stored images were made: plain data, `None` if there are
        none, or if unknown.
        """
        return None

    def made_from(self) -> dict:
        """Fields of the `Origin`: `parents`, `versions`, `decoder`."""
        return {}

    def seen_as(self, frame: FrameSpec | None) -> typing.Self:
        """This source, with images sampled and resized for a network.

        Args:
            frame: `FrameSpec`, or `None` for images as they are.

        Returns:
            `Source`, which shares everything else with this one.

        Raises:
            ValueError: if the images cannot be had so.
        """
        if frame == self.frame:
            return self
        other = copy.copy(self)
        other.frame = frame
        return other

    def save(self) -> None:
        """Stores newly found properties of the videos for the next time."""

    def _resized(self, index, images):
        """Images `(number, height, width, channels)` of a video as `frame`
        says."""
        if self.frame is None:
            return images
        try:
            return frame_size.resize_images(
                images, self.frame, *images.shape[1:3]
            )
        except ValueError as error:
            raise VideoError(self._name(index), str(error)) from None

    def _check_indices(self, index, indices, count, what):
        """Refuses images that a video does not have; `what` it has of them."""
        wrong = [int(i) for i in indices if not 0 <= i < count]
        if wrong:
            raise VideoError(
                self._name(index),
                f"it has {count} {what}. Expected indices from 0 to "
                f"{count - 1}. Received: {wrong[:8]}",
            )

    def _name(self, index):
        """What errors call a video."""
        return self.videos[index]
