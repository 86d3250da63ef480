"""The properties of a video that decoding finds."""

import collections.abc
import dataclasses
import typing

from keras_vidrec.specs.checks import counted


@dataclasses.dataclass(frozen=True)
class Health:
    """Properties of a video, found by decoding all of it.

    Args:
        num_frames: int. Number of frames that were decoded.
        frames_stated: `None`, or int. Number of frames in the header.
        damaged: int. Frames that were lost, or that the decoder repaired,
            because their data are damaged.
        lost_at_end: int. Frames that the header counts but that were cut off.
        codec: str. FFmpeg's name of the codec, such as `"h264"`.
        height: int. Height of the upright frames in pixels.
        width: int. Width of the upright frames in pixels.
        frame_rate: `None`, or float. Frames per second by the presentation time
            stamps; `None` if there are none, or the rate is absurd.
        variable_rate: bool. Whether some frames are shown longer than others.
        interlaced: bool. Whether the video has interlaced frames, before
            deinterlacing.
        hdr: `None`, `"hlg"` or `"pq"`. The curve of high dynamic range.
        rotation: int. Degrees clockwise by which frames were rotated.
        decoder: str. The decoder with its version.
        pixel_aspect: float. Width of a pixel divided by its height on display;
            frames are not resized for it. Defaults to `1.0`.
        begins: float. Seconds from the start of the file, which may be sound,
            to its first frame. Defaults to `0.0`.
        missing: int. Frames missing between others in a damaged video, by its
            time stamps; some may also be counted in `damaged`. Defaults to
            `0`.
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
        """Frames before the end that are lost or repaired."""
        return max(self.damaged, self.missing)

    @property
    def lost_share(self) -> float:
        """Share of the frames that are damaged or lost, from 0 to 1."""
        lost = self.lost_within + self.lost_at_end
        # `num_frames` includes repaired frames.
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
                "high, which is not corrected"
            )
        return tuple(found)

    def to_dict(self) -> dict:
        """Returns the values as a dict for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(
        cls, values: collections.abc.Mapping[str, typing.Any]
    ) -> typing.Self:
        """Returns the `Health` with the values of `to_dict`."""
        return cls(**values)
