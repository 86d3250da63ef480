"""What a network sees in single video files."""

import dataclasses
import math

import numpy as np
import scipy.special

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.data.clips import reader
from keras_vidrec.data.prepared import storage
from keras_vidrec.data.sources.moving_clip import MovingClip
from keras_vidrec.data.sources.video_files import SingleVideo
from keras_vidrec.evaluation import timeline
from keras_vidrec.evaluation.scorers import scorer as scorers
from keras_vidrec.evaluation.scorers.windows import SharedSnippets
from keras_vidrec.evaluation.scorers.windows import WholeWindows
from keras_vidrec.evaluation.scorers.windows import Windows
from keras_vidrec.videos.health import Health

_NUM_SEGMENTS = 25
# Frames between the chunks of a clip, at most: that of the authors' tests
# (two-stream fusion and spatiotemporal multiplier).
CHUNK_STRIDE = 15


@dataclasses.dataclass(frozen=True)
class Prediction:
    """Classes of one video, the most probable first.

    Attributes:
        video: str. The path as given.
        classes: tuple of str.
        probabilities: tuple of float, as long as `classes`.
        health: `videos.Health` of the file.
    """

    video: str
    classes: tuple
    probabilities: tuple
    health: Health


class Predictor:
    """Classifies video files. Flow is made as the network's clip
    specification says.

    A network that sees its segments in order gets one clip of all of them; if
    they are chunks, they lie 15 frames apart, in the middle of the video, or
    as far as fits.

    Args:
        model: keras.Model of this package.
        num_segments: `None`, or int: snippets a video. Defaults to `None`:
            25, or as many as the network was built for if it sees them in
            order.
        crops: str. `"center"`, `"ten"`, `"frame"` or `"frame_and_mirror"`.
            Defaults to `"center"`.

    Attributes:
        classes: tuple of str. Their names, or their numbers if the network
            does not know them.
        frame: `FrameSpec`. How frames are taken; a stream of `windows` takes
            its `fps` and `deinterlace`.
        shares_snippets: bool. Whether windows that overlap share what the
            network makes of their snippets, not only the images.

    Raises:
        ValueError: if the model holds no clip specification, the crops are
            unknown, or it was built for clips of another size or length, or
            for features.
    """

    def __init__(self, model, num_segments=None, crops="center"):
        description = describe(model)
        self._spec = scorers.check_sees_videos(model)
        reader.check_protocol(self._spec, crops)
        if self._spec.sampling == "chunks":
            self._spec = self._spec.replace(stride=(CHUNK_STRIDE,) * 2)
        num_classes = predictions_layer(model).output.shape[-1]
        self.classes = description.class_names or tuple(
            map(str, range(num_classes))
        )
        self.frame = self._spec.frame
        self.shares_snippets = not self._spec.ordered
        self._num_segments = (
            num_segments or scorers.length_of_clips(model) or _NUM_SEGMENTS
        )
        self._scorer = scorers.make(model, self._num_segments, crops)
        self._crops = crops

    def __call__(self, path, top=5):
        """Classifies one video.

        Args:
            path: path of a video file, or its URL, such as
                `"s3://bucket/clip.mp4"`.
            top: int. How many classes. Defaults to `5`.

        Returns:
            `Prediction`.

        Raises:
            VideoError: if the video cannot be read.
            OSError: if an object store does not let it be read.
        """
        path = storage.as_path(path)
        source = SingleVideo(path, self._spec.flow).seen_as(self._spec.frame)
        clip = reader.read_test_clip(
            source,
            0,
            self._spec,
            num_segments=self._num_segments,
            mode="test",
            crops=self._crops,
        )
        if len(clip) == 1:
            (clip,) = clip.values()
        probabilities = _probabilities(self._scorer(clip))
        best = np.argsort(-probabilities, kind="stable")[:top]
        return Prediction(
            str(path),
            tuple(self.classes[i] for i in best),
            tuple(float(probabilities[i]) for i in best),
            source.health(0),
        )

    def windows(self, stream, window=2.0, stride=1.0):
        """Classifies the windows of a long or live video as it reads them, in
        constant memory.

        The prediction of a window is that of a video of its frames alone. Its
        snippets, and with them its beginning and length, lie on a grid that
        all windows share: see `scorers.windows.Windows`. Each snippet that
        several windows share is shown to the network once; a network that sees
        its segments in order is shown whole windows.

        Args:
            stream: `videos.FileStream`, or `CameraStream`, made with the
                `fps` and `deinterlace` of `frame`.
            window: float. Seconds. Defaults to `2.0`.
            stride: float. Seconds from window to window. Defaults to `1.0`.

        Yields:
            `timeline.WindowPrediction`.

        Raises:
            ValueError: if the window has no frame, or the stride none, or
                the frames are not taken as the network wants them.
            VideoError: if the video cannot be read, or is shorter than a
                window.
        """
        self._check_taken(stream)
        windows = Windows(
            self._spec, stream.frame_rate, window, stride, self._num_segments
        )
        clip = MovingClip(self._spec, self._crops)
        kind = SharedSnippets if self.shares_snippets else WholeWindows
        score = kind(self._scorer, clip, windows)
        length = windows.num_frames / stream.frame_rate
        for start, logits in timeline.scan(stream, windows, clip, score):
            yield timeline.WindowPrediction(
                round(start, 6),
                round(start + length, 6),
                _probabilities(logits),
            )

    def _check_taken(self, stream):
        wanted = self.frame
        fps = stream.frame_rate if wanted.fps is None else wanted.fps
        if stream.deinterlace != wanted.deinterlace or not math.isclose(
            stream.frame_rate, fps
        ):
            raise ValueError(
                f"Expected a stream of fps={wanted.fps} and "
                f"deinterlace={wanted.deinterlace!r}, as the network sees its "
                f"frames. Received: {stream.frame_rate:g} frames a second, "
                f"deinterlace={stream.deinterlace!r}"
            )


def _probabilities(logits):
    return scipy.special.softmax(logits.astype("float64"))
