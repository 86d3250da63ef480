"""The input clip of a network."""

import collections.abc
import dataclasses
import typing

from keras_vidrec.specs import checks
from keras_vidrec.specs.fact import Fact
from keras_vidrec.specs.frame_spec import FrameSpec

if typing.TYPE_CHECKING:
    from keras_vidrec.specs.test_protocol import TestProtocol

MODALITIES = ("rgb", "rgb_diff", "flow", "warped_flow")
# How many of the L images of a snippet lie before its index.
_IMAGES_BEFORE = {
    "forward": lambda length: 0,
    "centered": lambda length: length // 2,
    "centered_late": lambda length: (length - 1) // 2,
    "backward": lambda length: length - 1,
}
ALIGNMENTS = tuple(_IMAGES_BEFORE)
SAMPLINGS = (
    "tsn_caffe",
    "tsn_pytorch",
    "uniform",
    "chunks",
    "feature_grid",
    "spread",
)
FLOW_METHODS = ("tvl1", "dis", "farneback", "brox")

# Crops that networks are tested on, and how many views of a clip each gives.
TEST_CROPS = {"center": 1, "ten": 10, "frame": 1, "frame_and_mirror": 2}

_OWNER = " of a clip specification"


def images_before(alignment: str, snippet_length: int) -> int:
    """Returns how many of the `snippet_length` motion images of a snippet lie
    before its index. `alignment` is one of `ALIGNMENTS`."""
    return _IMAGES_BEFORE[alignment](snippet_length)


def _check(condition, name, expected, received):
    checks.check(condition, name, expected, received, _OWNER)


@dataclasses.dataclass(frozen=True)
class FlowSpec(Fact):
    """The optical flow that a network was trained with.

    Args:
        method: str. One of `"tvl1"`, `"dis"`, `"farneback"`, `"brox"`.
            Defaults to `"tvl1"` (TSN, section 4.2).
        bound: float. Displacements in pixels of the resized frames (see
            `FrameSpec`) are clipped to `[-bound, bound]` and mapped to 0..255,
            where 128 is no motion. Defaults to `20.0`.
    """

    WHAT: typing.ClassVar[str] = "flow"

    method: str = "tvl1"
    bound: float = 20.0

    def __post_init__(self):
        checks.choice("method", self.method, FLOW_METHODS, _OWNER)
        _check(
            isinstance(self.bound, (int, float)) and self.bound > 0,
            "bound",
            "a positive number of pixels",
            self.bound,
        )
        object.__setattr__(self, "bound", float(self.bound))


@dataclasses.dataclass(frozen=True)
class ClipSpec(Fact):
    """The input clip of a network.

    Builders create it, and recipes may change its training part
    (`num_segments`, `stride`, `sampling`, `frame`, `size`). The input pipeline
    and the evaluation read clips as it says. `to_dict()` and `from_dict()`
    convert it for JSON and YAML.

    Args:
        modalities: tuple of str, from `"rgb"`, `"rgb_diff"`, `"flow"`,
            `"warped_flow"`. Several give a dict of inputs by these names.
            Defaults to `("rgb",)`.
        num_segments: int. Snippets (or chunks, or frames of features) taken
            from a video in training. Defaults to `3`.
        snippet_length: int. Motion images in a snippet, L in the papers:
            differences of neighboring frames for `"rgb_diff"`, flow images
            for the flows. `"rgb"` always reads the single frame at the index.
            Defaults to `1`.
        alignment: str. Positions of the L images of a snippet, counted from its
            index: `"forward"`, 0 .. L-1 (TSN); `"centered"`, -L/2 .. L/2-1
            (two-stream fusion, the multiplier, STFN); `"centered_late"`, -L/2+1
            .. L/2 (TS-LSTM's features; the same as `"centered"` if L is odd);
            `"backward"`, -L+1 .. 0 (TS-LSTM's own streams). `"rgb"` always is
            the frame at the index. Defaults to `"forward"`.
        stride: `None`, or pair of int `(low, high)`. The range of the random
            distance between neighboring chunks in training, in frames; required
            for `sampling="chunks"` (every paper has its own range), otherwise
            `None`. Defaults to `None`.
        sampling: str. Positions of the segments; see `data.clips.sampling`,
            `sampling.chunk_indices` for `"chunks"` and
            `sampling.spread_indices` for `"spread"`. Defaults to `"tsn_caffe"`.
        frame: `FrameSpec`. How frames are sampled and resized first, for rgb
            and flow. Defaults to `FrameSpec()`, a shorter side of 256 pixels.
        size: int. Height and width in pixels that crops are resized to.
            Defaults to `224`.
        flow: `FlowSpec`. How flow is made. Defaults to `FlowSpec()`.
        ordered: bool. Whether the network processes the segments of a clip
            together, in order. Tests then use whole clips, never single
            snippets. Defaults to `False`.

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
    frame: FrameSpec = FrameSpec()
    size: int = 224
    flow: FlowSpec = FlowSpec()
    ordered: bool = False

    def __post_init__(self):
        for name in ("modalities", "stride"):
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        if isinstance(self.flow, dict):
            with checks.inside("flow."):
                flow = FlowSpec.from_dict(self.flow)
            object.__setattr__(self, "flow", flow)
        with checks.inside("frame."):
            if isinstance(self.frame, dict):
                frame = FrameSpec.from_dict(self.frame)
                object.__setattr__(self, "frame", frame)
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
        for name in ("num_segments", "snippet_length", "size"):
            checks.count(name, getattr(self, name), owner=_OWNER)
        _check(
            self.modalities != ("rgb",) or self.snippet_length == 1,
            "snippet_length",
            "1 for rgb alone, which reads one frame per snippet",
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
            isinstance(self.frame, FrameSpec),
            "frame",
            "a FrameSpec",
            self.frame,
        )
        _check(isinstance(self.flow, FlowSpec), "flow", "a FlowSpec", self.flow)
        checks.flag("ordered", self.ordered, _OWNER)

    def changed(
        self, values: collections.abc.Mapping[str, typing.Any]
    ) -> typing.Self:
        """Returns a copy with some fields changed.

        Args:
            values: mapping by name. For `frame` and `flow`, a dict of changes.

        Raises:
            ValueError: if a field is unknown or a value is invalid.
        """
        changes = dict(values)
        kept = {
            "frame": self.frame.to_dict(),
            "flow": self.flow.to_dict(),
        }
        for name, before in kept.items():
            if isinstance(changes.get(name), dict):
                changes[name] = {**before, **changes[name]}
        return self.replace(**changes)

    def tested_by(self, test: "TestProtocol") -> "ClipSpec":
        """Returns a copy with the `alignment` of a `TestProtocol`; `self` if
        `test` is `None` or has no alignment."""
        if test is None or test.alignment is None:
            return self
        return self.replace(alignment=test.alignment)

    @property
    def images_before(self) -> int:
        """How many motion images of a snippet lie before its index."""
        return images_before(self.alignment, self.snippet_length)

    def num_images(self, modality: str) -> int:
        """How many stored images of `modality` one snippet reads: 1 for
        rgb, L + 1 for rgb_diff, L for the flows."""
        if modality == "rgb":
            return 1
        return self.snippet_length + (modality == "rgb_diff")

    def channels(self, modality: str) -> int:
        """Channels of one snippet as the network receives it: 3 for rgb,
        3 (L + 1) for rgb_diff, 2 L for the flows."""
        per_image = 3 if modality.startswith("rgb") else 2
        return per_image * self.num_images(modality)
