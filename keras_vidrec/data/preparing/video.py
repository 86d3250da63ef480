"""One video to its JPEG frames and flow: the unit of preparation."""

import contextlib
import dataclasses
import os
import time
import typing

import cv2

from keras_vidrec.data.clips.frame_size import resize
from keras_vidrec.data.clips.frame_size import size_of
from keras_vidrec.data.preparing.spool import ImageSpool
from keras_vidrec.specs import FLOW_METHODS
from keras_vidrec.specs import FrameSpec
from keras_vidrec.specs import checks
from keras_vidrec.videos import video as videos
from keras_vidrec.videos.video import VideoError

FLOWS = (*FLOW_METHODS, "none")
_REPORT_EVERY_S = 1


@dataclasses.dataclass(frozen=True)
class Preparation:
    """How videos are prepared.

    Args:
        flow: str. `"tvl1"`, `"dis"`, `"farneback"`, or `"none"`: frames only.
            Defaults to `"tvl1"`.
        warped: bool. Whether to make flow without the camera's motion too.
            Defaults to `False`.
        size: `None`, or str: how frames are resized, as `interpolation`,
            `fps` and `deinterlace` of a `FrameSpec`, whose defaults they have.
            `None` is for images that are packed as they are: nobody knows.
        bound: float. Flow in pixels that 0 and 255 stand for. Defaults to
            `20.0`.
        quality: int from 1 to 100. Of the JPEGs. Defaults to `95`.

    Raises:
        ValueError: on any other value.
    """

    flow: str = "tvl1"
    warped: bool = False
    size: str | None = FrameSpec.size
    bound: float = 20.0
    quality: int = 95
    interpolation: str = FrameSpec.interpolation
    fps: float | None = None
    deinterlace: str | None = None

    def __post_init__(self):
        owner = " of the preparation"
        checks.choice("flow", self.flow, FLOWS, owner)
        checks.check(
            not (self.warped and self.flow == "none"),
            "warped",
            "a method of flow for it to be made with",
            self.warped,
            owner,
        )
        checks.positive("bound", self.bound, owner)
        checks.number("quality", self.quality, 1, 100, owner)
        checks.check(
            self.size is not None
            or (self.fps, self.deinterlace) == (None,) * 2,
            "size",
            "how frames were resized, if fps or deinterlace say how they were "
            "taken",
            self.size,
            owner,
        )
        _ = self.frame  # which checks its fields

    @property
    def frame(self):
        """`FrameSpec` of the prepared frames, `None` if nobody knows."""
        if self.size is None:
            return None
        return FrameSpec(
            self.size, self.interpolation, self.fps, self.deinterlace
        )

    def to_dict(self):
        """Plain data, for `dataset.json`: `flow`, `warped`, `bound`,
        `quality` and `frame`."""
        return {
            "flow": self.flow,
            "warped": self.warped,
            "bound": self.bound,
            "quality": self.quality,
            "frame": self.frame and self.frame.to_dict(),
        }

    @property
    def modalities(self):
        """Tuple of the modalities that are made."""
        if self.flow == "none":
            return ("rgb",)
        return ("rgb", "flow", "warped_flow")[: 2 + self.warped]


class PreparedVideo(typing.NamedTuple):
    """A video ready to be written, its height and width in pixels, and its
    `SpooledImages` by modality."""

    height: int
    width: int
    num_frames: int
    images: dict

    def discard(self):
        """Deletes the spooled images."""
        for images in self.images.values():
            images.discard()


def prepare_video(path, preparation, directory, report=lambda num_frames: None):
    """Decodes, resizes and encodes a video, and makes its flow.

    The images do not depend on where, when or beside what it runs. Memory
    does not grow with the length of the video: JPEGs go to files in
    `directory`, used by nobody else meanwhile. `report` is called now and then
    with the number of frames done since it was called last.

    Returns:
        `PreparedVideo`. For one video and modality `prepared.records` makes a
        record of it.

    Raises:
        VideoError: if the video cannot be read, or has no flow because it has
            but one frame.
        OSError: if the disk is full.
    """
    with contextlib.ExitStack() as stack:
        spools = {}
        for modality in preparation.modalities:
            spools[modality] = ImageSpool(os.path.join(directory, modality))
            stack.callback(spools[modality].close)
        frames = _Frames(path, preparation, spools["rgb"], report)
        if preparation.flow == "none":
            for _ in frames:
                pass
        else:
            _make_flow(frames, preparation, spools)
        if frames.count < 2 and preparation.flow != "none":
            raise VideoError(
                path, "it has one frame, so there is no flow. Leave it out."
            )
        return PreparedVideo(
            *frames.size,
            frames.count,
            {
                modality: spool.finish(1 if modality == "rgb" else 2)
                for modality, spool in spools.items()
            },
        )


def _make_flow(frames, preparation, spools):
    # The OpenCV methods come without Keras, and so does all the rest.
    from keras_vidrec.flow import codec
    from keras_vidrec.flow import extraction

    make = extraction.flows
    if preparation.warped:
        make = extraction.flows_and_warped
    pairs = _pairs(frames, extraction.gray)
    for index, *flows in make(pairs, preparation.flow):
        for modality, flow in zip(("flow", "warped_flow"), flows):
            code = codec.encode(flow, preparation.bound)
            spools[modality].add(
                index,
                encode_jpeg(code[..., 0], preparation.quality),
                encode_jpeg(code[..., 1], preparation.quality),
            )


def _pairs(frames, gray):
    first = None
    for index, frame in enumerate(frames):
        second = gray(frame)
        if first is not None:
            yield index - 1, first, second
        first = second


class _Frames:
    """The resized frames of a video, spooled as they pass by."""

    def __init__(self, path, preparation, spool, report):
        self._path = path
        self._preparation = preparation
        self._spool = spool
        self._report = report
        self.count = 0
        self.size = None

    def __iter__(self):
        wanted = self._preparation.frame
        reported, reported_at = 0, time.monotonic()
        frames = videos.iter_frames(self._path, wanted.deinterlace)
        for frame in frames:
            if self.size is None:
                self.size = size_of(wanted, *frame.shape[:2])
            frame = resize(frame, self.size, wanted.interpolation)
            # OpenCV writes B G R.
            swapped = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
            self._spool.add(
                self.count, encode_jpeg(swapped, self._preparation.quality)
            )
            self.count += 1
            yield frame
            if time.monotonic() - reported_at > _REPORT_EVERY_S:
                self._report(self.count - reported)
                reported, reported_at = self.count, time.monotonic()
        self._report(self.count - reported)


def encode_jpeg(image, quality):
    """The bytes of a JPEG, of a quality from 1 to 100, of a uint8 image as
    OpenCV has it: B G R `(height, width, 3)`, or gray `(height, width)`."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    done, jpeg = cv2.imencode(".jpg", image, options)
    if not done:
        raise ValueError(f"no JPEG of an image of shape {image.shape}")
    return jpeg.tobytes()
