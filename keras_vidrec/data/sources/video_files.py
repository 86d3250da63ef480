"""The sources of video files, which decode frames and compute flow on the
fly."""

import collections.abc
import types
import typing

import numpy as np

from keras_vidrec.data import origins
from keras_vidrec.data.catalogs import segments
from keras_vidrec.data.catalogs.catalog import Catalog
from keras_vidrec.data.prepared import storage
from keras_vidrec.data.sources import frame_map
from keras_vidrec.data.sources.source import Source
from keras_vidrec.flow import codec
from keras_vidrec.flow import extraction
from keras_vidrec.specs import MODALITIES
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import FrameSpec
from keras_vidrec.specs.checks import counted
from keras_vidrec.videos import content
from keras_vidrec.videos import examination
from keras_vidrec.videos import video
from keras_vidrec.videos.errors import VideoError
from keras_vidrec.videos.health import Health
from keras_vidrec.videos.health_cache import HealthCache

_FLOWS = ("flow", "warped_flow")
# The number of videos whose indices of frames are cached, some kilobytes each,
# because reading a clip needs them several times.
_MAPS = 4096
# The number of frames that are decoded before they are resized; more if they
# have at most `_BLOCK_BYTES` together.
_BLOCK = 64
_BLOCK_BYTES = 2**28


class Decoded(Source):
    """The base class of sources that decode videos.

    A subclass defines `_part(index)`, which returns the file and the segment of
    a video, `_path(file)`, which returns the path of a file, and `_healths`, a
    `HealthCache` or an object with its methods.
    """

    kind: str | None = "videos"
    modalities = MODALITIES
    requests = 16
    _healths: typing.Any
    _part: typing.Callable[[int], tuple]

    def __init__(self, catalog: typing.Any, flow: FlowSpec | None) -> None:
        super().__init__(catalog)
        self.flow = FlowSpec() if flow is None else flow
        self._maps: dict = {}

    def seen_as(self, frame: FrameSpec | None) -> typing.Self:
        """See `Source`."""
        source = super().seen_as(frame)
        if source is not self:
            source._maps = {}
        return source

    @property
    def _deinterlace(self):
        return self.frame and self.frame.deinterlace

    def health(self, index: int) -> Health:
        """See `Source`."""
        return self._healths[self._part(index)[0]]

    def lost_share(self, index: int) -> float:
        """See `Source`. For a segment it is the share of its own frames."""
        file, segment = self._part(index)
        return frame_map.lost_share(self._healths, file, self.frame, segment)

    def content(self, index: int) -> str | None:
        """See `Source`; `None` if the file cannot be read."""
        file, segment = self._part(index)
        found = self._healths.content(file)
        return found and segments.name(found, segment)

    def made_from(self) -> typing.Any:
        """See `Source`."""
        return origins.decoded()

    def num_frames(self, index: int, modality: str) -> int:
        """See `Source`."""
        taken = self._frames_of(index)
        count = self.health(index).num_frames if taken is None else len(taken)
        return count - (modality in _FLOWS)

    def read(
        self,
        index: int,
        modality: str,
        indices: collections.abc.Sequence[int] | np.ndarray,
    ) -> np.ndarray:
        """See `Source`. Frames are resized first, and flow is computed from the
        resized ones."""
        indices = np.asarray(indices, dtype=None if len(indices) else int)
        if modality in _FLOWS:
            return self._read_flow(index, modality, indices)
        indices = self._numbers(index, indices)
        if self.frame is None or len(indices) <= _BLOCK:
            return self._resized(index, self._read_frames(index, indices))
        needed, places = np.unique(indices, return_inverse=True)
        blocks = [frames for _, frames in self._blocks(index, needed)]
        return np.concatenate(blocks)[places]

    def _frames_of(self, index):
        """The indices of a video's frames in its file, as
        `frame_map.frames_taken` returns them."""
        file, segment = self._part(index)
        if segment is None and (self.frame is None or self.frame.fps is None):
            return None
        taken = self._maps.get(index)
        if taken is None:
            try:
                taken = frame_map.frames_taken(
                    self._healths, file, self.frame, segment
                )
            except ValueError as error:
                raise VideoError(self._name(index), str(error)) from None
            if len(self._maps) >= _MAPS:
                self._maps.clear()
            self._maps[index] = taken
        return taken

    def _numbers(self, index, indices):
        """Converts indices of frames of a video to those in its file."""
        taken = self._frames_of(index)
        if taken is None:
            return indices
        self._check_indices(index, indices, len(taken), "frames")
        return taken[indices]

    def _read_frames(self, index, indices):
        """Decodes frames, given their indices in the file."""
        with storage.opened(self._path(self._part(index)[0])) as file:
            return video.read_frames(
                file,
                indices,
                num_frames=self.health(index).num_frames,
                deinterlace=self._deinterlace,
            )

    def _blocks(self, index, needed):
        """Yields indices of frames in the file, and these frames, resized. They
        are read in blocks, because they may be large before resizing."""
        start, length = 0, _BLOCK
        while start < len(needed):
            block = needed[start : start + length]
            frames = self._read_frames(index, block)
            start += length
            length = max(_BLOCK, _BLOCK_BYTES // frames[0].nbytes)
            yield block, self._resized(index, frames)

    def _read_flow(self, index, modality, indices):
        count = self.num_frames(index, modality)
        wrong = indices[(indices < 0) | (indices >= count)]
        if len(wrong):
            raise VideoError(
                self._name(index),
                f"it has {counted(count + 1, 'frame')}, so {count} images of "
                f"{modality}. "
                f"Received: indices {wrong[:8].tolist()}",
            )
        # Without a frame the size is not known, so `_read_frames` finds it.
        if not len(indices):
            return self._resized(index, self._read_frames(index, []))[..., :2]
        starts, places = np.unique(indices, return_inverse=True)
        # The frames of each pair, as indices in the file.
        firsts = self._numbers(index, starts)
        seconds = self._numbers(index, starts + 1)
        grays = {}
        for block, frames in self._blocks(index, np.union1d(firsts, seconds)):
            for t, frame in zip(block.tolist(), frames):
                grays[t] = extraction.gray(frame)
        neighbors = enumerate(zip(firsts.tolist(), seconds.tolist()))
        pairs = ((slot, grays[s], grays[t]) for slot, (s, t) in neighbors)
        size = grays[int(firsts[0])].shape
        codes = np.empty((len(starts), *size, 2), np.uint8)
        for slot, code in flow_codes(pairs, modality, self.flow):
            codes[slot] = code
        return codes[places]


def flow_codes(pairs, modality, flow):
    """Computes images of flow.

    Args:
        pairs: iterable of `(key, first, second)`, as for
            `flow.extraction.flows`, with different keys.
        modality: str. `"flow"` or `"warped_flow"`.
        flow: `FlowSpec`.

    Yields:
        `(key, code)` for each pair, in any order: uint8 `(height, width, 2)` of
        x and y in the 8-bit code.
    """
    make = (
        extraction.flows if modality == "flow" else extraction.flows_and_warped
    )
    for key, *_, made in make(pairs, flow.method):
        yield key, codec.encode(made, flow.bound)


class VideoFiles(Decoded):
    """The `Source` of the video files of a catalog, or of segments of them.

    Frames are decoded, and flow is computed, when they are read. This is
    suitable for rgb and rgb_diff. Flow that is read more than once should be
    prepared.

    Args:
        catalog: `Catalog` of video files.
        flow: `None` (`FlowSpec()`), or `FlowSpec`: how flow is computed.
            Defaults to `None`.
    """

    def __init__(self, catalog: Catalog, flow: FlowSpec | None = None) -> None:
        super().__init__(catalog, flow)
        self._root = catalog.root
        self._segments = catalog.segments
        self.is_remote = any(
            storage.is_remote(self._path(name)) for name in self.files
        )
        self._healths = HealthCache(catalog.root, find=self._path)

    def seen_as(self, frame: FrameSpec | None) -> typing.Self:
        """See `Source`."""
        source = super().seen_as(frame)
        # Deinterlaced videos may have other numbers of frames.
        source._healths = self._healths.deinterlaced(source._deinterlace)
        return source

    def save(self) -> None:
        """See `Source`."""
        self._healths.save()

    def _part(self, index):
        return self.files[index], self._segments[index]

    def _path(self, name):
        return storage.below(self._root, name)


class SingleVideo(Decoded):
    """The `Source` of one video file that is not in a dataset.

    Args:
        path: path or URL of the file (see `storage.as_path`).
        flow: as for `VideoFiles`. Defaults to `None`.

    Raises:
        VideoError: if the video cannot be read.
        OSError: if it cannot be read from an object store.
    """

    def __init__(self, path, flow=None):
        self._place = storage.as_path(path)
        name = self._place.name
        alone = types.SimpleNamespace(
            videos=(name,), labels=(-1,), groups=(name,), classes=()
        )
        super().__init__(alone, flow)
        self._healths = _Examined(self._place, None)

    def seen_as(self, frame):
        """See `Source`."""
        source = super().seen_as(frame)
        if source._deinterlace != self._deinterlace:
            source._healths = _Examined(self._place, source._deinterlace)
        return source

    def _part(self, index):
        return self.videos[index], None

    def _path(self, _name):
        return self._place


class _Examined:
    """The `Health` of one video, with the methods of a `HealthCache`. The video
    is examined once."""

    def __init__(self, path, deinterlace):
        with storage.opened(path) as file:
            found = examination.examine(file, deinterlace)
        self._health, self._times = found
        self._path = path

    def content(self, _name):
        try:
            return content.fingerprint(self._path)
        except OSError:
            return None

    def __getitem__(self, _name):
        return self._health

    def times(self, _name):
        return self._times.seconds
