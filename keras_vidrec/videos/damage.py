"""Which frames of a video file are lost, once all of it has been read."""

import os

import cv2

from keras_vidrec.videos import opencv_capture
from keras_vidrec.videos.frame_stream import FileStream

# Some codecs keep so many frames back at the end of a sound file.
_KEPT_BACK = 2
# Seconds that a file may state to be longer than its frames: that is mostly
# its sound.
_TOLERANCE = 1.0


class CountedFile(FileStream):
    """A `FileStream` that knows how many frames it had.

    Attributes:
        num_frames: `None`, or int. Frames that decode; known when they have
            been read to the last.
    """

    num_frames = None

    def frames(self, hold):
        """Yields what `FileStream.frames` yields."""
        num_frames = 0
        for index, frame in super().frames(hold):
            num_frames = index + 1
            yield index, frame
        self.num_frames = num_frames


def find(path, num_frames, frame_rate):
    """What is damaged in a video file whose frames have been counted.

    The file is not decoded again, and read again only if it states more
    frames than there are. What its container hides (an edit list) or states
    without holding it (gaps of the time stamps) is no damage.

    Args:
        path: path of the video.
        num_frames: int. Frames that decode.
        frame_rate: float. Frames a second.

    Returns:
        str, what is wrong, without the name of the file; empty if nothing is
        known to be.
    """
    stated = _stated_frames(path)
    if stated <= num_frames:
        return ""
    stamps = _stamps(path, stated)
    if not stamps:
        return ""  # OpenCV cannot look into it
    undecoded = max(len(stamps) - num_frames, 0)
    cut_off = stated - 1 - max(stamps)
    if cut_off <= _TOLERANCE * frame_rate:
        cut_off = 0
    if not cut_off and undecoded <= _KEPT_BACK:
        return ""
    parts = []
    if undecoded:
        parts.append(f"{undecoded} cannot be decoded")
    if cut_off:
        parts.append(f"the last {cut_off} are cut off")
    early = "; times behind a gap are too early" if undecoded else ""
    return (
        f"it is damaged: of the {stated} frames that it states, "
        f"{' and '.join(parts)}{early}."
    )


def _stated_frames(path):
    capture = opencv_capture.open_capture(os.path.abspath(path))
    stated = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    capture.release()
    return stated


def _stamps(path, stated):
    """Places of the frames that a file holds and shows, in frame periods."""
    capture = opencv_capture.open_capture(os.path.abspath(path), raw=True)
    stamps = set()
    while capture.grab():
        stamp = int(capture.get(cv2.CAP_PROP_PTS))
        # An edit list hides packets before the beginning and behind the end.
        if 0 <= stamp < stated:
            stamps.add(stamp)
    capture.release()
    return stamps
