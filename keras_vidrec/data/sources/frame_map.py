"""Which frames of its file a clip consists of: those of its segment, at the
rate of the network.
"""

import numpy as np

from keras_vidrec.specs.checks import counted

# Which of two frames is nearer must not depend on rounding.
_TIE = 1e-6
# Seconds by which times may be mistaken: containers round to milliseconds, and
# those of a constant rate are computed from it.
_ROUNDING = 0.0015
# Periods of the new rate that a moment lies before the end at least: 4.004
# seconds, as cameras of 29.97 frames make them, have as many as 4.
_END = 0.5


def frames_of(
    num_frames: int,
    times: np.ndarray | None = None,
    fps: float | None = None,
    segment: tuple | None = None,
) -> np.ndarray | None:
    """The frames of a file that a clip consists of.

    A segment is as a file of its own frames: the first one that is shown in it
    is at second 0 of the clip.

    Args:
        num_frames: int, at least 1. Frames of the file.
        times: `None` (unknown), or float64 array `(num_frames,)`: seconds of
            each frame from the first, strictly increasing.
        fps: `None` (every frame once), or float > 0: of each moment `k / fps`,
            from 0 to half a period before the end of the clip, the nearest
            frame in time, the earlier one of two. Frames are left out or
            repeated.
        segment: `None` (all of the file), or tuple `(start, end, unit)`, as a
            `Catalog` has it: the frames with `start <= t < end`, t being their
            second or, where the unit is `"frames"`, their number; an end of
            `None` is that of the file.

    Returns:
        `None` where that is all of them, each once; else int64 array: their
        numbers, in the order of time.

    Raises:
        ValueError: if `times` are needed and unknown, or the segment has no
            frame.
    """
    if fps is None and segment is None:
        return None
    in_seconds = segment is not None and segment[2] == "seconds"
    if times is None and (fps is not None or in_seconds):
        wanted = "seconds of a segment" if in_seconds else f"fps={fps:g}"
        instead = "start_frame and end_frame" if in_seconds else "fps=None"
        raise ValueError(
            f"it has no usable time stamps. Expected {instead}, or a file "
            f"with time stamps. Received: {wanted}"
        )
    first, last = 0, num_frames
    if segment is not None:
        first, last = _bounds(num_frames, times, segment)
    if fps is None or times is None:
        return np.arange(first, last)
    return first + _at_rate(times[first:last] - times[first], fps)


def frames_taken(healths, file, frame, segment=None) -> np.ndarray | None:
    """The frames of a file that a clip consists of, as a network sees it.

    Args:
        healths: `HealthCache`, or what else gives `Health` and `times` by
            name: of files that are deinterlaced as `frame` says.
        file: str. Name of the file.
        frame: `None`, or `FrameSpec`. Its `fps` and `deinterlace` matter.
        segment: as for `frames_of`, in seconds from where the file begins (its
            sound may begin first), or in frames as they are stored.

    Returns:
        As `frames_of`.

    Raises:
        ValueError: as `frames_of`.
        VideoError: if the file cannot be read.
    """
    fps = None if frame is None else frame.fps
    if fps is None and segment is None:
        return None
    health = healths[file]
    segment = _in_decoded(segment, frame, health)
    return frames_of(health.num_frames, _times(healths, file), fps, segment)


def lost_share(healths, file, frame, segment=None) -> float:
    """Share of the frames of a clip that are damaged or cut off, from 0 to 1;
    the arguments are those of `frames_taken`."""
    health = healths[file]
    if segment is None:
        return health.lost_share
    within = health.lost_within
    share = within / max(health.num_frames + health.missing, within)
    start, end, unit = _in_decoded(segment, frame, health)
    there, lost = health.num_frames, health.lost_at_end
    if unit == "seconds":
        times = _times(healths, file)
        if times is None:
            return share
        period = _step(times)
        there, lost = times[-1] + period, lost * period
    end = there + lost if end is None else end
    # An end behind that of a sound file is a matter of rounding.
    cut_off = (end - max(there, start)) / (end - start) if lost else 0
    return float(max(share, cut_off))


def _in_decoded(segment, frame, health):
    """A segment, counted from the first frame on, in frames that are decoded
    as a `FrameSpec` says."""
    if segment is None:
        return None
    start, end, unit = segment
    if unit == "seconds":
        # Those that a player shows: from where the file begins.
        begins = health.begins
        return start - begins, None if end is None else end - begins, unit
    if frame is not None and frame.deinterlace == "bob":  # two of each
        return 2 * start, None if end is None else 2 * end, unit
    return segment


def _times(healths, file):
    """Seconds of the frames of a file, `None` if they are absurd, too."""
    health = healths[file]
    if health.frame_rate is None and health.num_frames > 1:
        return None
    return healths.times(file)


def _bounds(num_frames, times, segment):
    """Its first frame and the one behind its last."""
    start, end, unit = segment
    if unit == "frames":
        first, last = start, num_frames if end is None else end
        whole = counted(num_frames, "frame")
    else:
        allowed = min(_ROUNDING, _step(times) / 4)
        first = int(np.searchsorted(times, start - allowed))
        last = num_frames
        if end is not None:
            last = int(np.searchsorted(times, end - allowed))
        whole = counted(num_frames, "frame")
        whole = f"{whole}, the last at second {times[-1]:.6g}"
    last = min(last, num_frames)
    if first >= last:
        unit = "frames" if unit == "frames" else "seconds"
        raise ValueError(
            "there is no frame in its segment. Expected a segment of a file "
            f"of {whole}. Received: {unit} {start} to {end}"
        )
    return first, last


def _at_rate(times, fps):
    """Numbers of the nearest frames of each period; times from 0."""
    if len(times) < 2:
        return np.zeros(1, np.int64)
    # The last frame is shown as long as most.
    end = times[-1] + _step(times)
    count = max(int(np.ceil(end * fps - _END)), 1)
    moments = np.arange(count) / fps
    after = np.clip(np.searchsorted(times, moments), 1, len(times) - 1)
    is_earlier = moments - times[after - 1] <= times[after] - moments + _TIE
    return after - is_earlier


def _step(times):
    """Seconds from most frames to the next."""
    return float(np.median(np.diff(times))) if len(times) > 1 else _TIE
