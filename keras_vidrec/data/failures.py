"""Counts videos that cannot be read. A few are skipped; too many end a run."""

import logging
import threading

_MAX_FAILED_SHARE = 0.05

logger = logging.getLogger("keras_vidrec")


class TooManyFailures(RuntimeError):
    """More than 5 % of the videos of a split cannot be read."""


class Failures:
    """Logs and counts videos that cannot be read, and ends the run if there are
    too many.

    Args:
        num_videos: int. Videos of the split; `math.inf` if another object
            counts failures.
        tell: bool. Whether failures are logged. Defaults to `True`.

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
        """Records that a video cannot be read.

        Args:
            name: str. The video.
            error: Exception.

        Raises:
            TooManyFailures: if more than one video and more than 5 % of all
                have failed.
        """
        with self._lock:
            if name not in self.errors:
                self.errors[name] = str(error)
                if self._tell:
                    logger.warning("Skipped a video: %s", error)
            failed = len(self.errors)
        if failed > max(1, _MAX_FAILED_SHARE * self._num_videos):
            raise self.give_up()

    def give_up(self):
        """Returns the error that ends the pipeline, and stores it in `fatal`.
        At least one failure must have been added."""
        error = list(self.errors.values())[-1]
        self.fatal = TooManyFailures(
            f"{len(self.errors)} of {self._num_videos} videos cannot be read. "
            f"Expected at most 5 %. Received, the last one: {error}"
        )
        return self.fatal
