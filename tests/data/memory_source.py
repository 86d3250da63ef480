"""A source of frames in memory, whose pixels tell what was read."""

import numpy as np

from keras_vidrec.data.sources.source import Source
from keras_vidrec.videos.video import VideoError


class MemorySource:
    """Video i, frame t: all pixels of rgb are (i, t, column), of flow (t,
    column). Broken videos raise like unreadable files. `reads` lists
    (modality, frames asked for)."""

    kind = None
    modalities = ("rgb", "rgb_diff", "flow", "warped_flow")
    flow = None

    def __init__(
        self,
        num_videos=8,
        num_frames=20,
        broken=(),
        size=(32, 40),
        flow_size=None,
    ):
        self.videos = tuple(f"video{i}" for i in range(num_videos))
        self.labels = tuple(i % 2 for i in range(num_videos))
        self.groups = self.files = self.videos
        self.classes = ("even", "odd")
        self._num_frames = num_frames
        self._broken = set(broken)
        self._size = size
        self._flow_size = flow_size or size
        self.reads = []

    content = Source.content
    contents = Source.contents
    origin = Source.origin
    how_made = Source.how_made
    made_from = Source.made_from

    def health(self, _index):
        return None

    def lost_share(self, _index):
        return 0.0

    def seen_as(self, _frame):
        return self

    def num_frames(self, index, modality):
        if index in self._broken:
            raise VideoError(self.videos[index], "it is broken")
        return self._num_frames - ("flow" in modality)

    def read(self, index, modality, indices):
        self.reads.append((modality, list(indices)))
        is_flow = "flow" in modality
        height, width = self._flow_size if is_flow else self._size
        channels = 2 if is_flow else 3
        frames = np.zeros((len(indices), height, width, channels), np.uint8)
        frames[..., -1] = np.arange(width)
        for frame, t in zip(frames, indices):
            assert 0 <= t < self.num_frames(index, modality)
            frame[..., -2] = t
            if channels == 3:
                frame[..., 0] = index
        return frames
