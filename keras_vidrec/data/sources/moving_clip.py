"""Makes clips of the latest frames of a stream."""

import numpy as np

from keras_vidrec.data.clips import frame_size
from keras_vidrec.data.clips import reader
from keras_vidrec.data.clips import regions
from keras_vidrec.data.sources import video_files
from keras_vidrec.flow import extraction


class MovingClip:
    """Takes frames one by one and makes clips of them, with the same images as
    `reader.read_test_clip`.

    Each frame is resized and cropped when it is added, and each image of flow
    is computed once, even if it is in several clips; whole frames of rgb are
    not stored. Frames are resized according to `spec.frame`; its `fps` and
    `deinterlace` have to be applied by the stream.

    Args:
        spec: `ClipSpec`.
        crops: str. One of `clip_spec.TEST_CROPS`.

    Attributes:
        num_images: int. Number of stored images of all modalities.
    """

    def __init__(self, spec, crops):
        self._spec = spec
        self._crops = crops
        self._images = {modality: {} for modality in spec.modalities}
        self._grays = {}
        self._chosen = None

    @property
    def num_images(self):
        return len(self._grays) + sum(map(len, self._images.values()))

    def add(self, index, frame, modalities):
        """Adds a frame.

        Args:
            index: int. Number of the frame in the stream.
            frame: uint8 array `(height, width, 3)`, R G B.
            modalities: collection of str. The modalities for which the frame is
                needed: rgb and rgb_diff, or flow for which it is the first or
                the second frame.

        Raises:
            ValueError: if frames cannot be resized.
        """
        if self._chosen is None:
            self._choose(frame.shape[:2])
        wanted = self._spec.frame
        frame = frame_size.resize(frame, self._size, wanted.interpolation)
        for modality in modalities:
            if modality.startswith("rgb"):
                self._keep(modality, index, frame)
            elif index not in self._grays:
                self._grays[index] = extraction.gray(frame)

    def clip(self, indices):
        """Makes the snippets of a clip.

        Args:
            indices: dict of int arrays `(num_snippets, images of a snippet)` by
                modality: numbers of frames; for flow those of the first frame
                of each pair.

        Returns:
            dict of uint8 arrays `(num_crops * num_snippets, height, width,
            channels)` by modality: all snippets of the first crop, then those
            of the next.
        """
        clip = {}
        for modality, rows in indices.items():
            needed, places = np.unique(rows, return_inverse=True)
            needed = needed.tolist()
            images = self._images[modality]
            if not modality.startswith("rgb"):
                self._make_flow(modality, needed)
            crops = (
                np.stack([images[t][number] for t in needed])
                for number in range(len(self._chosen))
            )
            clip[modality] = reader.stack(
                crops, len(self._chosen), places.reshape(rows.shape)
            )
        return clip

    def drop_before(self, index):
        """Deletes the images of earlier frames."""
        for images in (self._grays, *self._images.values()):
            for old in [t for t in images if t < index]:
                del images[old]

    def _choose(self, size):
        self._size = frame_size.size_of(self._spec.frame, *size)
        self._chosen, self._shown = reader.crops_of_test(
            *self._size, self._spec, self._crops
        )

    def _keep(self, modality, index, image):
        self._images[modality][index] = [
            regions.apply(image[None], crop, self._shown, modality)[0]
            for crop in self._chosen
        ]

    def _make_flow(self, modality, needed):
        images, grays = self._images[modality], self._grays
        pairs = [(t, grays[t], grays[t + 1]) for t in needed if t not in images]
        for t, code in video_files.flow_codes(pairs, modality, self._spec.flow):
            self._keep(modality, t, code)
