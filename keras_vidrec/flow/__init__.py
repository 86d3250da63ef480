"""Optical flow: TV-L1 in `keras.ops`, OpenCV's fast methods, compensation of
the camera's motion, and the 8-bit code flow is stored in."""

import typing

from keras_vidrec import lazy

if typing.TYPE_CHECKING:
    from keras_vidrec.flow import camera as camera
    from keras_vidrec.flow import codec as codec
    from keras_vidrec.flow import extraction as extraction
    from keras_vidrec.flow import opencv as opencv
    from keras_vidrec.flow import tvl1 as tvl1

# Networks need TV-L1 and nothing of OpenCV; codec needs no Keras.
__all__, __getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "camera": None,
        "codec": None,
        "extraction": None,
        "opencv": None,
        "tvl1": None,
    },
)
