"""The times of frames, from their presentation time stamps."""

import contextlib
import dataclasses
import itertools

import av
import numpy as np

# A missing time stamp in an array of integers.
NONE = -(2**63)
# Higher rates are errors: DV in some containers states 60,000.
MOST_FRAMES_A_SECOND = 1001.0
# Steps that differ by less are equal: containers round to milliseconds.
_ROUNDING = 0.001
# If time stamps go back by more seconds, another part of a recording begins.
_NEW_PART = 1.0
# Number of packets for measuring the frame rate. If it differs from that in the
# header by a smaller share than `_SAME`, the latter is used: it is not rounded.
_LOOKED_AT = 1000
_SAME = 0.02
# The largest distance between the orders of packets and of shown frames.
_REORDERED = 32


def stated_rate(stream) -> float | None:
    """Returns the frames per second that the header of a video states, for
    frames without time stamps; `None` if it states none or an absurd one."""
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and 0 < rate <= MOST_FRAMES_A_SECOND:
            return float(rate)
    return None


def measured_rate(container, stream):
    """Measures the frames per second of a video by its time stamps, without
    decoding. If the rate varies, it is the most common one.

    Args:
        container: a newly opened container.
        stream: its video stream.

    Returns:
        float, or `None` if the rate is unknown or absurd.
    """
    clock = Clock(container, stream)
    if not clock.keeps_time:
        return None
    stated = stated_rate(stream)
    packets = []
    # Unreadable files are reported when they are decoded.
    with contextlib.suppress(av.FFmpegError):
        demuxed = (packet for packet in container.demux(stream) if packet.size)
        packets += itertools.islice(demuxed, _LOOKED_AT)
    shown = [packet.pts for packet in packets]
    decoded = [packet.dts for packet in packets]
    stamps = decoded if None in shown else sorted(shown)
    if None in stamps:
        return stated
    if len(packets) == _LOOKED_AT:
        del stamps[-_REORDERED:]  # frames between these may not be read yet
    times = FrameTimes.of(stamps, stamps, clock)
    if times.seconds is None or len(times.seconds) < 2:
        return stated
    if times.rate and stated and abs(stated / times.rate - 1) < _SAME:
        return stated
    return times.rate and float(f"{times.rate:.8g}")


def known(stamps):
    """Returns time stamps as a list, with `None` instead of `NONE`."""
    return [None if stamp == NONE else stamp for stamp in stamps]


class Clock:
    """Converts the time stamps of the frames of a video, in order, to seconds.

    Args:
        container: an open container.
        stream: its video stream.

    Attributes:
        tick: float. The unit of the time stamps in seconds.
        keeps_time: bool. Whether the format of the container has time stamps.
        late: float. Seconds from the start of the file, which may be sound, to
            its first frame; known after the first frame.
    """

    def __init__(self, container, stream):
        self.tick = float(stream.time_base or 1 / 90000)
        flags = av.format.Flags.no_timestamps.value
        self.keeps_time = not container.format.flags & flags
        # AVI only counts packets and does not store the order of display.
        self._by_decoding = container.format.name == "avi"
        rate = stated_rate(stream)
        self._step = 1 / rate if rate else 0.04
        self._begin = self._last = None
        self.late = 0.0
        self._file_begin = container.start_time

    def stamp(self, frame):
        """Returns the time stamp of a frame, or `None`."""
        return frame.dts if self._by_decoding else frame.pts

    def seconds(self, frame):
        """Returns the seconds from the first frame to a frame. They increase
        from frame to frame, even if time stamps are missing or go back."""
        return self.seconds_of(self.stamp(frame))

    def seconds_of(self, stamp):
        """Returns `seconds` for a time stamp, or for `None`, a missing one."""
        if self._last is None:
            self._begin = None if stamp is None else stamp * self.tick
            self._last = 0.0
            known = None not in (stamp, self._file_begin)
            if known and not self._by_decoding:
                late = self._begin - self._file_begin / av.time_base
                self.late = max(late, 0.0)
            return 0.0
        after = self._last + self._step
        if self._begin is None and stamp is not None:
            self._begin = stamp * self.tick - after  # the first known stamp
        now = after if stamp is None else stamp * self.tick - self._begin
        if now < self._last - _NEW_PART:
            self._begin += now - after
            now = after
        now = max(now, self._last + self.tick)
        self._last = now
        return now


@dataclasses.dataclass(frozen=True, eq=False)
class FrameTimes:
    """The times of the frames of a video.

    Attributes:
        seconds: `None`, or float64 array `(num_frames,)`, strictly increasing
            from 0; `None` if they are not known.
        rate: `None`, or float. Frames per second; `None` if unknown or absurd.
        variable: bool. Whether steps differ by more than rounding.
    """

    seconds: np.ndarray | None
    rate: float | None
    variable: bool

    @classmethod
    def of(cls, shown, decoded, clock):
        """Returns the times of frames by their time stamps.

        Args:
            shown: sequence of int or `None`. Presentation time stamps in order
                of presentation.
            decoded: the same for decoding time stamps, which are used if
                `shown` do not increase.
            clock: `Clock` of the video, before its first frame.
        """
        if not clock.keeps_time:
            return cls(None, None, False)
        for stamps in (shown, decoded):
            stamps = _completed(stamps)
            if stamps is not None:
                return cls._measured((stamps - stamps[0]) * clock.tick, clock)
        if all(stamp is None for stamp in shown):
            return cls(None, None, False)
        seconds = [clock.seconds_of(stamp) for stamp in shown]
        return cls._measured(np.array(seconds), clock)

    @classmethod
    def _measured(cls, seconds, clock):
        if len(seconds) < 2:
            return cls(seconds, None, False)
        steps = np.diff(seconds)
        middle = float(np.median(steps))
        rounding = min(_ROUNDING, middle / 10)
        allowed = 1.001 * max(clock.tick, rounding)
        usual = abs(steps - middle) <= allowed
        variable = not bool(usual.all())
        # Single steps are rounded, so use the mean of all equal ones.
        if not variable:
            rate = len(steps) / float(seconds[-1])
        elif usual.any():
            rate = 1 / float(steps[usual].mean())
        else:
            rate = 1 / middle
        if rate > MOST_FRAMES_A_SECOND:
            rate = None
        return cls(seconds, rate, variable)

    def of_fields(self):
        """Returns the times of fields: two per frame, the second halfway."""
        if self.seconds is None or len(self.seconds) < 2:
            return FrameTimes(None, None, False)
        steps = np.diff(self.seconds)
        steps = np.r_[steps, steps[-1]]
        seconds = np.stack([self.seconds, self.seconds + steps / 2], -1)
        rate = 2 * self.rate if self.rate else None
        return FrameTimes(seconds.reshape(-1), rate, self.variable)


def _completed(stamps):
    """Returns stamps as float64 array, or `None` if they do not strictly
    increase. If only the last ones are missing, they are extrapolated."""
    known = [stamp for stamp in stamps if stamp is not None]
    missing = len(stamps) - len(known)
    if None in stamps[: len(known)] or len(known) < 1 + missing:
        return None
    found = np.array(known, np.float64)
    steps = np.diff(found)
    if (steps <= 0).any() or (missing and not len(steps)):
        return None
    if missing:
        more = np.median(steps) * np.arange(1, missing + 1)
        found = np.r_[found, found[-1] + more]
    return found
