"""Videos as a network is shown them: what is read before it computes."""

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
    """One video as a network is shown it.

    Attributes:
        video: str. Its path as given, or its name.
        clip: uint8 array `(snippets, height, width, channels)`, or dict of
            these by modality.
        health: `videos.Health` of the file.
        remarks: tuple of str. What else there is to say. Defaults to `()`.
    """

    video: str
    clip: object = dataclasses.field(repr=False)
    health: Health = dataclasses.field(repr=False)
    remarks: tuple = ()


@dataclasses.dataclass(frozen=True)
class Reader:
    """Reads videos for the test of a network. It needs no Keras, and another
    process can have it.

    Args:
        spec: `ClipSpec`.
        test: `TestProtocol`, nothing left open.
    """

    spec: ClipSpec
    test: TestProtocol

    def __call__(self, video) -> Shown:
        """What the network is shown of a video.

        Args:
            video: path or URL of a video file, or `data.Frames`.

        Raises:
            VideoError: if the video cannot be read.
            OSError: if an object store does not let it be read.
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
