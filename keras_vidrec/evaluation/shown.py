"""Reads the clips of videos for a network's test, without using Keras."""

import dataclasses

from keras_vidrec.data.clips import reader
from keras_vidrec.data.prepared import storage
from keras_vidrec.data.sources.frame_array import FrameArray
from keras_vidrec.data.sources.frame_array import Frames
from keras_vidrec.data.sources.video_files import SingleVideo
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import TestProtocol
from keras_vidrec.videos.health import Health


@dataclasses.dataclass(frozen=True)
class Shown:
    """The input of a network for one video.

    Attributes:
        video: str. The path of the video as given, or its name.
        clip: uint8 array `(snippets, height, width, channels)`, or dict of
            such arrays by modality.
        health: `videos.Health` of the file.
        remarks: tuple of str, as for `Prediction`. Defaults to `()`.
    """

    video: str
    clip: object = dataclasses.field(repr=False)
    health: Health = dataclasses.field(repr=False)
    remarks: tuple = ()


@dataclasses.dataclass(frozen=True)
class Reader:
    """Reads videos for the test of a network. It does not need Keras, and can
    be pickled for another process.

    Args:
        spec: `ClipSpec`.
        test: `TestProtocol` with all values set.
    """

    spec: ClipSpec
    test: TestProtocol

    def __call__(self, video) -> Shown:
        """Reads the clip of a video.

        Args:
            video: path or URL of a video file, or `data.Frames`.

        Returns:
            `Shown`.

        Raises:
            VideoError: if the video cannot be read.
            OSError: if an object store refuses access.
        """
        source: FrameArray | SingleVideo
        if isinstance(video, Frames):
            source, name = FrameArray(video, self.spec.flow), video.name
        else:
            place = storage.as_path(video)
            source, name = SingleVideo(place, self.spec.flow), str(place)
        source = source.seen_as(self.spec.frame)
        clip = reader.read_test_clip(
            source, 0, self.spec, **self.test.reading()
        )
        if len(clip) == 1:
            (clip,) = clip.values()
        return Shown(name, clip, source.health(0))
