"""Optical flow: TV-L1 in `keras.ops`, OpenCV's methods, compensation of camera
motion, and the 8-bit code of stored flow."""

import typing

from keras_vidrec import lazy

if typing.TYPE_CHECKING:
    from keras_vidrec.flow.camera import align as align
    from keras_vidrec.flow.codec import decode as decode
    from keras_vidrec.flow.codec import encode as encode
    from keras_vidrec.flow.codec import read_flo as read_flo
    from keras_vidrec.flow.codec import to_picture as to_picture
    from keras_vidrec.flow.codec import write_flo as write_flo
    from keras_vidrec.flow.extraction import flows as flows
    from keras_vidrec.flow.extraction import (
        flows_and_warped as flows_and_warped,
    )
    from keras_vidrec.flow.opencv import brox_flow as brox_flow
    from keras_vidrec.flow.opencv import dis_flow as dis_flow
    from keras_vidrec.flow.opencv import farneback_flow as farneback_flow
    from keras_vidrec.flow.tvl1.flow import tvl1_flow as tvl1_flow

# Lazy: networks need TV-L1 but not OpenCV; the 8-bit code does not need Keras.
__all__, __getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "align": "flow.camera",
        "brox_flow": "flow.opencv",
        "decode": "flow.codec",
        "dis_flow": "flow.opencv",
        "encode": "flow.codec",
        "farneback_flow": "flow.opencv",
        "flows": "flow.extraction",
        "flows_and_warped": "flow.extraction",
        "read_flo": "flow.codec",
        "to_picture": "flow.codec",
        "tvl1_flow": "flow.tvl1.flow",
        "write_flo": "flow.codec",
    },
)
