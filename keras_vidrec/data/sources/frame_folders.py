"""The source of a dataset of image files of frames and flow."""

import collections.abc
import contextlib
import os
import pathlib
import typing

import cv2
import numpy as np

from keras_vidrec.data.catalogs import frame_tree
from keras_vidrec.data.catalogs import segments
from keras_vidrec.data.catalogs.catalog import Catalog
from keras_vidrec.data.catalogs.split import first_of
from keras_vidrec.data.sources import frame_map
from keras_vidrec.data.sources.source import Source
from keras_vidrec.specs import MODALITIES
from keras_vidrec.specs import FrameSpec
from keras_vidrec.specs import fingerprint
from keras_vidrec.videos.video import VideoError

# The prefixes of names of images, without separators at the end.
_ROLES = {
    **dict.fromkeys(("flow_x", "flow_u", "x", "u"), "x"),
    **dict.fromkeys(("flow_y", "flow_v", "y", "v"), "y"),
    **dict.fromkeys(("warped_flow_x", "warp_x", "warped_x"), "warped_x"),
    **dict.fromkeys(("warped_flow_y", "warp_y", "warped_y"), "warped_y"),
}
_FRAME_PREFIXES = ("img", "image", "frame", "rgb")
_SEPARATORS = "_-. "
_ROLES_OF = {
    "rgb": ("rgb",),
    "rgb_diff": ("rgb",),
    "flow": ("x", "y"),
    "warped_flow": ("warped_x", "warped_y"),
}

_JPEG = b"\xff\xd8\xff"

# The largest difference in the number of images, because programs disagree
# about the frames at the end of a video.
_TOLERANCE = 2
# The number of videos that are searched for modalities.
_VIDEOS_LOOKED_AT = 20
# The number of images of a series whose file sizes are in its fingerprint.
_SIZES = 16


class FrameFolders(Source):
    """The `Source` of videos that are stored as numbered images in folders.

    Known layouts: TSN (`img_00001.jpg`, `flow_x_00001.jpg`,
    `flow_y_00001.jpg` in one folder for each video), mmaction (`x_`, `y_`),
    denseflow (numbers from 0), two-stream fusion (`u/<video>/`, `v/<video>/`,
    `jpegs_256/<video>/`), and frames only; JPEG or PNG. The first number, the
    number of digits and the prefix are determined for each folder; a missing
    number is an error.

    Flow image i is the motion from frame i to i + 1, so n frames have n - 1
    flow images. Some tools write one for the last frame too, and decoders
    disagree about the last frames, so a difference of up to two is allowed, and
    superfluous images at the end are not used. A larger difference is an error.
    The folders do not contain how flow was computed: set the network's
    `FlowSpec` accordingly (denseflow's default bound is 32, not 20). Images are
    resized according to the network's `FrameSpec`; flow vectors keep their
    length in pixels, because the original size of frames is not known. The
    times of frames are not known either, so segments are given by the indices
    of frames, from 0.

    Args:
        catalog: `Catalog` whose videos are names of such folders.
        folders: `None` (found below `catalog.root`), or dict, as
            `frame_tree.find` returns it. Defaults to `None`.

    Raises:
        ValueError: if a video of the catalog has no folder, or is a segment
            in seconds.
    """

    kind = "frames"
    # Unknown, because the folders do not contain it.
    flow = None
    requests = 16

    def __init__(self, catalog: Catalog, folders: dict | None = None) -> None:
        super().__init__(catalog)
        self._root = catalog.root
        self._segments = catalog.segments
        for name, segment in zip(self.videos, self._segments):
            if segment is not None and segment[2] != "frames":
                raise ValueError(
                    "Folders of frames do not contain the times of frames. "
                    "Expected segments as start_frame and end_frame. "
                    f"Received: seconds {segment[0]} to {segment[1]} of "
                    f"{name!r}"
                )
        if folders is None:
            folders = frame_tree.find(catalog.root)
        missing = [name for name in self.files if name not in folders]
        if missing:
            raise ValueError(
                "A video has no folder of images. Expected folders below "
                f"{str(self._root)!r}. Received: "
                f"{first_of(missing)}"
            )
        self._folders = folders
        self._found: dict = {}
        self.modalities = self._find_modalities()

    def num_frames(self, index: int, modality: str) -> int:
        """The number of images of `modality` in video `index`; see `Source`.

        Raises:
            VideoError: if numbers are missing, or the video does not have
                the modality.
        """
        return len(self._range(index, modality))

    def content(self, index: int) -> str | None:
        """See `Source`. The fingerprint is computed from the number of images
        of each kind and the sizes of up to 16 of their files. `None` if images
        are missing."""
        found = {}
        try:
            for role, series in self._images(index).items():
                if isinstance(series, VideoError):
                    return None
                last = series.count - 1
                chosen = np.linspace(0, last, min(series.count, _SIZES))
                found[role] = [
                    series.count,
                    *(
                        os.path.getsize(series.path(i))
                        for i in chosen.round().astype(int).tolist()
                    ),
                ]
        except OSError:
            return None
        return segments.name(fingerprint(found), self._segments[index])

    def seen_as(self, frame: FrameSpec | None) -> typing.Self:
        """See `Source`.

        Raises:
            ValueError: if `frame` has a frame rate, because the times of frames
                are not known.
        """
        if frame is not None and frame.fps is not None:
            raise ValueError(
                "Folders of frames do not contain the times of frames. "
                "Expected fps=None, all frames as they are (clip.frame.fps). "
                f"Received: fps={frame.fps:g} for {str(self._root)!r}"
            )
        return super().seen_as(frame)

    def _range(self, index, modality):
        """The range of the indices of a video's images in its folder."""
        count, segment = self._count(index, modality), self._segments[index]
        if segment is None:
            return range(count)
        is_flow = len(_ROLES_OF[modality]) > 1
        try:
            taken = frame_map.frames_of(count + is_flow, segment=segment)
        except ValueError as error:
            raise self._error(index, str(error)) from None
        return range(taken[0], taken[-1] + 1 - is_flow)

    def _count(self, index, modality):
        """The number of usable images of a modality in a folder."""
        series = self._series(index, modality)
        count = series[0].count
        if len({images.count for images in series}) > 1:
            raise self._error(
                index,
                f"its {modality} has "
                f"{' and '.join(str(images.count) for images in series)} "
                "images. Expected the same number of x and y.",
            )
        frames = self._images(index).get("rgb")
        if len(series) == 1 or frames is None:
            return count
        if isinstance(frames, VideoError):
            raise frames
        if abs(count - (frames.count - 1)) > _TOLERANCE or frames.count < 2:
            raise self._error(
                index,
                f"its {modality} does not match its frames. Expected one "
                f"image less than the {frames.count} frames, or up to "
                f"{_TOLERANCE} off. Received: {count}",
            )
        return min(count, frames.count - 1)

    def read(
        self,
        index: int,
        modality: str,
        indices: collections.abc.Sequence[int] | np.ndarray,
    ) -> np.ndarray:
        """Images of video `index`; see `Source`."""
        is_flow = "flow" in modality
        images = [
            tuple(_decode(path, is_flow) for path in paths)
            for paths in self.paths(index, modality, indices)
        ]
        shapes = sorted({part.shape for image in images for part in image})
        if len(shapes) > 1:
            raise self._error(
                index,
                f"its images of {modality} differ in size. Expected the same "
                f"size. Received: {shapes[0][:2]} and {shapes[1][:2]}",
            )
        joined = [
            np.stack(image, axis=-1) if is_flow else image[0]
            for image in images
        ]
        return self._resized(index, np.stack(joined))

    def encoded(self, index: int, modality: str) -> collections.abc.Iterator:
        """Yields the encoded images of a video in order.

        Each is a tuple of the bytes of its files: one for rgb, x and y for
        flow; `None` instead of a file that is not a JPEG.

        Raises:
            VideoError: as `num_frames`.
        """
        indices = range(self.num_frames(index, modality))
        for paths in self.paths(index, modality, indices):
            contents = (pathlib.Path(path).read_bytes() for path in paths)
            yield tuple(
                content if content.startswith(_JPEG) else None
                for content in contents
            )

    def paths(
        self,
        index: int,
        modality: str,
        indices: collections.abc.Sequence[int] | np.ndarray,
    ) -> list[tuple]:
        """Returns the files of images of a video.

        Args:
            index, modality, indices: as for `read`.

        Returns:
            List with a tuple of paths for each index: one for rgb, x and y for
            flow.

        Raises:
            VideoError: if there is no such image.
        """
        taken = self._range(index, modality)
        what = f"images of {modality}"
        self._check_indices(index, indices, len(taken), what)
        series = self._series(index, modality)
        return [
            tuple(images.path(taken[int(i)]) for images in series)
            for i in indices
        ]

    def _find_modalities(self):
        """The modalities of any of about 20 videos at equal distances, because
        a single video may be a broken one."""
        step = max(len(self.videos) // _VIDEOS_LOOKED_AT, 1)
        roles = set()
        for index in range(0, len(self.videos), step):
            # Errors are reported when the video is read.
            with contextlib.suppress(VideoError):
                roles.update(self._images(index))
        return tuple(
            modality
            for modality in MODALITIES
            if roles.issuperset(_ROLES_OF[modality])
        )

    def _series(self, index, modality):
        """The `ImageSeries` of a modality: a list of one, or of those of x and
        y."""
        found = self._images(index)
        for role in _ROLES_OF[modality]:
            if isinstance(found.get(role), VideoError):
                raise found[role]
            if role not in found:
                raise self._error(
                    index,
                    f"it has no images of {modality}. Expected some of "
                    f"{role!r}. Received: {sorted(found)}",
                )
        return [found[role] for role in _ROLES_OF[modality]]

    def _images(self, index):
        """Returns a dict from each role of a video's images to an `ImageSeries`
        or a `VideoError`."""
        file = self.files[index]
        if file not in self._found:
            found = {}
            for role, folder in self._folders[file].items():
                series = frame_tree.find_series(self._root / folder)
                if role:
                    found[role] = self._only(index, series)
                else:
                    found.update(self._by_names(index, series))
            self._found[file] = found
        return self._found[file]

    def _by_names(self, index, series):
        """Returns a dict as `_images`, for the series of one folder by their
        prefixes."""
        found, frames = {}, {}
        for prefix, images in series.items():
            name = prefix.rstrip(_SEPARATORS).lower()
            role = _ROLES.get(name)
            if role is None:
                frames[prefix] = images
            elif role in found:
                found[role] = self._error(
                    index, f"it has images of {role} under two names."
                )
            else:
                found[role] = images
        if frames:
            found["rgb"] = self._only(index, frames)
        return found

    def _only(self, index, series):
        """The series of a folder, which must be one; of several that of frames.
        Returns a `VideoError` if it is not clear which."""
        if len(series) > 1:
            series = {
                prefix: images
                for prefix, images in series.items()
                if prefix.rstrip(_SEPARATORS).lower() in _FRAME_PREFIXES
            } or series
        if len(series) != 1:
            return self._error(
                index,
                "it has several series of images. Expected one of frames, such "
                f"as img_00001.jpg. Received: {sorted(series)[:8]}",
            )
        (images,) = series.values()
        return images

    def _error(self, index, problem):
        return VideoError(self._name(index), problem)

    def _name(self, index):
        return self._root / self.videos[index]


def _decode(path: str, is_flow: bool) -> np.ndarray:
    content = np.fromfile(path, np.uint8)
    flag = cv2.IMREAD_GRAYSCALE if is_flow else cv2.IMREAD_COLOR
    image = cv2.imdecode(content, flag) if content.size else None
    if image is None:
        raise VideoError(
            path, "it is not an image. Replace it, or leave the video out."
        )
    return image if is_flow else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
