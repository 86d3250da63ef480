"""One pass over a video, which finds its health and the times of its frames."""

import numpy as np

from keras_vidrec.videos import decoder as decoders
from keras_vidrec.videos import opening
from keras_vidrec.videos import time_stamps
from keras_vidrec.videos.health import Health

# How many packets of an undamaged file may show no frame: encoders write some
# at the end, and headers count them.
_SPARE = 2
# Seconds that the sound of a file may last longer than its frames.
_SOUND = 1.0
# Longer holes, in seconds, are where recordings were joined.
_LONGEST_HOLE = 60.0
# Containers whose header states their duration; FFmpeg guesses that of others.
_WITH_DURATION = {"matroska,webm", "flv", "asf"}
# Codecs with one shown frame per packet.
_ONE_TO_ONE = {"h264", "hevc"}


def examine(path, deinterlace=None):
    """Decodes all of a video, without converting its frames.

    Args:
        path: path of the video, or an open file.
        deinterlace: see `video.probe`. Defaults to `None`.

    Returns:
        Tuple of its `Health` and its `FrameTimes`.

    Raises:
        VideoError: if no frame can be decoded.
    """
    with opening.opened(path) as (container, stream):
        decoder = decoders.Decoder(
            path, container, stream, deinterlace=deinterlace
        )
        while decoder.advance():
            pass
        return summary(container, stream, decoder, deinterlace)


def summary(container, stream, decoder, deinterlace=None):
    """Returns the result of `examine` for a decoder that has read its video to
    the end."""
    shown, decoded = map(time_stamps.known, decoder.stamps)
    times = time_stamps.FrameTimes.of(
        shown, decoded, time_stamps.Clock(container, stream)
    )
    clock = time_stamps.Clock(container, stream)
    clock.seconds_of(shown[0])
    stated = _stated(container, stream, times)
    lost = _lost_at_end(container, stream, decoder, times, stated)
    damaged = decoder.num_damaged + _silent(stream, decoder, stated)
    missing = _in_holes(times, damaged)
    each = 1  # shown frames per decoded frame
    if deinterlace == "bob":
        times, each = times.of_fields(), 2
    height, width = decoder.size
    context = stream.codec_context
    aspect = stream.sample_aspect_ratio or context.sample_aspect_ratio
    health = Health(
        num_frames=decoder.position + 1,
        frames_stated=stated and each * stated,
        damaged=each * damaged,
        lost_at_end=each * lost,
        codec=context.codec.canonical_name,
        height=height,
        width=width,
        frame_rate=times.rate,
        variable_rate=times.variable,
        interlaced=decoder.interlaced,
        hdr=decoder.hdr,
        rotation=decoder.rotation,
        decoder=decoders.version(),
        pixel_aspect=float(aspect or 1),
        begins=clock.late if clock.keeps_time else 0.0,
        missing=each * missing,
    )
    return health, times


def _stated(container, stream, times):
    if stream.frames:
        return stream.frames
    rate = time_stamps.stated_rate(stream) or times.rate
    if container.format.name in _WITH_DURATION and container.duration and rate:
        return round(container.duration / 1e6 * rate)
    return None


def _lost_at_end(container, stream, decoder, times, stated):
    if stated is None:
        return 0
    if stream.frames and container.format.name == "avi":
        # The header counts units of time; some may have no packet.
        begin = stream.start_time or 0
        lost = stated - 1 - (decoder.last_stamp - begin)
        return lost if lost > _SPARE else 0
    if stream.frames:
        return max(stated - decoder.num_packets, 0)
    if times.seconds is None:
        return 0
    rate = times.rate or stated / (container.duration / 1e6)
    lost = stated - round(times.seconds[-1] * rate) - 1
    allowed = _SPARE if len(container.streams) == 1 else _SOUND * rate
    return lost if lost > allowed else 0


def _silent(stream, decoder, stated):
    """Returns the number of packets that gave neither a frame nor an error."""
    codec = stream.codec_context.codec.canonical_name
    if not stated or codec not in _ONE_TO_ONE or decoder.interlaced:
        return 0
    missing = decoder.num_packets - decoder.num_damaged - len(decoder.stamps[0])
    return missing if missing > _SPARE else 0


def _in_holes(times, damaged):
    """Returns the number of frames that are missing between others in a damaged
    video. FFmpeg skips data that it does not recognize without an error."""
    if not damaged or times.seconds is None or len(times.seconds) < 3:
        return 0
    steps = np.diff(times.seconds)
    usual = np.median(steps)
    holes = steps[steps > 1.5 * usual]
    # More holes than damaged packets: the frame rate varies.
    if len(holes) > damaged + 1:
        return 0
    holes = holes[holes < _LONGEST_HOLE]
    return int(np.round(holes / usual - 1).sum())
