"""What a network wants to see of a video."""

import dataclasses
import re
import typing

from keras_vidrec.specs import checks
from keras_vidrec.specs.fact import Fact

MODALITIES = ("rgb", "rgb_diff", "flow", "warped_flow")
ALIGNMENTS = ("forward", "centered")
SAMPLINGS = ("tsn_caffe", "tsn_pytorch", "uniform", "chunks", "feature_grid")
FLOW_METHODS = ("tvl1", "dis", "farneback")

# Crops that networks are tested on, and how many views of a clip each gives.
TEST_CROPS = {"center": 1, "ten": 10, "frame": 1, "frame_and_mirror": 2}

# Cropping scales of multi-scale training (TSN, section 3.2; the authors' code
# leaves out the smallest one for motion).
RGB_CROP_SCALES = (1.0, 0.875, 0.75, 0.66)
MOTION_CROP_SCALES = (1.0, 0.875, 0.75)

# "340x256" (width first), "short256", "auto"; see `data.clips.frame_size`.
FRAME_SIZE = re.compile(
    r"auto|short(?P<short>[1-9]\d*)|(?P<width>[1-9]\d*)x(?P<height>[1-9]\d*)"
)


_OWNER = " of a clip specification"


def _check(condition, name, expected, received):
    checks.check(condition, name, expected, received, _OWNER)


@dataclasses.dataclass(frozen=True)
class FlowSpec(Fact):
    """How the optical flow a network was trained on is made.

    Args:
        method: str. One of `"tvl1"`, `"dis"`, `"farneback"`. Defaults to
            `"tvl1"` (TSN, section 4.2).
        bound: float. Displacements in pixels are clipped to
            `[-bound, bound]` and mapped to 0..255, 128 being still. Defaults
            to `20.0`.
        size: str. How frames are resized before flow is made of them, which
            scales it: `"WIDTHxHEIGHT"`, `"shortN"` or `"auto"`; see
            `data.clips.frame_size.FrameSize`. Defaults to `"auto"`.
    """

    WHAT: typing.ClassVar[str] = "flow"

    method: str = "tvl1"
    bound: float = 20.0
    size: str = "auto"

    def __post_init__(self):
        checks.choice("method", self.method, FLOW_METHODS, _OWNER)
        _check(
            isinstance(self.bound, (int, float)) and self.bound > 0,
            "bound",
            "a positive number of pixels",
            self.bound,
        )
        object.__setattr__(self, "bound", float(self.bound))
        _check(
            isinstance(self.size, str) and FRAME_SIZE.fullmatch(self.size),
            "size",
            'the size of frames, "WIDTHxHEIGHT" such as "340x256", "shortN" '
            'such as "short256", or "auto"',
            self.size,
        )


@dataclasses.dataclass(frozen=True)
class ClipSpec(Fact):
    """What a network wants to see of a video: the contract between the pixels
    and the networks.

    Builders create it, recipes may change its training part (`num_segments`,
    `stride`, `sampling`, `crop_scales`, `size`), the input pipeline and the
    evaluation read nothing else. It is plain data: `to_dict()` and
    `from_dict()` carry it through JSON and YAML.

    Args:
        modalities: tuple of str, from `"rgb"`, `"rgb_diff"`, `"flow"`,
            `"warped_flow"`. Several give a dict of inputs by these names.
        num_segments: int. Snippets (or chunks, or frames of features) taken
            from a video in training.
        snippet_length: int. Motion images in a snippet, L in the papers:
            differences of neighboring frames for `"rgb_diff"`, flow images
            for the flows. `"rgb"` always reads the single frame at the index.
        alignment: str. `"forward"`: a snippet starts at its index (TSN);
            `"centered"`: it covers -L/2 .. L/2-1 around it (two-stream fusion,
            STFN).
        stride: `None`, or pair of int `(low, high)`. The range from which the
            distance of neighboring chunks is drawn in training, in frames;
            `sampling="chunks"` needs one (no paper's range serves another),
            the others have none.
        sampling: str. Where the segments lie; see `data.clips.sampling`, and
            `sampling.chunk_indices` for `"chunks"`.
        size: int. Height and width of the training crops in pixels.
        crop_scales: `None`, or tuple of float in (0, 1]. Sizes of the
            multi-scale crops relative to the shorter side of the frame.
            Defaults to `None`: those of TSN, `RGB_CROP_SCALES` for rgb alone
            and `MOTION_CROP_SCALES` otherwise.
        flow: `FlowSpec`. How flow is made.
        ordered: bool. Whether the network sees the segments of a clip
            together, in their order. Tests show it whole clips then, never
            single snippets. Defaults to `False`.

    Raises:
        ValueError: on any value outside these ranges.
    """

    WHAT: typing.ClassVar[str] = "a clip specification"

    modalities: tuple = ("rgb",)
    num_segments: int = 3
    snippet_length: int = 1
    alignment: str = "forward"
    stride: tuple | None = None
    sampling: str = "tsn_caffe"
    size: int = 224
    crop_scales: tuple | None = None
    flow: FlowSpec = FlowSpec()
    ordered: bool = False

    def __post_init__(self):
        for name in ("modalities", "crop_scales", "stride"):
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        if isinstance(self.flow, dict):
            object.__setattr__(self, "flow", FlowSpec.from_dict(self.flow))
        known = isinstance(self.modalities, tuple) and all(
            modality in MODALITIES for modality in self.modalities
        )
        _check(
            known
            and self.modalities
            and len(set(self.modalities)) == len(self.modalities),
            "modalities",
            f"a tuple of different names from {MODALITIES}",
            self.modalities,
        )
        if self.crop_scales is None:
            still = self.modalities == ("rgb",)
            scales = RGB_CROP_SCALES if still else MOTION_CROP_SCALES
            object.__setattr__(self, "crop_scales", scales)
        for name in ("num_segments", "snippet_length", "size"):
            checks.count(name, getattr(self, name), owner=_OWNER)
        _check(
            self.modalities != ("rgb",) or self.snippet_length == 1,
            "snippet_length",
            "1 for rgb alone, which reads one frame a snippet",
            self.snippet_length,
        )
        checks.choice("alignment", self.alignment, ALIGNMENTS, _OWNER)
        checks.choice("sampling", self.sampling, SAMPLINGS, _OWNER)
        if self.sampling == "chunks":
            _check(
                isinstance(self.stride, tuple)
                and len(self.stride) == 2
                and all(checks.is_integer(v) and v > 0 for v in self.stride)
                and self.stride[0] <= self.stride[1],
                "stride",
                'a pair of positive integers (low, high) for sampling="chunks"',
                self.stride,
            )
        else:
            _check(
                self.stride is None,
                "stride",
                'None unless sampling="chunks"',
                self.stride,
            )
        _check(
            isinstance(self.crop_scales, tuple)
            and self.crop_scales
            and all(
                isinstance(scale, (int, float)) and 0 < scale <= 1
                for scale in self.crop_scales
            ),
            "crop_scales",
            "a tuple of numbers in (0, 1]",
            self.crop_scales,
        )
        _check(isinstance(self.flow, FlowSpec), "flow", "a FlowSpec", self.flow)
        checks.flag("ordered", self.ordered, _OWNER)

    def num_images(self, modality):
        """How many stored images of `modality` one snippet reads: 1 for
        rgb, L + 1 for rgb_diff, L for the flows."""
        if modality == "rgb":
            return 1
        return self.snippet_length + (modality == "rgb_diff")

    def channels(self, modality):
        """Channels of one snippet as the network receives it: 3 for rgb,
        3 (L + 1) for rgb_diff, 2 L for the flows."""
        per_image = 3 if modality.startswith("rgb") else 2
        return per_image * self.num_images(modality)
