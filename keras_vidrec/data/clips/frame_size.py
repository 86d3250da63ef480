"""How large frames are made before flow is computed on them."""

import dataclasses

import cv2

from keras_vidrec.data.clips import augmentation
from keras_vidrec.specs import FRAME_SIZE
from keras_vidrec.videos import video

_TSN_SIZE = "340x256"
_SHORT_SIZE = "short256"
# Distorts by a tenth at most. Takes in the 5:4 and 11:9 pixels that 4:3
# pictures of PAL are stored in (720x576, 352x288), leaves out 3:2 and 16:9.
_TOLERANCE = 0.1


@dataclasses.dataclass(frozen=True)
class FrameSize:
    """A rule from the size of a video's frames to that of prepared ones.

    Args:
        text: str. `"WIDTHxHEIGHT"`, exactly that size (TSN: `"340x256"`);
            `"shortN"`, the shorter side N pixels, the aspect ratio kept
            (`"short256"`); or `"auto"`, which is `"340x256"` for landscape
            frames within 10 % of 4:3 and `"short256"` for all others.
            Defaults to `"auto"`.

    Raises:
        ValueError: on any other text.
    """

    text: str = "auto"

    def __post_init__(self):
        if not isinstance(self.text, str) or not FRAME_SIZE.fullmatch(
            self.text
        ):
            raise ValueError(
                'Invalid size of frames. Expected "WIDTHxHEIGHT" such as '
                '"340x256", "shortN" such as "short256", or "auto". '
                f"Received: size={self.text!r}"
            )

    def __str__(self):
        return self.text

    def of(self, height, width):
        """Size `(height, width)` of the prepared frames of a video.

        Raises:
            ValueError: if the frames are empty, or so long that the prepared
                ones would have over `video.MAX_PIXELS` pixels.
        """
        text = self.text
        if text == "auto":
            ratio = 3 * width / max(4 * height, 1)  # to that of 4:3
            near = 1 / (1 + _TOLERANCE) <= ratio <= 1 + _TOLERANCE
            text = _TSN_SIZE if near else _SHORT_SIZE
        match = FRAME_SIZE.fullmatch(text)
        if side := match["short"]:
            rows, columns = augmentation.resized_size(height, width, int(side))
        else:
            rows, columns = int(match["height"]), int(match["width"])
        if rows * columns > video.MAX_PIXELS:
            raise ValueError(
                f"Expected frames of at most {video.MAX_PIXELS} pixels when "
                f"resized to {self.text}. Received: {height}x{width}, which "
                f"become {rows}x{columns} (height x width)"
            )
        return rows, columns


def resize(frame, size):
    """Resizes a frame `(height, width)` or `(height, width, channels)`, uint8:
    bilinear, or the mean over areas where a side shrinks to half or less, of
    which bilinear samples would miss pixels. One of that size already is
    returned itself."""
    rows, columns = size
    height, width = frame.shape[:2]
    if (height, width) == (rows, columns):
        return frame
    shrinks = height >= 2 * rows or width >= 2 * columns
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(frame, (columns, rows), interpolation=method)
