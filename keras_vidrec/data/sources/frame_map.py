"""Finds the frames of a file that a clip consists of: those of its segment, at
the frame rate of the network.
"""

import numpy as np

from keras_vidrec.specs.checks import counted

# Seconds by which a frame must be nearer than another one, so that the choice
# does not depend on rounding.
_TIE = 1e-6
# The largest error of times in seconds: containers round to milliseconds, and
# times of a constant rate are computed from it.
_ROUNDING = 0.0015
# The least distance of a sampled moment from the end of the clip, in periods of
# the new rate: 4.004 seconds, as from cameras with 29.97 frames per second,
# have as many frames as 4 seconds.
_END = 0.5


def frames_of(
    num_frames: int,
    times: np.ndarray | None = None,
    fps: float | None = None,
    segment: tuple | None = None,
) -> np.ndarray | None:
    """Returns the indices of the frames of a file that a clip consists of.

    A segment is treated like a file of its own: its first frame is at second 0
    of the clip.

    Args:
        num_frames: int, at least 1. Frames of the file.
        times: `None` (unknown), or float64 array `(num_frames,)`: seconds of
            each frame after the first one, strictly increasing. Defaults to
            `None`.
        fps: `None` (every frame once), or float > 0: for each moment `k / fps`,
            from 0 to half a period before the end of the clip, the nearest
            frame in time, the earlier one of two that are equally near. So
            frames are left out or repeated. Defaults to `None`.
        segment: `None` (the whole file), or tuple `(start, end, unit)`, as in a
            `Catalog`: the frames with `start <= t < end`, where t is the time
            in seconds, or the index if the unit is `"frames"`. An end of `None`
            is that of the file. Defaults to `None`.

    Returns:
        `None` for all frames, each once; else int64 array of indices in the
        order of time.

    Raises:
        ValueError: if `times` are needed and unknown, or no frame is in the
            segment.
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
    """Returns the indices of the frames of a file that a clip consists of,
    sampled according to a `FrameSpec`.

    Args:
        healths: `HealthCache`, or another object with its `[name]` and
            `times(name)`, for files that are deinterlaced as `frame` says.
        file: str. Name of the file.
        frame: `None`, or `FrameSpec`, of which `fps` and `deinterlace` are
            used.
        segment: as for `frames_of`, in seconds from the start of the file,
            which may be that of its sound, or in frames before deinterlacing.
            Defaults to `None`.

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
    """The share of the frames of a clip that are damaged or cut off, from 0 to
    1. Takes the arguments of `frames_taken`."""
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
    # If nothing is lost, an end after that of the file is due to rounding.
    cut_off = (end - max(there, start)) / (end - start) if lost else 0
    return float(max(share, cut_off))


def _in_decoded(segment, frame, health):
    """Converts a segment to seconds after the first frame, or to indices of
    frames after deinterlacing."""
    if segment is None:
        return None
    start, end, unit = segment
    if unit == "seconds":
        # Lists have the seconds that a player shows, from the start of the
        # file.
        begins = health.begins
        return start - begins, None if end is None else end - begins, unit
    # "bob" makes two frames of each.
    if frame is not None and frame.deinterlace == "bob":
        return 2 * start, None if end is None else 2 * end, unit
    return segment


def _times(healths, file):
    """The times of the frames of a file in seconds; `None` if they are unknown
    or not usable."""
    health = healths[file]
    if health.frame_rate is None and health.num_frames > 1:
        return None
    return healths.times(file)


def _bounds(num_frames, times, segment):
    """The index of a segment's first frame, and of the one after its last."""
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


def _at_rate(times: np.ndarray, fps: float) -> np.ndarray:
    """Returns the index of the frame nearest to each moment at a rate, given
    the times of frames, which begin with 0."""
    if len(times) < 2:
        return np.zeros(1, np.int64)
    # The duration of the last frame is assumed to be the median one.
    end = times[-1] + _step(times)
    count = max(int(np.ceil(end * fps - _END)), 1)
    moments = np.arange(count) / fps
    after = np.clip(np.searchsorted(times, moments), 1, len(times) - 1)
    is_earlier = moments - times[after - 1] <= times[after] - moments + _TIE
    return after - is_earlier


def _step(times: np.ndarray) -> float:
    """The median time between frames in seconds."""
    return float(np.median(np.diff(times))) if len(times) > 1 else _TIE
