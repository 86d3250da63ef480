"""How a video is shown to a network in a test."""

import dataclasses
import typing

from keras_vidrec.specs import checks
from keras_vidrec.specs.clip_spec import SAMPLINGS
from keras_vidrec.specs.clip_spec import TEST_CROPS
from keras_vidrec.specs.fact import Fact

AVERAGED = ("logits", "probabilities")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TestProtocol(Fact):
    """How a video is shown to a network in a test, and what is averaged.

    Args:
        num_clips: int. Clips of a video, evenly spread. Defaults to `1`.
        num_segments: int. Segments of a clip. Defaults to `25` (TSN, section
            4.1).
        sampling: `None` (as trained), or str: one of `clip_spec.SAMPLINGS`.
            Defaults to `None`.
        stride: `None` (the middle of the range trained with), or int: the
            distance of segments in frames, of `sampling="chunks"` only.
            Defaults to `None`.
        crops: str. A key of `clip_spec.TEST_CROPS`. Defaults to `"ten"` (TSN,
            section 4.1).
        averaged: str. What of the views of a video is averaged: `"logits"`
            or `"probabilities"`. Defaults to `"logits"`.
        pooling_window: `None` (the whole map at once), or int: side of the
            window of the spatial average that slides over larger maps.
            Defaults to `None`.

    Raises:
        ValueError: on any value outside these ranges.
    """

    WHAT: typing.ClassVar[str] = "a test protocol"
    # pytest would take the name for a test class.
    __test__: typing.ClassVar[bool] = False

    num_clips: int = 1
    num_segments: int = 25
    sampling: str | None = None
    stride: int | None = None
    crops: str = "ten"
    averaged: str = "logits"
    pooling_window: int | None = None

    def __post_init__(self):
        owner = f" of {self.WHAT}"
        checks.count("num_clips", self.num_clips, owner=owner)
        checks.count("num_segments", self.num_segments, owner=owner)
        if self.sampling is not None:
            checks.choice("sampling", self.sampling, SAMPLINGS, owner)
        if self.stride is not None:
            checks.count("stride", self.stride, owner=owner)
        checks.choice("crops", self.crops, tuple(TEST_CROPS), owner)
        checks.choice("averaged", self.averaged, AVERAGED, owner)
        if self.pooling_window is not None:
            checks.count("pooling_window", self.pooling_window, owner=owner)
