"""Conversion of frames to a constant rate."""

import math

# A frame may be shown for at least this many periods, even above `longest`.
_PERIODS = 4
# Tolerance in seconds, so that rounding does not decide which frame is nearer.
_TIE = 1e-6


def steady(frames, rate: float, longest: float):
    """Yields frames at a constant rate, by repeating frames or leaving them
    out; nothing changes if they have this rate.

    Args:
        frames: iterable of `(seconds, frame)`, the seconds increasing from 0.
        rate: float. Frames per second to yield.
        longest: float. Seconds that a frame may be shown, but at least 4
            periods of `rate`. If the next frame is later, there is a gap in the
            numbers.

    Yields:
        `(index, frame)`: the frame nearest to `index / rate` seconds after the
        first frame.
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
