"""What a network sees in single video files."""

import dataclasses

import numpy as np

from keras_vidrec.applications.head import describe
from keras_vidrec.data import clip_reader
from keras_vidrec.data.video_files import SingleVideo
from keras_vidrec.evaluation.snippet_scorer import SnippetScorer


@dataclasses.dataclass(frozen=True)
class Prediction:
    """Classes of one video, the most probable first.

    Attributes:
        video: str. The path as given.
        classes: tuple of str.
        probabilities: tuple of float, as long as `classes`.
    """

    video: str
    classes: tuple
    probabilities: tuple


class Predictor:
    """Classifies video files. Flow is made as the network's clip
    specification says.

    Args:
        model: keras.Model of this package.
        num_segments: int. Snippets a video. Defaults to `25`.
        crops: str. `"centre"` or `"ten"`. Defaults to `"centre"`.

    Raises:
        ValueError: if the model holds no clip specification, or the crops are
            unknown.
    """

    def __init__(self, model, num_segments=25, crops="centre"):
        description = describe(model)
        self._spec = description.clip_spec
        if self._spec is None:
            raise ValueError(
                "Expected a network that knows what it wants to see. "
                f"Received: model={model.name!r} without a clip specification"
            )
        if crops not in clip_reader.TEST_CROPS:
            raise ValueError(
                f"Invalid `crops`. Expected one of {clip_reader.TEST_CROPS}. "
                f"Received: crops={crops!r}"
            )
        self._names = description.class_names
        self._scorer = SnippetScorer(model)
        self._num_segments = num_segments
        self._crops = crops

    def __call__(self, path, top=5):
        """Classifies one video.

        Args:
            path: path of a video file.
            top: int. How many classes. Defaults to `5`.

        Returns:
            `Prediction`.

        Raises:
            VideoError: if the video cannot be read.
        """
        clip = clip_reader.read_test_clip(
            SingleVideo(path, self._spec.flow),
            0,
            self._spec,
            num_segments=self._num_segments,
            mode="test",
            crops=self._crops,
        )
        if len(clip) == 1:
            (clip,) = clip.values()
        logits = self._scorer(clip).astype("float64")
        probabilities = np.exp(logits - logits.max())
        probabilities /= probabilities.sum()
        best = np.argsort(-probabilities, kind="stable")[:top]
        names = self._names or tuple(map(str, range(len(logits))))
        return Prediction(
            str(path),
            tuple(names[i] for i in best),
            tuple(float(probabilities[i]) for i in best),
        )
