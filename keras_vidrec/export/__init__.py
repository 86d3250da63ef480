"""Export of trained networks for deployment."""

import typing

from keras_vidrec import lazy

if typing.TYPE_CHECKING:
    from keras_vidrec.export.background import Background as Background
    from keras_vidrec.export.litert import export_litert as export_litert
    from keras_vidrec.export.onnx import export_onnx as export_onnx
    from keras_vidrec.export.push import hub as hub
    from keras_vidrec.export.saved_model import (
        export_saved_model as export_saved_model,
    )

__all__, __getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "Background": "export.background",
        "export_litert": "export.litert",
        "export_onnx": "export.onnx",
        "export_saved_model": "export.saved_model",
        "hub": "export.push",
    },
)
