"""Networks as ONNX files."""

import contextlib
import json
import os
import pathlib
import tempfile
import typing

import tensorflow as tf

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.export import bundle
from keras_vidrec.export import endpoint as endpoints
from keras_vidrec.export import forms
from keras_vidrec.export import model_card
from keras_vidrec.export import other_backend
from keras_vidrec.export.background import Background
from keras_vidrec.specs import checks
from keras_vidrec.specs import documents

if typing.TYPE_CHECKING:
    import keras

FILE = model_card.FILES["onnx"]
_TOLERANCE = 1e-4
_OPSET = 18
# The operations that int8 uses integers for. Those that scale pixels and
# compute probabilities stay in float32.
_QUANTIZED = [
    *("Conv", "Gemm", "MatMul", "Add", "Relu", "Clip", "Concat"),
    *("MaxPool", "AveragePool", "GlobalAveragePool", "Transpose"),
]
_AXES = ("batch", "segments", "height", "width")


def export_onnx(
    model: "keras.Model",
    path: str | os.PathLike[str],
    *,
    background: Background | None = None,
    tolerance: float = _TOLERANCE,
    precision: str = "float32",
    target: str = "server",
    max_loss: float = 1.0,
) -> float:
    """Exports a network as an ONNX file and checks it with ONNX Runtime.

    `model.onnx` takes raw uint8 clips, `(batch, num_segments, height, width,
    channels)` (by modality if there are several; axes of unknown size in the
    network stay unknown), and returns `probabilities` `(batch, classes)` and
    `snippet_logits` or `logits` (see `export_saved_model`). Its metadata
    contain `class_names`, `thresholds` and `clip_spec` as JSON, as far as the
    network has them. The directory also contains `bundle.json`, `predict.py`
    if the network can be applied to videos, `labels.txt`, `origin.json` and
    the model card `README.md`.

    Args:
        model, path, background: as for `export_saved_model`.
        tolerance: float. Largest difference of a probability. Defaults to
            `1e-4`.
        precision: str. `"float32"`, `"float16"` or `"int8"`. The last two are
            compared with float32 on the validation videos of the network, or
            on its training videos if there are no validation videos; the
            ranges of the integers are measured on the same videos. They need a
            `background` with a recipe whose dataset exists on this machine.
            Defaults to `"float32"`.
        target: str. `"server"`: axes of unknown size in the network stay
            unknown; `"phone"` or `"browser"`: one clip at a time, with a fixed
            number of segments and a fixed size. Defaults to `"server"`.
        max_loss: float in [0, 100]. Percentage points of accuracy (of mean
            average precision if videos have several labels) that a reduced
            precision may cost. Defaults to `1.0`.

    Returns:
        float, the largest difference of a probability from the one of `model`,
        or, if `precision` is not `"float32"`, from the one of the export in
        float32.

    Raises:
        ValueError: if the extra `onnx` is not installed, `path` contains
            something other than such an export, the network needs an operation
            that ONNX does not have or computes flow itself, or a reduced
            precision cannot be tested.
        RuntimeError: if the exported network differs from `model`, or a
            reduced precision costs more than `max_loss`.
    """
    form = forms.checked_form("onnx", precision, target, max_loss)
    if other_backend.is_needed():
        return other_backend.write(form, model, path, background, tolerance)
    checks.installed("onnx", ("onnx", "tf2onnx", "onnxruntime"))
    endpoint = endpoints.of_clips(model, form.still)
    bundle.check_no_flow(endpoint, "ONNX")
    return bundle.write(
        model,
        form,
        path,
        [endpoint],
        lambda directory: _write(endpoint, describe(model), directory / FILE),
        lambda directory: lambda _: _runner(directory / FILE),
        background,
        tolerance,
        reduce=lambda plain, directory, clips: _reduce(
            plain / FILE, directory / FILE, clips
        ),
    )


def _write(endpoint, description, path):
    """Writes the network in float32, with its metadata."""
    import onnx
    import tf2onnx

    function = tf.function(
        lambda *clips: endpoint(*clips),
        input_signature=endpoint.inputs,
        autograph=False,
    )
    try:
        with _right_reshapes():
            network, _ = tf2onnx.convert.from_function(
                function, endpoint.inputs, opset=_OPSET
            )
    except (ValueError, TypeError, RuntimeError, KeyError) as error:
        raise ValueError(
            "The network cannot be written as ONNX. Expected operations that "
            f"ONNX has, in float32. Received: {endpoint.model.name!r}: {error}"
        ) from error
    for tensor in network.graph.input:
        sizes = tensor.type.tensor_type.shape.dim
        for axis, size in zip(_AXES, sizes):
            if not size.HasField("dim_value"):
                size.dim_param = axis
    metadata = {}
    if description.class_names is not None:
        metadata["class_names"] = list(description.class_names)
    if description.thresholds is not None:
        metadata["thresholds"] = list(description.thresholds)
    if description.clip_spec is not None:
        metadata["clip_spec"] = description.clip_spec.to_dict()
    onnx.helper.set_model_props(
        network,
        {
            name: json.dumps(value, ensure_ascii=False)
            for name, value in metadata.items()
        },
    )
    onnx.save(network, str(path))


def _reduce(plain, path, clips):
    """Writes a network with reduced precision.

    Args:
        plain: path of the network in float32.
        path: path of the file to write.
        clips: list of dicts of arrays by input: int8, with the ranges of
            values on these clips; or an empty list: float16.
    """
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization import shape_inference
    from onnxruntime.transformers import float16

    before = onnx.load(plain)
    metadata = {one.key: one.value for one in before.metadata_props}
    if not clips:
        network = float16.convert_float_to_float16(before, keep_io_types=True)
        onnx.save(network, str(path))
        return
    with tempfile.TemporaryDirectory() as directory:
        # Batch normalization becomes part of convolutions.
        merged = pathlib.Path(directory, FILE)
        shape_inference.quant_pre_process(
            str(plain), str(merged), skip_symbolic_shape=True
        )
        quantization.quantize_static(
            str(merged),
            str(path),
            _Reader(clips),
            op_types_to_quantize=_QUANTIZED,
            per_channel=True,
        )
    network = onnx.load(path)
    # The quantization drops the metadata.
    onnx.helper.set_model_props(network, metadata)
    onnx.save(network, str(path))


class _Reader:
    """Passes clips to the calibration of ONNX Runtime."""

    def __init__(self, clips):
        self._clips = iter(clips)

    def get_next(self):
        return next(self._clips, None)


@contextlib.contextmanager
def _right_reshapes():
    """Switches off `reshape_optimizer` of tf2onnx while the context is open.
    In tf2onnx 1.17 it breaks the reshapes of `TemporalIdentityConv` if sizes
    are unknown."""
    from tf2onnx import optimizer

    every = optimizer._optimizers
    optimizer._optimizers = type(every)(
        (name, one)
        for name, one in every.items()
        if name != "reshape_optimizer"
    )
    try:
        yield
    finally:
        optimizer._optimizers = every


def _runner(path):
    import onnxruntime

    session = onnxruntime.InferenceSession(
        str(path), providers=["CPUExecutionProvider"]
    )
    metadata = session.get_modelmeta().custom_metadata_map

    def run(clips):
        names = [output.name for output in session.get_outputs()]
        found = dict(zip(names, session.run(names, clips)))
        if "class_names" in metadata:
            found["class_names"] = documents.parse_json(metadata["class_names"])
        return found

    return run
