"""Where the time goes between a video file and its classes."""

import dataclasses
import statistics
import time

from keras_vidrec.data.clips import reader
from keras_vidrec.data.prepared import storage
from keras_vidrec.data.sources.video_files import SingleVideo
from keras_vidrec.evaluation import protocols
from keras_vidrec.evaluation.scorers import scorer as scorers

# Flow is made of the frames that rgb_diff reads.
_FRAMES_OF = {"flow": "rgb_diff", "warped_flow": "rgb_diff"}
# The first one compiles, and brings the file into memory.
_PASSES = 4


@dataclasses.dataclass(frozen=True)
class VideoTime:
    """What one video takes by the test of a network.

    Attributes:
        network: str. Its name.
        video: str. The path as given.
        snippets: int. That the network is shown.
        decoding: float. Seconds of reading the file and resizing and cropping
            its frames.
        flow: float. Seconds of making flow of them; 0 where none is made
            outside of the network.
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
        """Its JSON: the attributes, and `shares`."""
        return {**dataclasses.asdict(self), "shares": self.shares}


def measure(model, name: str, video) -> VideoTime:
    """Times one video, a few times: the medians.

    Args:
        model: keras.Model that sees videos and knows its test.
        name: str. What to call it.
        video: path of a video file, or its URL.

    Raises:
        ValueError: if the network sees features, or knows no test.
        VideoError: if the video cannot be read.
    """
    test, spec = protocols.of(model)
    scorers.check_sees_videos(model)
    score = scorers.make(model, test)
    # Without flow it is read again: the difference is what flow takes.
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
    source = SingleVideo(storage.as_path(video), spec.flow)
    clip = reader.read_test_clip(
        source.seen_as(spec.frame), 0, spec, **test.reading()
    )
    return clip if len(clip) > 1 else next(iter(clip.values()))


def _timed(call, *arguments):
    start = time.perf_counter()
    found = call(*arguments)
    return found, time.perf_counter() - start
