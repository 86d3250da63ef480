"""Times of frames, for networks that need a constant frame rate."""

import math

import av
import numpy as np


def times_of(shown, stored, container, stream):
    """Returns the times of the frames in seconds after the first frame, an
    increasing array; `None` if the file has no time stamps or the frame rate
    is implausible."""
    if container.format.flags & av.format.Flags.no_timestamps.value:
        return None
    tick = float(stream.time_base or 1 / 90000)
    known = [completed(stamps) for stamps in (shown, stored)]
    stamps = known[0] if known[0] is not None else known[1]
    if stamps is not None:
        times = (stamps - stamps[0]) * tick
    elif all(stamp is None for stamp in shown):
        return None
    else:
        times = np.array([*counted_on(shown, tick, stream)])
    if len(times) < 2:
        return times
    steps = np.diff(times)
    middle = float(np.median(steps))
    usual = abs(steps - middle) <= 1.001 * max(tick, min(0.001, middle / 10))
    rate = 1 / (steps[usual].mean() if usual.any() else middle)
    if usual.all():
        rate = len(steps) / times[-1]
    return times if rate <= 1001 else None


def completed(stamps):
    """Returns the time stamps, with those missing at the end extrapolated;
    `None` if others are missing or they do not increase."""
    known = [stamp for stamp in stamps if stamp is not None]
    missing = len(stamps) - len(known)
    if None in stamps[: len(known)] or len(known) < 1 + missing:
        return None
    found = np.array(known, np.float64)
    steps = np.diff(found)
    if (steps <= 0).any() or (missing and not len(steps)):
        return None
    more = np.median(steps) * np.arange(1, missing + 1) if missing else []
    return np.r_[found, found[-1] + more] if missing else found


def counted_on(stamps, tick, stream):
    """Yields increasing times in seconds, also if time stamps are missing or
    decrease."""
    rates = (stream.average_rate, stream.guessed_rate)
    rate = next((float(r) for r in rates if r and 0 < r <= 1001), 25.0)
    begin = None if stamps[0] is None else stamps[0] * tick
    last = 0.0
    yield last
    for stamp in stamps[1:]:
        after = last + 1 / rate
        if begin is None and stamp is not None:
            begin = stamp * tick - after
        now = after if stamp is None else stamp * tick - begin
        if now < last - 1:  # a file joined from several recordings
            begin += now - after
            now = after
        last = max(now, last + tick)
        yield last


def at_rate(times, fps):
    """Returns the numbers of the frames that are nearest to the times `k /
    fps`."""
    if len(times) < 2:
        return np.zeros(1, int)
    end = times[-1] + float(np.median(np.diff(times)))
    moments = np.arange(max(math.ceil(end * fps - 0.5), 1)) / fps
    after = np.clip(np.searchsorted(times, moments), 1, len(times) - 1)
    earlier = moments - times[after - 1] <= times[after] - moments + 1e-6
    return after - earlier
