import dataclasses
import typing

from keras_vidrec.specs.clip_spec import SAMPLINGS
from keras_vidrec.specs.clip_spec import TEST_CROPS
from keras_vidrec.training.recipes.sections.checks import check_choice
from keras_vidrec.training.recipes.sections.checks import check_number


@dataclasses.dataclass(frozen=True)
class Test:
    """How the network is tested.

    Args:
        num_segments: int. Snippets a video, or chunks a clip. Defaults to
            `25` (TSN section 4.1).
        sampling: `None` (as trained), or str: a grid of `data.clips.sampling`.
        crops: str. `"center"`, `"ten"` (corners, center, and mirrors),
            `"frame"` (the whole frame) or `"frame_and_mirror"`. Whole frames
            take a network that was built for any size.
        num_clips: int. Clips of a video, evenly spread; more than one of
            chunks or of uniform segments (STFN) only. Defaults to `1`.
        stride: `None` (the middle of the range trained with), or int: distance
            of the chunks in frames, at most; of chunks only.
    """

    # pytest would take the name for a test class.
    __test__: typing.ClassVar[bool] = False

    num_segments: int = 25
    sampling: str | None = None
    crops: str = "ten"
    num_clips: int = 1
    stride: int | None = None

    def __post_init__(self):
        check_number(self, "num_segments", 1, kind=int)
        check_number(self, "num_clips", 1, kind=int)
        if self.stride is not None:
            check_number(self, "stride", 1, kind=int)
        if self.sampling is not None:
            check_choice(self, "sampling", SAMPLINGS)
        check_choice(self, "crops", tuple(TEST_CROPS))
