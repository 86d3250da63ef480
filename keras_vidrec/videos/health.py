"""What decoding a video shows of it."""

import collections.abc
import dataclasses
import typing

from keras_vidrec.specs.checks import counted


@dataclasses.dataclass(frozen=True)
class Health:
    """Properties of a video, found by decoding all of it.

    Args:
        num_frames: int. Frames that decode, whatever the header says.
        frames_stated: `None`, or int. Frames that the header says there are.
        damaged: int. Frames that were lost or patched up because their data
            are broken.
        lost_at_end: int. Frames that are stated and cut off.
        codec: str. FFmpeg's name of it, as in `"h264"`.
        height: int. Of a frame in pixels, held upright.
        width: int. Of a frame in pixels, held upright.
        frame_rate: `None`, or float. Frames a second as the presentation time
            stamps have it; `None` if they do not say, or absurdly.
        variable_rate: bool. Whether some frames are shown longer than others.
        interlaced: bool. Whether there are interlaced frames, before they were
            deinterlaced.
        hdr: `None`, `"hlg"` or `"pq"`. The curve of high dynamic range.
        rotation: int. Degrees clockwise by which frames were turned.
        decoder: str. What decoded it, with its version.
        pixel_aspect: float. Width of a pixel by its height as it is meant to
            be shown; frames keep the pixels as stored. Defaults to `1.0`.
        begins: float. Seconds from where the file begins, with its sound
            perhaps, to its first frame. Defaults to `0.0`.
        missing: int. Frames that the time stamps of a damaged video leave out
            between others; those that do not decode may be among them.
            Defaults to `0`.
    """

    num_frames: int
    frames_stated: int | None
    damaged: int
    lost_at_end: int
    codec: str
    height: int
    width: int
    frame_rate: float | None
    variable_rate: bool
    interlaced: bool
    hdr: str | None
    rotation: int
    decoder: str
    pixel_aspect: float = 1.0
    begins: float = 0.0
    missing: int = 0

    @property
    def lost_within(self) -> int:
        """Frames ahead of the end that are lost or patched up."""
        return max(self.damaged, self.missing)

    @property
    def lost_share(self) -> float:
        """Share of the frames that are damaged or lost, from 0 to 1."""
        lost = self.lost_within + self.lost_at_end
        # Patched frames are among those that decode.
        whole = max(self.num_frames + self.missing + self.lost_at_end, lost)
        return lost / whole if whole else 0.0

    @property
    def remarks(self) -> tuple[str, ...]:
        """Tuple of str: messages for the user, without the name of the video;
        empty for an ordinary video.
        """
        found = []
        if self.damaged:
            are = "is" if self.damaged == 1 else "are"
            found.append(f"{counted(self.damaged, 'frame')} {are} damaged")
        if self.missing:
            are = "is" if self.missing == 1 else "are"
            found.append(
                f"{counted(self.missing, 'frame')} {are} missing in between"
            )
        if self.lost_at_end:
            are = "is" if self.lost_at_end == 1 else f"{self.lost_at_end} are"
            found.append(
                f"of the {self.frames_stated} frames that it states, the last "
                f"{are} cut off"
            )
        if self.frame_rate is None:
            found.append(
                "its frame rate is unknown, because it has no usable time "
                "stamps"
            )
        if self.variable_rate:
            found.append("its frame rate varies")
        if self.interlaced:
            found.append("it is interlaced")
        if self.hdr is not None:
            found.append(
                f"it is of high dynamic range ({self.hdr}) and mapped to BT.709"
            )
        if self.pixel_aspect != 1:
            found.append(
                f"its pixels are {self.pixel_aspect:.4g} times as wide as "
                "high, and are kept so"
            )
        return tuple(found)

    def to_dict(self) -> dict:
        """The values as JSON has them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(
        cls, values: collections.abc.Mapping[str, typing.Any]
    ) -> typing.Self:
        """The record of `to_dict`."""
        return cls(**values)
