"""A dataset of video files, decoded on the fly."""

from keras_vidrec.data import video
from keras_vidrec.data.frame_counts import FrameCounts


class VideoFiles:
    """The `Source` of the video files of a catalog.

    Frames are decoded when they are asked for, nothing is prepared: good for
    rgb and rgb_diff. It holds no flow.

    Args:
        catalog: a `Catalog`, which says where the videos lie and what they
            show.
    """

    modalities = ("rgb", "rgb_diff")

    def __init__(self, catalog):
        self.videos = catalog.videos
        self.labels = catalog.labels
        self.groups = catalog.groups
        self.classes = catalog.classes
        self._root = catalog.root
        self._frame_counts = FrameCounts(
            catalog.root, lambda path: video.probe(path).num_frames
        )

    def num_frames(self, index, modality):
        """Number of frames of video `index`; see `Source`.

        Raises:
            VideoError: if the video cannot be read.
        """
        return self._frame_counts[self.videos[index]]

    def read(self, index, modality, indices):
        """Frames of video `index`; see `Source`.

        Raises:
            VideoError: if the video cannot be read.
        """
        name = self.videos[index]
        return video.read_frames(
            self._root / name, indices, num_frames=self._frame_counts[name]
        )

    def save(self):
        """Keeps what was learnt of the files (frame counts) for next time."""
        self._frame_counts.save()
