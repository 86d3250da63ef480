"""Optical flow: TV-L1 in `keras.ops`, OpenCV's fast methods, compensation of
the camera's motion, and the 8-bit code flow is stored in."""

import importlib

_MODULES = (
    "camera",
    "codec",
    "extraction",
    "opencv",
    "tvl1",
)


def __getattr__(name):
    # Networks need TV-L1 and nothing of OpenCV; codec needs no Keras.
    if name in _MODULES:
        return importlib.import_module(f"keras_vidrec.flow.{name}")
    raise AttributeError(
        f"module 'keras_vidrec.flow' has no attribute {name!r}"
    )
