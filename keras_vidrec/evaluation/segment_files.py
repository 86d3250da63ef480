"""Writes segments to files: CSV tables, and WebVTT subtitles."""

import re

from keras_vidrec.specs import files

_HEADER = ("path", "label", "start", "end", "score")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def save_csv(path, segments_of) -> None:
    """Writes a CSV file atomically, with the columns path, label, start and end
    in seconds, and score. Training can use it as a list of videos.

    Args:
        path: path of the file.
        segments_of: dict from the paths of videos to sequences of `Segment`.
    """
    rows = (
        [
            video,
            segment.name,
            f"{segment.start:.3f}",
            f"{segment.end:.3f}",
            f"{segment.score:.6f}",
        ]
        for video, segments in segments_of.items()
        for segment in segments
    )
    files.write_table(path, _HEADER, rows)


def save_vtt(path, segments) -> None:
    """Writes WebVTT subtitles atomically: the class of each segment and its
    score in percent.

    Args:
        path: path of the file.
        segments: sequence of `Segment`.
    """
    cues = ["WEBVTT\n"]
    for segment in segments:
        start, end = round(1000 * segment.start), round(1000 * segment.end)
        name = re.sub("[&<>]", lambda found: _ESCAPES[found[0]], segment.name)
        # An empty line, or one that starts another cue, would end this cue.
        name = " ".join(name.split())
        cues.append(
            f"{_clock(start)} --> {_clock(max(end, start + 1))}\n"
            f"{name} {100 * segment.score:.0f} %\n"
        )
    files.write_text(path, "\n".join(cues))


def _clock(milliseconds: int) -> str:
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{milliseconds:03d}"
