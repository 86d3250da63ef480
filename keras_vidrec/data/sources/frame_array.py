"""The source of a video whose frames are in memory."""

import dataclasses
import types

import numpy as np

from keras_vidrec.data.sources.video_files import Decoded
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import checks
from keras_vidrec.videos.health import Health


@dataclasses.dataclass(frozen=True)
class Frames:
    """The frames of a video, in memory.

    Args:
        images: uint8 array `(frames, height, width, 3)`, R G B.
        fps: `None` (unknown), or float. Frames per second, required by networks
            that sample frames at a certain rate. Defaults to `None`.
        name: str. The name of the video. Defaults to `"frames"`.

    Raises:
        ValueError: on other values, such as float pixels from 0 to 1.
    """

    images: np.ndarray
    fps: float | None = None
    name: str = "frames"

    def __post_init__(self):
        images = np.asarray(self.images)
        checks.check(
            images.ndim == 4
            and images.shape[-1] == 3
            and images.dtype == np.uint8
            and images.size,
            "images",
            "a uint8 array (frames, height, width, 3) of R G B from 0 to 255",
            f"{images.dtype} {images.shape}",
        )
        if self.fps is not None:
            checks.positive("fps", self.fps)
        object.__setattr__(self, "images", images)


class FrameArray(Decoded):
    """The `Source` of one video whose frames are in memory.

    Args:
        frames: `Frames`.
        flow: `None` (`FlowSpec()`), or `FlowSpec`: how flow is computed.
            Defaults to `None`.
    """

    kind: str | None = None

    def __init__(self, frames: Frames, flow: FlowSpec | None = None):
        alone = types.SimpleNamespace(
            videos=(frames.name,),
            labels=(-1,),
            groups=(frames.name,),
            classes=(),
        )
        super().__init__(alone, flow)
        self._frames = frames
        self._healths = _Known(frames)

    def seen_as(self, frame):
        """See `Source`."""
        if frame and frame.fps is not None and self._frames.fps is None:
            raise ValueError(
                "Expected the `fps` of the frames, because the network samples "
                f"{frame.fps:g} frames per second. Received: fps=None"
            )
        return super().seen_as(frame)

    def _part(self, index):
        return self.videos[index], None

    def _read_frames(self, index, indices):
        indices = np.asarray(indices, int)
        count = len(self._frames.images)
        self._check_indices(index, indices, count, "frames")
        return self._frames.images[indices]

    def made_from(self):
        """Returns an empty dict, because this process did not decode the
        frames."""
        return {}


class _Known:
    """The `Health` of frames in memory, with the methods of a `HealthCache`."""

    def __init__(self, frames):
        self._frames = frames

    def content(self, _name):
        return None

    def __getitem__(self, _name):
        count, height, width, _ = self._frames.images.shape
        return Health(
            num_frames=count,
            frames_stated=None,
            damaged=0,
            lost_at_end=0,
            codec="none",
            height=height,
            width=width,
            frame_rate=self._frames.fps,
            variable_rate=False,
            interlaced=False,
            hdr=None,
            rotation=0,
            decoder="none",
        )

    def times(self, _name):
        return np.arange(len(self._frames.images)) / self._frames.fps
