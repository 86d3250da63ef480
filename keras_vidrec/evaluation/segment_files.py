"""Files of segments: tables, and WebVTT, which players show."""

import re

from keras_vidrec.specs import files

_HEADER = ("path", "label", "start", "end", "score")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def save_csv(path, segments_of) -> None:
    """Writes a table, whole or not at all: columns path, label, start and end
    in seconds, score. It is a list of videos as trainings take it.

    Args:
        path: path of the file.
        segments_of: dict from the path of a video to its `Segment`s.
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
    """Writes subtitles, WebVTT: the class of each segment and its score in
    percent. Whole or not at all."""
    cues = ["WEBVTT\n"]
    for segment in segments:
        start, end = round(1000 * segment.start), round(1000 * segment.end)
        name = re.sub("[&<>]", lambda found: _ESCAPES[found[0]], segment.name)
        # A line that is empty, or begins another cue, would end this one.
        name = " ".join(name.split())
        cues.append(
            f"{_clock(start)} --> {_clock(max(end, start + 1))}\n"
            f"{name} {100 * segment.score:.0f} %\n"
        )
    files.write_text(path, "\n".join(cues))


def _clock(milliseconds):
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{milliseconds:03d}"
