"""How the features of a dataset are made."""

import dataclasses

GRIDS = ("feature_grid", "uniform")


@dataclasses.dataclass(frozen=True)
class FeatureSettings:
    """What is written down of a dataset of features.

    Args:
        features: dict from stream, `"rgb"` or `"flow"`, to the number of
            features of a frame.
        networks: dict from stream to the network they come from, in words.
        crops: dict from stream to the side of the central crop in pixels.
        grid: str. Where the frames lie, a scheme of `data.clips.sampling`:
            `"feature_grid"` or `"uniform"`. Defaults to `"feature_grid"`.
        num_frames: int. Frames of each video. Defaults to `25`.
        max_frames: `None`, or int. Only so many frames from the start of a
            video are looked at. Defaults to `None`: all.
        flow: `None`, or dict of the `FlowSpec` of the flow. Defaults to
            `None`.
        draws: int. Versions of random crops of each training video, beside
            that of the central crop. Defaults to `0`.
        seed: int. Of the draws. Defaults to `0`.

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

    def __post_init__(self):
        streams = set(self.features)
        for name, valid, expected in (
            (
                "features",
                streams and streams <= {"rgb", "flow"},
                "numbers by stream, of rgb and flow",
            ),
            ("networks", set(self.networks) == streams, "one a stream"),
            ("crops", set(self.crops) == streams, "one a stream"),
            ("grid", self.grid in GRIDS, f"one of {GRIDS}"),
            ("num_frames", _is_int(self.num_frames, 1), "a positive integer"),
            (
                "max_frames",
                self.max_frames is None or _is_int(self.max_frames, 2),
                "None or at least 2: one frame shows no motion",
            ),
            ("draws", _is_int(self.draws, 0), "an integer of at least 0"),
            ("seed", _is_int(self.seed, 0), "an integer of at least 0"),
        ):
            if not valid:
                raise ValueError(
                    f"Invalid `{name}` of features. Expected {expected}. "
                    f"Received: {name}={getattr(self, name)!r}"
                )

    @property
    def modalities(self):
        """Tuple of the streams."""
        return tuple(self.features)


def _is_int(value, least):
    return (
        isinstance(value, int)
        and not isinstance(value, bool)
        and value >= least
    )
