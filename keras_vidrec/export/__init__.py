"""Export of trained networks for deployment."""

import typing

from keras_vidrec import lazy

if typing.TYPE_CHECKING:
    from keras_vidrec.export.background import Background as Background
    from keras_vidrec.export.forms import PRECISIONS as PRECISIONS
    from keras_vidrec.export.forms import TARGETS as TARGETS
    from keras_vidrec.export.forms import checked_form as checked_form
    from keras_vidrec.export.litert import export_litert as export_litert
    from keras_vidrec.export.onnx import export_onnx as export_onnx
    from keras_vidrec.export.openvino import export_openvino as export_openvino
    from keras_vidrec.export.push import hub as hub
    from keras_vidrec.export.reduction import Reduction as Reduction
    from keras_vidrec.export.saved_model import (
        export_saved_model as export_saved_model,
    )
    from keras_vidrec.export.torch_program import export_torch as export_torch

__all__, __getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "Background": "export.background",
        "PRECISIONS": "export.forms",
        "Reduction": "export.reduction",
        "TARGETS": "export.forms",
        "checked_form": "export.forms",
        "export_litert": "export.litert",
        "export_onnx": "export.onnx",
        "export_openvino": "export.openvino",
        "export_saved_model": "export.saved_model",
        "export_torch": "export.torch_program",
        "hub": "export.push",
    },
)
