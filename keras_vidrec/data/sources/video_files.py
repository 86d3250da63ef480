"""Video files as a source of clips: frames and motion, made on the fly."""

import types

import numpy as np

from keras_vidrec.data.prepared import storage
from keras_vidrec.data.sources.source import Source
from keras_vidrec.flow import codec
from keras_vidrec.flow import extraction
from keras_vidrec.specs import MODALITIES
from keras_vidrec.specs import FlowSpec
from keras_vidrec.videos import video
from keras_vidrec.videos.health_cache import HealthCache

_FLOWS = ("flow", "warped_flow")
# Frames read at once before any of them is resized, and bytes of more.
_BLOCK = 64
_BLOCK_BYTES = 2**28


class _Videos(Source):
    """What the sources of this file share: `_video(index)` gives the path and
    the number of frames of a video."""

    modalities = MODALITIES

    def __init__(self, catalog, flow):
        super().__init__(catalog)
        self.flow = FlowSpec() if flow is None else flow

    @property
    def _deinterlace(self):
        return self.frame and self.frame.deinterlace

    def num_frames(self, index, modality):
        """See `Source`."""
        return self._video(index)[1] - (modality in _FLOWS)

    def read(self, index, modality, indices):
        """See `Source`. Frames are resized first, and flow is made of the
        resized ones."""
        path, num_frames = self._video(index)
        indices = np.asarray(indices, dtype=None if len(indices) else int)
        if modality in _FLOWS:
            wrong = indices[(indices < 0) | (indices >= num_frames - 1)]
            if len(wrong):
                raise video.VideoError(
                    path,
                    f"it has {num_frames} frames, so {num_frames - 1} images "
                    f"of {modality}. Received: indices {wrong[:8].tolist()}",
                )
            return self._read_flow(index, modality, indices)
        if self.frame is None or len(indices) <= _BLOCK:
            return self._resized(index, self._read_frames(index, indices))
        needed, places = np.unique(indices, return_inverse=True)
        blocks = [frames for _, frames in self._blocks(index, needed)]
        return np.concatenate(blocks)[places]

    def _read_frames(self, index, indices):
        path, num_frames = self._video(index)
        with storage.opened(path) as file:
            return video.read_frames(
                file,
                indices,
                num_frames=num_frames,
                deinterlace=self._deinterlace,
            )

    def _blocks(self, index, needed):
        """Yields numbers of frames, and these frames, resized: a few at a time,
        because before that they may be large."""
        start, length = 0, _BLOCK
        while start < len(needed):
            block = needed[start : start + length]
            frames = self._read_frames(index, block)
            start += length
            length = max(_BLOCK, _BLOCK_BYTES // frames[0].nbytes)
            yield block, self._resized(index, frames)

    def _read_flow(self, index, modality, indices):
        starts, places = np.unique(indices, return_inverse=True)
        needed = np.union1d(starts, starts + 1)
        grays = {}
        for block, frames in self._blocks(index, needed):
            for t, frame in zip(block.tolist(), frames):
                grays[t] = extraction.gray(frame)
        if not grays:  # of which size would it be?
            return self._resized(index, self._read_frames(index, []))[..., :2]
        size = next(iter(grays.values())).shape
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
            `FlowSpec()`.
    """

    def __init__(self, catalog, flow=None):
        super().__init__(catalog, flow)
        catalog.refuse_segments()
        self._root = catalog.root
        self.is_remote = any(
            storage.is_remote(self._path(name)) for name in self.videos
        )
        self._healths = HealthCache(catalog.root, find=self._path)

    def seen_as(self, frame):
        """See `Source`."""
        source = super().seen_as(frame)
        if source._deinterlace != self._deinterlace:
            # Deinterlaced videos may have other numbers of frames.
            source._healths = HealthCache(
                self._root, source._deinterlace, source._path
            )
        return source

    def save(self):
        """Keeps what was learnt of the files for next time."""
        self._healths.save()

    def health(self, index):
        """`videos.Health` of a video; a `VideoError` if it cannot be read."""
        return self._healths[self.videos[index]]

    def _video(self, index):
        name = self.videos[index]
        return self._path(name), self._healths[name].num_frames

    def _path(self, name):
        return storage.below(self._root, name)


class SingleVideo(_Videos):
    """The `Source` of one video file that belongs to no dataset, a path or an
    address (see `storage.as_path`); `flow` is as for `VideoFiles`. A video
    that cannot be read is a `VideoError`, or an `OSError` if it lies
    elsewhere."""

    def __init__(self, path, flow=None):
        self._path = storage.as_path(path)
        name = self._path.name
        alone = types.SimpleNamespace(
            videos=(name,), labels=(-1,), groups=(name,), classes=()
        )
        super().__init__(alone, flow)
        self._num_frames = _count(self._path)

    def seen_as(self, frame):
        """See `Source`."""
        source = super().seen_as(frame)
        if source._deinterlace != self._deinterlace:
            source._num_frames = _count(self._path, source._deinterlace)
        return source

    def _video(self, index):
        return self._path, self._num_frames


def _count(path, deinterlace=None):
    with storage.opened(path) as file:
        return video.probe(file, deinterlace).num_frames
