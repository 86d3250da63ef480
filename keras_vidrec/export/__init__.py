"""Trained networks as things to deploy."""

from keras_vidrec.export.background import Background
from keras_vidrec.export.litert import export_litert
from keras_vidrec.export.onnx import export_onnx
from keras_vidrec.export.saved_model import export_saved_model

__all__ = ["Background", "export_litert", "export_onnx", "export_saved_model"]
