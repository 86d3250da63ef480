"""Video files as a source of clips: frames and motion, made on the fly."""

import pathlib
import types

import numpy as np

from keras_vidrec.data.clips import frame_size
from keras_vidrec.data.sources.source import Source
from keras_vidrec.flow import codec
from keras_vidrec.flow import extraction
from keras_vidrec.specs import MODALITIES
from keras_vidrec.specs import FlowSpec
from keras_vidrec.videos import video
from keras_vidrec.videos.frame_counts import FrameCounts

_FLOWS = ("flow", "warped_flow")
_BLOCK = 32


class _Videos(Source):
    """What the sources of this file share: `_video(index)` gives the path and
    the number of frames of a video."""

    modalities = MODALITIES

    def __init__(self, catalog, flow):
        super().__init__(catalog)
        self.flow = FlowSpec() if flow is None else flow
        self._size = frame_size.FrameSize(self.flow.size)

    def num_frames(self, index, modality):
        """See `Source`."""
        return self._video(index)[1] - (modality in _FLOWS)

    def read(self, index, modality, indices):
        """See `Source`. Frames have their own size, flow that of the resized
        ones."""
        path, num_frames = self._video(index)
        if modality not in _FLOWS:
            return video.read_frames(path, indices, num_frames=num_frames)
        indices = np.asarray(indices, dtype=None if len(indices) else int)
        wrong = indices[(indices < 0) | (indices >= num_frames - 1)]
        if len(wrong):
            raise video.VideoError(
                path,
                f"it has {num_frames} frames, so {num_frames - 1} images of "
                f"{modality}. Received: indices {wrong[:8].tolist()}",
            )
        return self._read_flow(path, num_frames, modality, indices)

    def _read_flow(self, path, num_frames, modality, indices):
        starts, places = np.unique(indices, return_inverse=True)
        needed = np.union1d(starts, starts + 1)
        grays = {}
        # Few at a time: before they are resized they may be large.
        for block in np.split(needed, range(_BLOCK, len(needed), _BLOCK)):
            frames = video.read_frames(path, block, num_frames=num_frames)
            try:
                size = self._size.of(*frames.shape[1:3])
            except ValueError as error:
                raise video.VideoError(path, str(error)) from None
            for t, frame in zip(block.tolist(), frames):
                small = frame_size.resize(frame, size)
                grays[t] = extraction.gray(small)
        pairs = ((t, grays[t], grays[t + 1]) for t in starts.tolist())
        slots = {t: slot for slot, t in enumerate(starts.tolist())}
        codes = np.empty((len(starts), *size, 2), np.uint8)
        for t, code in flow_codes(pairs, modality, self.flow):
            codes[slots[t]] = code
        return codes[places]


def flow_codes(pairs, modality, flow):
    """Images of flow of many pairs of frames, given as to
    `flow.extraction.flows`, of differing keys. Yields `(key, code)` of each
    pair, in any order: uint8 `(height, width, 2)` of the 8-bit code."""
    make = (
        extraction.flows if modality == "flow" else extraction.flows_and_warped
    )
    for key, *_, made in make(pairs, flow.method):
        yield key, codec.encode(made, flow.bound)


class VideoFiles(_Videos):
    """The `Source` of the video files of a catalog.

    Frames are decoded when they are asked for, and flow is made of them then:
    nothing is prepared. Good for rgb and rgb_diff; flow is worth preparing
    once if it is read more than once.

    Args:
        catalog: a `Catalog`, which says where the videos lie and what they
            show.
        flow: `None`, or `FlowSpec`. How flow is made. Defaults to
            `FlowSpec()`. Its `size` says how frames are resized for it;
            those of rgb and rgb_diff are not.
    """

    def __init__(self, catalog, flow=None):
        super().__init__(catalog, flow)
        catalog.refuse_segments()
        self._root = catalog.root
        self._frame_counts = FrameCounts(
            catalog.root, lambda path: video.probe(path).num_frames
        )

    def save(self):
        """Keeps what was learnt of the files (frame counts) for next time."""
        self._frame_counts.save()

    def health(self, index):
        """What decoding a video shows, see `video.probe`."""
        return video.probe(self._root / self.videos[index])

    def _video(self, index):
        name = self.videos[index]
        return self._root / name, self._frame_counts[name]


class SingleVideo(_Videos):
    """The `Source` of one video file that belongs to no dataset; `flow` is as
    for `VideoFiles`. A video that cannot be read is a `VideoError`."""

    def __init__(self, path, flow=None):
        self._path = pathlib.Path(path)
        name = self._path.name
        alone = types.SimpleNamespace(
            videos=(name,), labels=(-1,), groups=(name,), classes=()
        )
        super().__init__(alone, flow)
        self._num_frames = video.probe(path).num_frames

    def _video(self, index):
        return self._path, self._num_frames
