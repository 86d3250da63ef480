"""Prepares one video: makes JPEGs of its frames and of its flow."""

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
        size, interpolation, fps, deinterlace: how frames are sampled and
            resized, as in `FrameSpec`, with its defaults. `size` is `None` if
            images are packed without change and it is not known how they were
            resized.
        bound: float. Flow in pixels that 0 and 255 stand for. Defaults to
            `20.0`.
        quality: int from 1 to 100. Quality of the JPEGs. Defaults to `95`.

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
            'False with flow="none"',
            self.warped,
            owner,
        )
        checks.positive("bound", self.bound, owner)
        checks.number("quality", self.quality, 1, 100, owner)
        checks.check(
            self.size is not None
            or (self.fps, self.deinterlace) == (None,) * 2,
            "size",
            "the size to which frames were resized, if fps or deinterlace is "
            "given",
            self.size,
            owner,
        )
        _ = self.frame  # raises an error if a field is invalid

    @property
    def frame(self) -> FrameSpec | None:
        """`FrameSpec` of the prepared frames, or `None` if unknown."""
        if self.size is None:
            return None
        return FrameSpec(
            self.size, self.interpolation, self.fps, self.deinterlace
        )

    def to_dict(self) -> dict:
        """Returns a dict of data for JSON: `flow`, `warped`, `bound`,
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
        """The modalities that are made."""
        if self.flow == "none":
            return ("rgb",)
        return ("rgb", "flow", "warped_flow")[: 2 + self.warped]


class PreparedVideo(typing.NamedTuple):
    """A clip that is ready to be written to records.

    Args:
        height, width: int. Size of the images in pixels.
        num_frames: int.
        images: dict from modality to `SpooledImages`.
        code_use: `None`, or `CodeUse` of the flow that was made. Defaults to
            `None`.
        health: `None` (not checked), or `Health` of the file. Defaults to
            `None`.
        times: `None` (not checked), or the times of the file's frames in
            seconds. Defaults to `None`.
        lost_share: float. Share of the clip's frames that is lost. Defaults to
            `0.0`.
        key: `None`, or list: `HealthCache.key` of the file before it was read.
            Defaults to `None`.
        content: `None`, or str: `HealthCache.content` of the file before it was
            read, with the segment. Defaults to `None`.
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
    """Decodes, resizes and encodes the frames of a video, and makes its flow;
    for several clips of the video in one pass.

    The result is the same in any process and order. Memory does not grow with
    the length of the video, because JPEGs are written to files in `directory`.

    Args:
        path: path of a video file, or an open file.
        preparation: `Preparation`.
        directory: path of a directory that nothing else uses meanwhile.
        report: callable, called from time to time with the number of frames
            that were prepared since the last call. Defaults to doing nothing.
        taken: sequence with the indices of the frames of each clip, as
            `frame_map.frames_taken` returns them, or `None` for all frames.
            Defaults to one clip of all frames.

    Returns:
        List with a `PreparedVideo` for each clip, or a `VideoError` for a clip
        of a single frame, which has no flow. Health and times are known only if
        all frames of the file were decoded.

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
    # Imported here, so that preparing frames alone does not load Keras.
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
    """Yields `((clip, index), first, second)` for each two neighboring frames
    of a clip: the number of the clip, the index of the first frame, and both
    frames in gray."""
    latest, second = None, None
    for clip, frame in shown:
        if frame is not latest:
            latest, second = frame, gray(frame)
        if clip.gray is not None:
            yield (clip.number, clip.count - 2), clip.gray, second
        clip.gray = None if clip.is_whole else second


class _Clip:
    """A clip during preparation: it writes its images to temporary files.

    Args:
        number: int. Number of the clip in its file, from 0.
        taken: `None` (all), or int array: the indices of its frames, ascending.
        directory: path of the directory for temporary files.
        preparation: `Preparation`.
    """

    def __init__(self, number, taken, directory, preparation):
        self.number = number
        self.gray = None
        self._taken = taken
        # The files of the first clip are named like the modalities.
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
        """The number of frames added so far."""
        return self._counts["rgb"]

    @property
    def is_whole(self):
        """Whether all its frames have been added."""
        return self._taken is not None and self.count == len(self._taken)

    def repeats(self, number):
        """How many times frame `number` of the file is next in the clip."""
        if self._taken is None:
            return 1
        end = np.searchsorted(self._taken, number, "right")
        return int(end) - self.count

    def add(self, modality, index, *jpegs):
        """Adds the JPEGs of an image."""
        if modality not in self._spools:
            self._spools[modality] = ImageSpool(self._paths[modality])
        self._spools[modality].add(index, *jpegs)
        self._counts[modality] += 1
        if self._taken is not None:
            # Files are closed early, because there may be many clips.
            whole = len(self._taken) - (modality != "rgb")
            if self._counts[modality] == whole:
                self._seal(modality)

    def count_codes(self, code):
        """Counts the values of an image of flow, before JPEG compression."""
        self._codes += np.bincount(code.ravel(), minlength=256)

    def finish(self, path, frames):
        """Returns the `PreparedVideo`, or a `VideoError` if flow is wanted and
        there is only one frame."""
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
    """Decodes, resizes and encodes the frames of a video.

    Attributes:
        size: `None`, or pair of int: height and width of the resized frames,
            known after the first one.
        health, times: `None`, or the `Health` of the file and the times of its
            frames in seconds, known after the last frame.
    """

    def __init__(self, path, preparation, report):
        self._path = path
        self._preparation = preparation
        self._report = report
        self.size = None
        self.health = self.times = None

    def of(self, clips):
        """Adds frames to clips, and yields `(clip, frame)` after each."""
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


def encode_jpeg(image: np.ndarray, quality: int) -> bytes:
    """Encodes an image as JPEG.

    Args:
        image: uint8 array, B G R `(height, width, 3)` or gray
            `(height, width)`.
        quality: int from 1 to 100.

    Raises:
        ValueError: if OpenCV cannot encode the image.
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    done, jpeg = cv2.imencode(".jpg", image, options)
    if not done:
        raise ValueError(f"no JPEG of an image of shape {image.shape}")
    return jpeg.tobytes()
