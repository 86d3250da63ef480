"""The test procedure of a network."""

import dataclasses
import re
import types
import typing

from keras_vidrec.specs import checks
from keras_vidrec.specs.clip_spec import ALIGNMENTS
from keras_vidrec.specs.clip_spec import SAMPLINGS
from keras_vidrec.specs.clip_spec import TEST_CROPS
from keras_vidrec.specs.clip_spec import ClipSpec
from keras_vidrec.specs.fact import Fact

AVERAGED = ("logits", "probabilities")
# For several labels per video: a class with at least this probability is
# present, if the network has no threshold of its own.
THRESHOLD = 0.5

# How crops are written in the names of tests.
_CROPS = {
    "center": "1",
    "ten": "10",
    "frame": "frame_alone",
    "frame_and_mirror": "frame_and_mirror",
}
_COUNTED = re.compile(r"([1-9][0-9]{0,5})x(10|1)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TestProtocol(Fact):
    """The test procedure of a network: which clips and crops of a video it
    gets, and what is averaged.

    Args:
        num_clips: int. Clips of a video, evenly spread. Defaults to `1`.
        num_segments: `None` (as many as trained with), or int: segments of a
            clip. Defaults to `25` (TSN, section 3.3).
        sampling: `None` (as trained), or str: one of `clip_spec.SAMPLINGS`.
            Defaults to `None`.
        alignment: `None` (as trained), or str: one of `clip_spec.ALIGNMENTS`,
            the positions of the motion images of a segment. Defaults to `None`.
        stride: `None` (the middle of the range trained with), or int: the
            distance of segments in frames, only for `sampling="chunks"`.
            Defaults to `None`.
        crops: str. A key of `clip_spec.TEST_CROPS`. Defaults to `"ten"` (TSN,
            section 3.3).
        averaged: str. What is averaged over the views of a video: `"logits"` or
            `"probabilities"`. With the latter a score is the logarithm of the
            mean, so that its softmax is the mean. Defaults to `"logits"`.

    Raises:
        ValueError: on any value outside these ranges.
    """

    WHAT: typing.ClassVar[str] = "a test protocol"
    # pytest would take the name for a test class.
    __test__: typing.ClassVar[bool] = False

    num_clips: int = 1
    num_segments: int | None = 25
    sampling: str | None = None
    alignment: str | None = None
    stride: int | None = None
    crops: str = "ten"
    averaged: str = "logits"

    def __post_init__(self):
        owner = f" of {self.WHAT}"
        checks.count("num_clips", self.num_clips, owner=owner)
        if self.num_segments is not None:
            checks.count("num_segments", self.num_segments, owner=owner)
        if self.sampling is not None:
            checks.choice("sampling", self.sampling, SAMPLINGS, owner)
        if self.alignment is not None:
            checks.choice("alignment", self.alignment, ALIGNMENTS, owner)
        if self.stride is not None:
            checks.count("stride", self.stride, owner=owner)
        checks.choice("crops", self.crops, tuple(TEST_CROPS), owner)
        checks.choice("averaged", self.averaged, AVERAGED, owner)

    @property
    def name(self) -> str:
        """The name of the test: a key of `PROTOCOLS`, or a description such as
        `5x1-uniform-2_clips`. Tests with the same name are equal.
        """
        for name, named in PROTOCOLS.items():
            if self == named.test:
                return name
        segments = self.num_segments or "trained"
        parts = [f"{segments}x{_CROPS[self.crops]}"]
        if self.sampling is not None:
            parts.append(self.sampling)
        if self.alignment is not None:
            parts.append(self.alignment)
        if self.stride is not None:
            parts.append(f"stride_{self.stride}")
        if self.num_clips > 1:
            parts.append(f"{self.num_clips}_clips")
        if self.averaged != "logits":
            parts.append(self.averaged)
        return "-".join(parts)

    @classmethod
    def named(cls, name: str) -> "TestProtocol":
        """Returns the test with a name.

        Args:
            name: str. A key of `PROTOCOLS`, or SEGMENTSxCROPS: `"8x1"` is 8
                segments with the central crop of each, `"8x10"` ten crops.

        Raises:
            ValueError: if there is no such test.
        """
        if name in PROTOCOLS:
            return PROTOCOLS[name].test
        counted = _COUNTED.fullmatch(name) if isinstance(name, str) else None
        if counted is None:
            raise checks.ArgumentError(
                "protocol",
                f"one of {tuple(PROTOCOLS)}, or segments and crops, such as "
                "'8x1' or '8x10'",
                name,
            )
        crops = {number: crops for crops, number in _CROPS.items()}
        return cls(num_segments=int(counted[1]), crops=crops[counted[2]])

    def completed(self, spec: ClipSpec) -> "TestProtocol":
        """Returns a copy without `None`: segments, sampling and alignment are
        set for a network with this `ClipSpec`, and for chunks also the stride.

        Raises:
            ValueError: if there is a stride without chunks, or chunks without a
                known stride.
        """
        sampling, stride = self.sampling or spec.sampling, self.stride
        if sampling != "chunks" and stride is not None:
            raise ValueError(
                "Only chunks have a stride. Expected a test without stride, "
                f'or with sampling="chunks". Received: stride={stride}, '
                f"sampling={sampling!r}"
            )
        if sampling == "chunks" and stride is None:
            if spec.stride is None:
                raise ValueError(
                    "The network was not trained on chunks. Expected their "
                    "distance with test.stride. Received: stride=None"
                )
            stride = sum(spec.stride) // 2
        return self.replace(
            num_segments=self.num_segments or spec.num_segments,
            sampling=sampling,
            alignment=self.alignment or spec.alignment,
            stride=stride,
        )

    def shown(self, spec: ClipSpec) -> ClipSpec:
        """Returns the `ClipSpec` of the test clips for a network with a given
        `ClipSpec`; errors are those of `completed`."""
        test = self.completed(spec)
        return spec.replace(
            num_segments=test.num_segments,
            sampling=test.sampling,
            alignment=test.alignment,
            stride=None if test.stride is None else (test.stride,) * 2,
        )

    def reading(self) -> dict[str, typing.Any]:
        """Returns the arguments of `data.pipeline` and `data.clips.reader` that
        read the clips of this test, which must be completed."""
        return {
            "num_segments": self.num_segments,
            "num_clips": self.num_clips,
            "crops": self.crops,
            "mode": "test",
        }


class Named(typing.NamedTuple):
    """A test of a paper.

    Args:
        summary: str. Which part of a video is used.
        source: str. The paper and its section.
        test: `TestProtocol`.
    """

    summary: str
    source: str
    test: "TestProtocol"


_CHUNKS = TestProtocol(
    num_segments=5, sampling="chunks", stride=15, crops="frame_and_mirror"
)
# The tests of the papers, by name. Those without `sampling` place the segments
# as the network's `ClipSpec` does.
PROTOCOLS = types.MappingProxyType(
    {
        "25x10": Named(
            "25 snippets, 4 corners, center and their mirrors",
            "TSN, section 3.3",
            TestProtocol(num_segments=25, crops="ten"),
        ),
        "25x1": Named(
            "25 snippets, center",
            "TS-LSTM and Temporal-Inception, section 3.4.1",
            TestProtocol(num_segments=25, crops="center"),
        ),
        "25xframe": Named(
            "25 snippets from the first to the last frame, or one pass over "
            "25 chunks, the whole frame and its mirror",
            "ST-Multiplier, section 4.2",
            TestProtocol(
                num_segments=25, sampling="spread", crops="frame_and_mirror"
            ),
        ),
        "5_chunks": Named(
            "one clip of 5 chunks, the whole frame and its mirror",
            "Two-stream fusion, section 3.5",
            _CHUNKS,
        ),
        "10x5_chunks": Named(
            "10 clips of 5 chunks, the whole frame and its mirror",
            "Two-stream fusion, the authors' code",
            _CHUNKS.replace(num_clips=10),
        ),
        "5_sequences": Named(
            "5 sequences, the k-th frame of each segment in sequence k; "
            "center; the mean of their probabilities",
            "STFN, section 4.2",
            TestProtocol(
                num_clips=5,
                num_segments=None,
                sampling="uniform",
                crops="center",
                averaged="probabilities",
            ),
        ),
    }
)
