"""Where clips come from: one interface for videos, folders and records."""

import typing


@typing.runtime_checkable
class Source(typing.Protocol):
    """What the input pipeline and the evaluation need of a dataset.

    Implementations: `VideoFiles` (decodes, and makes flow, on the fly), and
    those of prepared datasets. Indices of videos run over the whole dataset;
    a split is a sequence of such indices. Images of one modality of a video
    have one size; other modalities may have another: the same picture, scaled.

    Attributes:
        videos: tuple of str. Name of each video, unique in the dataset (its
            path below the dataset's directory, with `/`).
        labels: tuple of int. Class index of each video, -1 if unknown.
        groups: tuple of str. Videos of one group (same scene, same actor)
            never stand on both sides of a split.
        classes: tuple of str. Class names by class index.
        modalities: tuple of str. Which of `clip_spec.MODALITIES` it holds.
        flow: `FlowSpec` of how its flow is made; `None` if it holds none, or
            nobody knows.
    """

    videos: tuple
    labels: tuple
    groups: tuple
    classes: tuple
    modalities: tuple
    flow: object

    def num_frames(self, index, modality):
        """Number of stored images of `modality` in video `index`: frames for
        rgb and rgb_diff, frames - 1 for the flows, which may be 0. Image t of
        the flows belongs to frames t and t + 1.

        Raises:
            VideoError: if the video cannot be read.
        """

    def read(self, index, modality, indices):
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
