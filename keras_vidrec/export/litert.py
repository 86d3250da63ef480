"""Networks as LiteRT (TensorFlow Lite) files."""

import itertools
import os
import pathlib
import tempfile
import warnings

import keras
import tensorflow as tf

from keras_vidrec.export import bundle
from keras_vidrec.export import endpoint as endpoints
from keras_vidrec.export import forms
from keras_vidrec.export import model_card
from keras_vidrec.export import other_backend
from keras_vidrec.export.background import Background
from keras_vidrec.specs import checks
from keras_vidrec.specs import files

FILE = model_card.FILES["litert"]
_TOLERANCE = 1e-4
_DEPRECATED = r"\s*Warning: tf.lite.Interpreter is deprecated"
# Start of the lines of the converter and the interpreter about errors.
_ERRORS = r"[EF]\d{4} |ERROR"


def export_litert(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    background: Background | None = None,
    tolerance: float = _TOLERANCE,
    precision: str = "float32",
    target: str = "server",
    max_loss: float = 1.0,
) -> float:
    """Exports a network as a LiteRT file and checks it with its interpreter.

    `model.tflite` has the signature `serving_default`. It takes raw uint8
    clips, `(batch, num_segments, height, width, channels)` (by modality if
    there are several; axes of unknown size in the network stay unknown), and
    returns `probabilities` `(batch, classes)` and `snippet_logits` or `logits`
    (see `export_saved_model`). It needs only the built-in operations of
    LiteRT. The directory also contains `bundle.json`, `predict.py` if the
    network can be applied to videos, `labels.txt`, `origin.json` and the model
    card `README.md`.

    Args:
        model, path, background: as for `export_saved_model`.
        tolerance: float. Largest difference of a probability. Defaults to
            `1e-4`.
        precision, target, max_loss: as for `export_onnx`.

    Returns:
        float, the largest difference of a probability from the one of `model`,
        or, if `precision` is not `"float32"`, from the one of the export in
        float32.

    Raises:
        ValueError: if the extra `litert` is not installed, `path` contains
            something other than such an export, the network needs an operation
            that LiteRT does not have or computes flow itself, or a reduced
            precision cannot be tested.
        RuntimeError: if the exported network differs from `model`, or a
            reduced precision costs more than `max_loss`.
    """
    form = forms.checked_form("litert", precision, target, max_loss)
    if other_backend.is_needed():
        return other_backend.write(form, model, path, background, tolerance)
    checks.installed("litert", ("ai_edge_litert.interpreter",))
    endpoint = endpoints.of_clips(model, form.still)
    bundle.check_no_flow(endpoint, "LiteRT")
    unrolled = endpoints.of_clips(_unrolled(model), form.still)
    return bundle.write(
        model,
        form,
        path,
        [endpoint],
        lambda directory: _write(unrolled, directory / FILE),
        lambda directory: lambda _: _runner(directory / FILE),
        background,
        tolerance,
        reduce=lambda _, directory, clips: _write(
            unrolled, directory / FILE, form.precision, clips
        ),
    )


def _unrolled(model):
    """Returns the network with unrolled LSTMs: LiteRT has no lists of tensors
    with an unknown batch size, which loops need."""
    if not any(isinstance(x, keras.layers.LSTM) for x in model.layers):
        return model

    def clone(layer):
        config = layer.get_config()
        if isinstance(layer, keras.layers.LSTM):
            config["unroll"] = True
        return type(layer).from_config(config)

    unrolled = keras.models.clone_model(model, clone_function=clone)
    unrolled.set_weights(model.get_weights())
    return unrolled


def _write(endpoint, path, precision="float32", clips=()):
    """Writes the network as a LiteRT file.

    Args:
        endpoint: `Endpoint`.
        path: path of the file.
        precision: str. `"float32"`, `"float16"` or `"int8"`. Defaults to
            `"float32"`.
        clips: sequence of dicts of arrays by input, the clips on which the
            ranges for int8 are measured. Defaults to none.
    """
    with (
        tempfile.TemporaryDirectory() as directory,
        files.held_back(_ERRORS),
    ):
        endpoints.save_plain(endpoint, directory)
        converter = tf.lite.TFLiteConverter.from_saved_model(directory)
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if precision == "int8":
            converter.representative_dataset = lambda: (
                (endpoint.name, inputs) for inputs in clips
            )
            # The second set is for the scaling of pixels, in float32.
            converter.target_spec.supported_ops = [
                tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
                tf.lite.OpsSet.TFLITE_BUILTINS,
            ]
        try:
            with warnings.catch_warnings():
                # The converter itself uses the deprecated class.
                warnings.filterwarnings("ignore", _DEPRECATED, UserWarning)
                content = converter.convert()
        # The class of the converter's errors is not public.
        except Exception as error:
            reason = " ".join(str(error).split())[:300]
            raise ValueError(
                "The network cannot be written for LiteRT. Expected "
                "operations that LiteRT has, in float32. Received: "
                f"{endpoint.model.name!r}: {reason}"
            ) from error
    pathlib.Path(path).write_bytes(content)


def _runner(path):
    from ai_edge_litert.interpreter import Interpreter

    serve = Interpreter(str(path)).get_signature_runner("serving_default")
    calls = itertools.count()

    def run(clips):
        if next(calls):
            return serve(**clips)
        with files.held_back(_ERRORS):  # it logs its kernels
            return serve(**clips)

    return run
