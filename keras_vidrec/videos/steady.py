"""A constant rate of frames that come when they come."""

import math

# A frame may be shown for so many periods, however long they are.
_PERIODS = 4
# Seconds: which of two frames is nearer must not depend on rounding.
_TIE = 1e-6


def steady(frames, rate: float, longest: float):
    """Takes frames at a constant rate, the nearest in time of each moment:
    some are repeated or left out where they do not come at that rate, and
    nothing changes where they do.

    Args:
        frames: iterable of `(seconds, frame)`, the seconds increasing from 0.
        rate: float. Frames a second to take.
        longest: float. Seconds that a frame may be shown (or a few periods of
            `rate`). If no other follows for longer, there is a gap, and numbers
            are left out.

    Yields:
        `(index, frame)`: what is shown `index / rate` seconds after the first
        frame.
    """
    longest = max(longest, _PERIODS / rate)
    index = 0
    step = 1 / rate
    before = shown = None
    for seconds, frame in frames:
        if before is not None:
            step = seconds - before
            lost = step > longest
            end = before + 0.5 / rate if lost else (before + seconds) / 2
            while index / rate < end - _TIE:
                yield index, shown
                index += 1
            if lost:
                index = max(index, math.ceil(seconds * rate - 0.5))
        before, shown = seconds, frame
    if before is not None:
        # The last one is shown as long as the one before it.
        step = min(step, longest)
        end = before + step - min(step, 1 / rate) / 2
        while index / rate < end:
            yield index, shown
            index += 1
