"""How far a preparation is: a bar on a terminal, else a line now and then."""

import sys
import time

import tqdm

_LINE_EVERY_S = 30


class Progress:
    """Shows videos and frames done, their rate and the time left.

    Args:
        total: int. Number of videos.
        done: int. Those of them that were done before.
        shown: bool. Whether to show anything.
    """

    def __init__(self, total, done, shown):
        self._frames = 0
        self._failed = 0
        self._started = time.monotonic()
        self._line_at = self._started + _LINE_EVERY_S
        on_terminal = sys.stderr.isatty()
        self._lines = shown and not on_terminal
        self._bar = tqdm.tqdm(
            total=total,
            initial=done,
            desc="prepare",
            unit="video",
            disable=not (shown and on_terminal),
        )
        # A disabled bar counts nothing.
        self._total, self._done, self._initial = total, done, done

    def add_frames(self, count):
        self._frames += count
        self._show()

    def add_video(self, failed=False):
        self._done += 1
        self._failed += failed
        self._bar.update()
        self._show()

    def close(self):
        self._bar.close()

    def _show(self):
        now = time.monotonic()
        seconds = max(now - self._started, 1e-9)
        rate = f"{self._frames / seconds:.0f} frames/s"
        failed = f", {self._failed} failed" if self._failed else ""
        self._bar.set_postfix_str(rate + failed, refresh=False)
        if self._lines and now >= self._line_at:
            self._line_at = now + _LINE_EVERY_S
            new = self._done - self._initial
            left = seconds * (self._total - self._done) / new if new else None
            sys.stderr.write(
                f"prepare: {self._done} of {self._total} videos, {rate}"
                f"{failed}, time left: "
                + (tqdm.tqdm.format_interval(left) if new else "?")
                + "\n"
            )
            sys.stderr.flush()
