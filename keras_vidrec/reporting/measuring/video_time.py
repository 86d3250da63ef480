"""Measures the time of decoding, flow and network for a video."""

import dataclasses
import statistics
import time

from keras_vidrec.data.clips import reader
from keras_vidrec.data.prepared import storage
from keras_vidrec.data.sources.video_files import SingleVideo
from keras_vidrec.evaluation import protocols
from keras_vidrec.evaluation.scorers import scorer as scorers

# The modality that reads the same frames without computing flow.
_FRAMES_OF = {"flow": "rgb_diff", "warped_flow": "rgb_diff"}
# The first pass is not counted: it compiles, and fills the file cache.
_PASSES = 4


@dataclasses.dataclass(frozen=True)
class VideoTime:
    """The time for one video in the test of a network.

    Attributes:
        network: str. Name of the network.
        video: str. The path as given.
        snippets: int. Number of snippets, in all crops.
        decoding: float. Seconds of reading the file, and resizing and cropping
            its frames.
        flow: float. Seconds of computing flow; 0 if the network takes no flow
            or computes it itself.
        computing: float. Seconds of the network.
    """

    network: str
    video: str
    snippets: int
    decoding: float
    flow: float
    computing: float

    @property
    def shares(self) -> dict:
        """Shares of the time, float in [0, 1], by `decoding`, `flow` and
        `computing`."""
        names = ("decoding", "flow", "computing")
        seconds = {name: getattr(self, name) for name in names}
        total = sum(seconds.values())
        return {name: one / total for name, one in seconds.items()}

    def to_dict(self) -> dict:
        """Returns a dict of the attributes and `shares`, for JSON."""
        return {**dataclasses.asdict(self), "shares": self.shares}


def measure(model, name: str, video) -> VideoTime:
    """Measures the time for one video, the median of a few passes.

    Args:
        model: keras.Model that takes clips of videos and has a test protocol.
        name: str. Name of the network.
        video: path or URL of a video file.

    Returns:
        `VideoTime`.

    Raises:
        ValueError: if the network takes features, or has no test protocol.
        VideoError: if the video cannot be read.
    """
    test, spec = protocols.of(model)
    scorers.check_sees_videos(model)
    score = scorers.make(model, test)
    # The video is read with and without flow. The difference is the time of
    # flow.
    seen = [_FRAMES_OF.get(one, one) for one in spec.modalities]
    frames = spec.replace(modalities=tuple(dict.fromkeys(seen)))
    taken: dict[str, list[float]] = {
        "decoding": [],
        "flow": [],
        "computing": [],
    }
    for _ in range(_PASSES):
        clip, seconds = _timed(_read, video, spec, test)
        decoding = seconds
        if frames != spec:
            _, decoding = _timed(_read, video, frames, test)
        _, computing = _timed(score, clip)
        taken["decoding"].append(decoding)
        taken["flow"].append(max(seconds - decoding, 0.0))
        taken["computing"].append(computing)
    medians = {
        what: statistics.median(seconds[1:]) for what, seconds in taken.items()
    }
    shown = clip if not isinstance(clip, dict) else next(iter(clip.values()))
    return VideoTime(name, str(video), len(shown), **medians)


def _read(video, spec, test):
    """Returns the clips of a video: an array, or a dict of arrays."""
    source = SingleVideo(storage.as_path(video), spec.flow)
    clip = reader.read_test_clip(
        source.seen_as(spec.frame), 0, spec, **test.reading()
    )
    return clip if len(clip) > 1 else next(iter(clip.values()))


def _timed(call, *arguments):
    start = time.perf_counter()
    found = call(*arguments)
    return found, time.perf_counter() - start
