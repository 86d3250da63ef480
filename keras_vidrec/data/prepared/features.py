"""Features in records, and the settings of a dataset of features."""

import dataclasses
import types

import numpy as np

from keras_vidrec.data.prepared import records
from keras_vidrec.specs import checks

# float16 takes half the bytes of float32. The rounding error is at most 2^-11
# (0.05 %) of values above 6e-5, and at most 3e-8 for smaller ones.
DTYPE = np.dtype("<f2")


class FeatureVersions:
    """The features of one video and stream, ready to be written to a record.

    Each version is an element of the list `images` of the record. `height` of
    the record is the number of frames, `width` the number of features.

    Args:
        versions: sequence of arrays `(frames, features)` of one shape: the
            features of the central crop, then those of random crops, if any.

    Attributes:
        num_bytes: int. Size of all elements, including their framing.

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
        """Yields all bytes, one element at a time."""
        yield from self._elements


# The scheme of sampling of the frames of features, and the alignment of flow
# around them: TS-LSTM's programs use f - 4 .. f + 5; STFN, section 4.2, is
# centered.
ALIGNMENTS = types.MappingProxyType(
    {"feature_grid": "centered_late", "uniform": "centered"}
)
GRIDS = tuple(ALIGNMENTS)


@dataclasses.dataclass(frozen=True)
class FeatureSettings:
    """The settings of a dataset of features, stored in its `dataset.json`.

    Args:
        features: dict from stream, `"rgb"` or `"flow"`, to the number of
            features of a frame.
        networks: dict from stream to a description of the network that computes
            its features.
        crops: dict from stream to the side of the central crop in pixels.
        grid: str. The sampling of frames, a scheme of `data.clips.sampling`:
            `"feature_grid"` or `"uniform"`. It also determines the alignment of
            flow around them, `alignment`. Defaults to `"feature_grid"`.
        num_frames: int. Frames of each video. Defaults to `25`.
        max_frames: `None` (all), or int: only this number of frames from the
            start of a video is used. Defaults to `None`.
        flow: `None`, or dict of the `FlowSpec` of the flow. Defaults to
            `None`.
        draws: int. Number of versions with random crops of each training video,
            in addition to that of the central crop. Defaults to `0`.
        seed: int. Seed of the random crops. Defaults to `0`.
        frames: `None` (not known), or dict from stream to the dict of the
            `FrameSpec` of its frames. Defaults to `None`.
        images: `None` (not stored, or unknown), or dict: how the stored images
            were made from which features are computed, as `Source.how_made`
            returns it. Defaults to `None`.
        made_from: dict. The paths of the data from which features are computed,
            which may be others when the command is resumed: `networks`, paths
            by stream, and `data`, arguments of `opening.open_dataset`. Both may
            be missing. Defaults to `{}`.

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
                set(given) == streams, name, "one per stream", given, owner
            )
        checks.choice("grid", self.grid, GRIDS, owner)
        object.__setattr__(self, "alignment", ALIGNMENTS[self.grid])
        checks.count("num_frames", self.num_frames, 1, owner)
        if self.max_frames is not None:  # flow needs two frames
            checks.count("max_frames", self.max_frames, 2, owner)
        checks.count("draws", self.draws, 0, owner)
        checks.count("seed", self.seed, 0, owner)

    def to_dict(self):
        """Returns the settings as a dict of data for JSON."""
        return dataclasses.asdict(self)

    @property
    def modalities(self):
        """The streams that have features: tuple of str."""
        return tuple(self.features)
