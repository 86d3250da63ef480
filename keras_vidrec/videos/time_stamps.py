"""When frames are shown: what presentation time stamps say."""

import contextlib
import dataclasses
import itertools

import av
import numpy as np

# In arrays of integers: no time stamp.
NONE = -(2**63)
# No camera of this world; DV in some containers states 60,000.
MOST_FRAMES_A_SECOND = 1001.0
# Steps that differ by less are one step, rounded to milliseconds on the way.
_ROUNDING = 0.001
# Seconds that stamps go back where a recording was put together of parts.
_NEW_PART = 1.0
# Number of packets for measuring the frame rate, and the largest difference
# from the rate in the header at which that one is used, unrounded.
_LOOKED_AT = 1000
_SAME = 0.02
# Frames that may come later than they are shown.
_REORDERED = 32


def stated_rate(stream):
    """Frames a second as a file states it, `None` if it does not or absurdly:
    what to assume while time stamps are not known."""
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and 0 < rate <= MOST_FRAMES_A_SECOND:
            return float(rate)
    return None


def measured_rate(container, stream):
    """Frames a second as the time stamps of a video say, found without
    decoding: the most usual one if it varies.

    Args:
        container: a freshly opened container.
        stream: its stream of pictures.

    Returns:
        float, or `None` if they do not say, or absurdly.
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
        del stamps[-_REORDERED:]  # some in between lie behind what was read
    times = FrameTimes.of(stamps, stamps, clock)
    if times.seconds is None or len(times.seconds) < 2:
        return stated
    if times.rate and stated and abs(stated / times.rate - 1) < _SAME:
        return stated
    return times.rate and float(f"{times.rate:.8g}")


def known(stamps):
    """Time stamps as a list, with `None` in the place of `NONE`."""
    return [None if stamp == NONE else stamp for stamp in stamps]


class Clock:
    """Seconds of the frames of a video, as they come.

    Args:
        container: an open container.
        stream: its stream of pictures.

    Attributes:
        tick: float. Seconds of a unit of the time stamps.
        keeps_time: bool. Whether the container has time stamps at all.
        late: float. Seconds from where the file begins, with sound perhaps, to
            its first frame; known with the first frame.
    """

    def __init__(self, container, stream):
        self.tick = float(stream.time_base or 1 / 90000)
        flags = av.format.Flags.no_timestamps.value
        self.keeps_time = not container.format.flags & flags
        # AVI counts its packets, and does not contain the display order of
        # frames.
        self._by_decoding = container.format.name == "avi"
        rate = stated_rate(stream)
        self._step = 1 / rate if rate else 0.04
        self._begin = self._last = None
        self.late = 0.0
        self._file_begin = container.start_time

    def stamp(self, frame):
        """The presentation time stamp of a frame, or `None`."""
        return frame.dts if self._by_decoding else frame.pts

    def seconds(self, frame):
        """Seconds of a frame from the first, which has 0.0: more from frame to
        frame, whatever is missing."""
        return self.seconds_of(self.stamp(frame))

    def seconds_of(self, stamp):
        """`seconds` of a time stamp, or of `None`."""
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
            self._begin = stamp * self.tick - after  # the first that is known
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
        rate: `None`, or float. Frames a second; `None` if unknown or absurd.
        variable: bool. Whether steps differ by more than rounding.
    """

    seconds: np.ndarray | None
    rate: float | None
    variable: bool

    @classmethod
    def of(cls, shown, decoded, clock):
        """Of the time stamps of frames in their order.

        Args:
            shown: sequence of int or `None`. Presentation time stamps.
            decoded: the same, of decoding; used where the others go back.
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
        # Steps are rounded, and the mean of those that are alike is not.
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
        """The times where each frame becomes two, halfway to the next."""
        if self.seconds is None or len(self.seconds) < 2:
            return FrameTimes(None, None, False)
        steps = np.diff(self.seconds)
        steps = np.r_[steps, steps[-1]]
        seconds = np.stack([self.seconds, self.seconds + steps / 2], -1)
        rate = 2 * self.rate if self.rate else None
        return FrameTimes(seconds.reshape(-1), rate, self.variable)


def _completed(stamps):
    """Strictly increasing float64 stamps, or `None`. What the last frames do
    not say, decoders having kept them back, goes on in the same steps."""
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
