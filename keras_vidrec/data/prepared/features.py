"""The bytes of features in a record: float16, one array a version."""

import dataclasses
import types

import numpy as np

from keras_vidrec.data.prepared import records
from keras_vidrec.specs import checks

# Half the bytes of float32. Rounding is relative, at most 2^-11 (0.05 %) from
# 6e-5 on, and at most 3e-8 below.
DTYPE = np.dtype("<f2")


class FeatureVersions:
    """The features of one video and stream, ready to be written.

    They stand where the images of a video stand: as the elements of the list
    `images` of a record, whose `height` is the number of frames and whose
    `width` the number of features.

    Args:
        versions: sequence of arrays `(frames, features)` of one shape: the
            features of the central crop, then those of its draws, if any.

    Attributes:
        num_bytes: int. Of all elements, framing included.

    Raises:
        ValueError: if a value is not finite in float16.
    """

    def __init__(self, versions):
        self._elements = []
        for version in versions:
            with np.errstate(over="ignore"):
                stored = np.asarray(version).astype(DTYPE)
            if not np.isfinite(stored).all():
                raise ValueError(
                    "Expected finite features of at most 65504, as float16 "
                    f"holds them. Received: {np.min(version)} to "
                    f"{np.max(version)}"
                )
            self._elements.append(records.frame_image(stored.tobytes()))
        self.num_bytes = sum(map(len, self._elements))

    def chunks(self, _max_bytes):
        """Yields all bytes."""
        yield from self._elements


# Where the frames of features lie, and how flow is around them: as the programs
# of TS-LSTM have it (f - 4 .. f + 5), and as STFN, section 4.2.
ALIGNMENTS = types.MappingProxyType(
    {"feature_grid": "centered_late", "uniform": "centered"}
)
GRIDS = tuple(ALIGNMENTS)


@dataclasses.dataclass(frozen=True)
class FeatureSettings:
    """What is written down of a dataset of features.

    Args:
        features: dict from stream, `"rgb"` or `"flow"`, to the number of
            features of a frame.
        networks: dict from stream to the network they come from, in words.
        crops: dict from stream to the side of the central crop in pixels.
        grid: str. Where the frames lie, a scheme of `data.clips.sampling`:
            `"feature_grid"` or `"uniform"`. Defaults to `"feature_grid"`. It
            says how flow is around them, too: `alignment`.
        num_frames: int. Frames of each video. Defaults to `25`.
        max_frames: `None`, or int. Only so many frames from the start of a
            video are looked at. Defaults to `None`: all.
        flow: `None`, or dict of the `FlowSpec` of the flow. Defaults to
            `None`.
        draws: int. Versions of random crops of each training video, beside
            that of the central crop. Defaults to `0`.
        seed: int. Of the draws. Defaults to `0`.
        frames: `None` (not known), or dict from stream to the dict of the
            `FrameSpec` of its frames. Defaults to `None`.
        images: `None` (computed when read, or unknown), or dict: how the images
            that they are made of were stored, as of `Source.how_made`.
        made_from: dict. Where what the features are made of lies: `networks`,
            paths by stream, and `data`, arguments of `opening.open_images`.
            Both may be missing. It may be another place when the features are
            resumed. Defaults to nothing.

    Raises:
        ValueError: on any other value.
    """

    features: dict
    networks: dict
    crops: dict
    grid: str = "feature_grid"
    num_frames: int = 25
    max_frames: int | None = None
    flow: dict | None = None
    draws: int = 0
    seed: int = 0
    frames: dict | None = None
    images: dict | None = None
    made_from: dict = dataclasses.field(default_factory=dict)
    alignment: str = dataclasses.field(init=False)

    def __post_init__(self):
        streams = set(self.features)
        owner = " of features"
        checks.check(
            streams and streams <= {"rgb", "flow"},
            "features",
            "numbers by stream, of rgb and flow",
            self.features,
            owner,
        )
        for name in ("networks", "crops", "frames"):
            given = getattr(self, name)
            if given is None and name == "frames":
                continue
            checks.check(
                set(given) == streams, name, "one a stream", given, owner
            )
        checks.choice("grid", self.grid, GRIDS, owner)
        object.__setattr__(self, "alignment", ALIGNMENTS[self.grid])
        checks.count("num_frames", self.num_frames, 1, owner)
        if self.max_frames is not None:  # one frame shows no motion
            checks.count("max_frames", self.max_frames, 2, owner)
        checks.count("draws", self.draws, 0, owner)
        checks.count("seed", self.seed, 0, owner)

    def to_dict(self):
        """Plain data, for `dataset.json`."""
        return dataclasses.asdict(self)

    @property
    def modalities(self):
        """Tuple of the streams."""
        return tuple(self.features)
