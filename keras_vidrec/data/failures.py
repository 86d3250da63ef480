"""Videos that cannot be read: few cost a run nothing, many end it."""

import logging
import threading

_MAX_FAILED_SHARE = 0.05

logger = logging.getLogger("keras_vidrec")


class TooManyFailures(RuntimeError):
    """Over 5 % of the videos of a split cannot be read."""


class Failures:
    """Videos that could not be read: logged, counted, and too many of them
    end the run.

    Args:
        num_videos: int. Of the split; `math.inf` where others count.
        tell: bool. Whether they are logged. Defaults to `True`.

    Attributes:
        errors: dict from the name of a video to what is wrong with it.
        fatal: `None`, or the `TooManyFailures` that ended the pipeline.
    """

    def __init__(self, num_videos, tell=True):
        self.errors = {}
        self.fatal = None
        self._num_videos = num_videos
        self._tell = tell
        self._lock = threading.Lock()

    def add(self, name, error):
        """Notes a failure; `TooManyFailures` at over one video and 5 %."""
        with self._lock:
            if name not in self.errors:
                self.errors[name] = str(error)
                if self._tell:
                    logger.warning("Skipped a video: %s", error)
            failed = len(self.errors)
        if failed > max(1, _MAX_FAILED_SHARE * self._num_videos):
            raise self.give_up()

    def give_up(self):
        """The error that ends the pipeline, which is kept as `fatal`."""
        error = list(self.errors.values())[-1]
        self.fatal = TooManyFailures(
            f"{len(self.errors)} of {self._num_videos} videos cannot be read. "
            f"Expected at most 5 %. Received, the last one: {error}"
        )
        return self.fatal
