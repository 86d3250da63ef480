"""Trained networks as things to deploy."""

import typing

from keras_vidrec import lazy

if typing.TYPE_CHECKING:
    from keras_vidrec.export.litert import export_litert as export_litert
    from keras_vidrec.export.onnx import export_onnx as export_onnx
    from keras_vidrec.export.origin import Origin as Origin
    from keras_vidrec.export.saved_model import (
        export_saved_model as export_saved_model,
    )

__all__, __getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "Origin": "export.origin",
        "export_litert": "export.litert",
        "export_onnx": "export.onnx",
        "export_saved_model": "export.saved_model",
    },
)
