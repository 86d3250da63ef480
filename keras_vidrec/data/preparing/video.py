"""One video to its JPEG frames and flow: the unit of preparation."""

import contextlib
import dataclasses
import os
import time
import typing

import cv2
import numpy as np

from keras_vidrec.data.clips.frame_size import resize
from keras_vidrec.data.clips.frame_size import size_of
from keras_vidrec.data.preparing.code_use import CodeUse
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
        flow: str. `"tvl1"`, `"dis"`, `"farneback"`, `"brox"`, or `"none"`:
            frames only. Defaults to `"tvl1"`.
        warped: bool. Whether to make flow without the camera's motion too.
            Defaults to `False`.
        size: `None`, or str: how frames are resized, as `interpolation`, `fps`
            and `deinterlace` of a `FrameSpec`, whose defaults they have. `None`
            for images that are packed without change, if unknown.
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
    def frame(self) -> FrameSpec | None:
        """`FrameSpec` of the prepared frames, `None` if unknown."""
        if self.size is None:
            return None
        return FrameSpec(
            self.size, self.interpolation, self.fps, self.deinterlace
        )

    def to_dict(self) -> dict:
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
    def modalities(self) -> tuple[str, ...]:
        """Tuple of the modalities that are made."""
        if self.flow == "none":
            return ("rgb",)
        return ("rgb", "flow", "warped_flow")[: 2 + self.warped]


class PreparedVideo(typing.NamedTuple):
    """A clip ready to be written, its height and width in pixels, and its
    `SpooledImages` by modality; the `CodeUse` of flow that was made; of its
    file the `Health` and the seconds of the frames, `None` if not checked, and
    the share of its frames that is lost; and what its file was before it was
    read: what `HealthCache.key` and `content` gave, the latter with the
    segment.
    """

    height: int
    width: int
    num_frames: int
    images: dict
    code_use: object = None
    health: object = None
    times: object = None
    lost_share: float = 0.0
    key: list | None = None
    content: str | None = None

    def discard(self):
        """Deletes the spooled images."""
        for images in self.images.values():
            images.discard()


def prepare_video(
    path,
    preparation,
    directory,
    report=lambda num_frames: None,
    taken=(None,),
):
    """Decodes, resizes and encodes a video, and makes its flow; clips of it, if
    several are wanted, in one pass.

    The images do not depend on where, when or beside what it runs. Memory does
    not grow with the length of the video: JPEGs are written to files in
    `directory`, which nothing else may use meanwhile. `report` is called now
    and then with the number of frames done since it was called last.

    Args:
        path: path of a video file, or an open file.
        preparation: `Preparation`.
        directory: path.
        report: callable.
        taken: sequence of the frames that each clip consists of, as
            `frame_map.frames_of` gives them. Defaults to one clip of all
            frames.

    Returns:
        List of a `PreparedVideo` a clip; in the place of one of a single frame,
        which has no flow, a `VideoError`. Health and times are there where all
        frames were seen. For one clip and modality `prepared.records` makes a
        record of it.

    Raises:
        VideoError: if the video cannot be read.
        OSError: if the disk is full.
    """
    with contextlib.ExitStack() as stack:
        clips = []
        for number, frames in enumerate(taken):
            clips.append(_Clip(number, frames, directory, preparation))
            stack.callback(clips[-1].close)
        frames = _Frames(path, preparation, report)
        shown = frames.of(clips)
        if preparation.flow == "none":
            for _ in shown:
                pass
        else:
            _make_flow(shown, preparation, clips)
        return [clip.finish(path, frames) for clip in clips]


def _make_flow(shown, preparation, clips):
    # The OpenCV methods come without Keras, and so does all the rest.
    from keras_vidrec.flow import codec
    from keras_vidrec.flow import extraction

    make = extraction.flows
    if preparation.warped:
        make = extraction.flows_and_warped
    pairs = _pairs(shown, extraction.gray)
    for (clip, index), *flows in make(pairs, preparation.flow):
        for modality, flow in zip(("flow", "warped_flow"), flows):
            code = codec.encode(flow, preparation.bound)
            if modality == "flow":
                clips[clip].count_codes(code)
            clips[clip].add(
                modality,
                index,
                encode_jpeg(code[..., 0], preparation.quality),
                encode_jpeg(code[..., 1], preparation.quality),
            )


def _pairs(shown, gray):
    """Of neighbors in a clip: the number of the clip and of the first of them,
    and both of them gray."""
    latest, second = None, None
    for clip, frame in shown:
        if frame is not latest:
            latest, second = frame, gray(frame)
        if clip.gray is not None:
            yield (clip.number, clip.count - 2), clip.gray, second
        clip.gray = None if clip.is_whole else second


class _Clip:
    """A clip on its way: its images go to files, open while they come."""

    def __init__(self, number, taken, directory, preparation):
        self.number = number
        self.gray = None
        self._taken = taken
        # A video of one clip has the names of the modalities.
        mark = f"-{number}" if number else ""
        self._paths = {
            modality: os.path.join(directory, f"{modality}{mark}")
            for modality in preparation.modalities
        }
        self._counts = dict.fromkeys(preparation.modalities, 0)
        self._spools = {}
        self._images = {}
        self._codes = np.zeros(256, "int64")

    @property
    def count(self):
        """Frames that have come so far."""
        return self._counts["rgb"]

    @property
    def is_whole(self):
        """Whether it has all its frames."""
        return self._taken is not None and self.count == len(self._taken)

    def repeats(self, number):
        """How often a frame of the file comes next in it."""
        if self._taken is None:
            return 1
        end = np.searchsorted(self._taken, number, "right")
        return int(end) - self.count

    def add(self, modality, index, *jpegs):
        """Takes the JPEGs of an image."""
        if modality not in self._spools:
            self._spools[modality] = ImageSpool(self._paths[modality])
        self._spools[modality].add(index, *jpegs)
        self._counts[modality] += 1
        if self._taken is not None:
            # Of many clips few files are to be open.
            whole = len(self._taken) - (modality != "rgb")
            if self._counts[modality] == whole:
                self._seal(modality)

    def count_codes(self, code):
        """Takes the code of an image of flow, before it is a JPEG."""
        self._codes += np.bincount(code.ravel(), minlength=256)

    def finish(self, path, frames):
        """The `PreparedVideo`, or the `VideoError` of a single frame."""
        if self.count < 2 and len(self._paths) > 1:
            problem = "it has only one frame, so it has no flow. Leave it out."
            return VideoError(path, problem)
        for modality in self._paths:
            self._seal(modality)
        return PreparedVideo(
            *frames.size,
            self.count,
            self._images,
            CodeUse.of(self._codes),
            frames.health,
            frames.times,
        )

    def close(self):
        """Closes the files."""
        for spool in self._spools.values():
            spool.close()

    def _seal(self, modality):
        if modality not in self._images:
            spool = self._spools[modality]
            self._images[modality] = spool.finish(1 if modality == "rgb" else 2)


class _Frames:
    """The resized frames of a video. After the last one `health` and `times`
    are known."""

    def __init__(self, path, preparation, report):
        self._path = path
        self._preparation = preparation
        self._report = report
        self.size = None
        self.health = self.times = None

    def of(self, clips):
        """Yields each clip that a frame is in, after it has got the JPEG, and
        the frame."""
        wanted = self._preparation.frame
        done, reported, reported_at = 0, 0, time.monotonic()
        frames = videos.iter_frames(
            self._path, wanted.deinterlace, self._examined
        )
        for number, frame in enumerate(frames):
            repeats = [(clip, clip.repeats(number)) for clip in clips]
            if any(times for _, times in repeats):
                if self.size is None:
                    self.size = size_of(wanted, *frame.shape[:2])
                frame = resize(frame, self.size, wanted.interpolation)
                # OpenCV writes B G R.
                swapped = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
                jpeg = encode_jpeg(swapped, self._preparation.quality)
            for clip, times in repeats:
                for _ in range(times):
                    clip.add("rgb", clip.count, jpeg)
                    done += 1
                    yield clip, frame
            if time.monotonic() - reported_at > _REPORT_EVERY_S:
                self._report(done - reported)
                reported, reported_at = done, time.monotonic()
            if all(clip.is_whole for clip in clips):
                break
        self._report(done - reported)

    def _examined(self, health, times):
        self.health, self.times = health, times.seconds


def encode_jpeg(image, quality):
    """The bytes of a JPEG, of a quality from 1 to 100, of a uint8 image as
    OpenCV has it: B G R `(height, width, 3)`, or gray `(height, width)`."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    done, jpeg = cv2.imencode(".jpg", image, options)
    if not done:
        raise ValueError(f"no JPEG of an image of shape {image.shape}")
    return jpeg.tobytes()
