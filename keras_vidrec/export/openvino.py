"""Networks as OpenVINO files."""

import contextlib
import io
import os
import sys
import tempfile

import keras

from keras_vidrec.export import bundle
from keras_vidrec.export import endpoint as endpoints
from keras_vidrec.export import forms
from keras_vidrec.export import model_card
from keras_vidrec.export import other_backend
from keras_vidrec.export.background import Background
from keras_vidrec.specs import checks

FILE = model_card.FILES["openvino"]
_TOLERANCE = 1e-4


def export_openvino(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    background: Background | None = None,
    tolerance: float = _TOLERANCE,
    precision: str = "float32",
    target: str = "server",
    max_loss: float = 1.0,
) -> float:
    """Exports a network for OpenVINO and checks it on the processor.

    `model.xml`, with its weights in `model.bin`, takes raw uint8 clips,
    `(batch, num_segments, height, width, channels)` (by modality if there are
    several; axes of unknown size in the network stay unknown), and returns
    `probabilities` `(batch, classes)` and `snippet_logits` or `logits` (see
    `export_saved_model`). The directory also contains `bundle.json`,
    `predict.py` if the network can be applied to videos, `labels.txt`,
    `origin.json` and the model card `README.md`. The telemetry of OpenVINO is
    switched off.

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
        ValueError: if the extra `openvino` is not installed, `path` contains
            something other than such an export, the network needs an operation
            that OpenVINO does not have or computes flow itself, or a reduced
            precision cannot be tested.
        RuntimeError: if the exported network differs from `model`, or a
            reduced precision costs more than `max_loss`.
    """
    form = forms.checked_form("openvino", precision, target, max_loss)
    if other_backend.is_needed():
        return other_backend.write(form, model, path, background, tolerance)
    _without_reports()
    modules = ("openvino", "nncf") if precision == "int8" else ("openvino",)
    checks.installed("openvino", modules)
    endpoint = endpoints.of_clips(model, form.still)
    bundle.check_no_flow(endpoint, "OpenVINO")
    return bundle.write(
        model,
        form,
        path,
        [endpoint],
        lambda directory: _write(endpoint, directory / FILE),
        lambda directory: lambda _: _runner(directory / FILE),
        background,
        tolerance,
        reduce=lambda plain, directory, clips: _reduce(
            plain / FILE, directory / FILE, clips
        ),
    )


def _without_reports():
    # Importing OpenVINO sends telemetry to its vendor if this module exists.
    sys.modules.setdefault("openvino_telemetry", None)


def _write(endpoint, path):
    import openvino

    with tempfile.TemporaryDirectory() as directory:
        endpoints.save_plain(endpoint, directory)
        try:
            network = openvino.convert_model(directory)
        # The classes of OpenVINO's errors are not public.
        except Exception as error:
            reason = " ".join(str(error).split())[:300]
            raise ValueError(
                "The network cannot be written for OpenVINO. Expected "
                "operations that OpenVINO has, in float32. Received: "
                f"{endpoint.model.name!r}: {reason}"
            ) from error
        openvino.save_model(network, str(path), compress_to_fp16=False)


def _reduce(plain, path, clips):
    """Writes a network with reduced precision.

    Args:
        plain: path of the network in float32.
        path: path of the file to write.
        clips: list of dicts of arrays by input: int8, with the ranges of
            values on these clips; or an empty list: float16.
    """
    import openvino

    network = openvino.Core().read_model(str(plain))
    if clips:
        # NNCF prints progress bars.
        with contextlib.redirect_stdout(io.StringIO()):
            import nncf
            from nncf.quantization import advanced_parameters
            from nncf.quantization import range_estimator

            # Ranges include the values of all clips, as for ONNX. The default,
            # a mean over clips, would clip the largest values of some.
            ranges = range_estimator.RangeEstimatorParametersSet.MINMAX
            network = nncf.quantize(
                network,
                nncf.Dataset(clips),
                subset_size=len(clips),
                advanced_parameters=(
                    advanced_parameters.AdvancedQuantizationParameters(
                        activations_range_estimator_params=ranges
                    )
                ),
            )
    openvino.save_model(network, str(path), compress_to_fp16=not clips)


def _runner(path):
    import openvino

    # Without this, some processors would compute with lower precision.
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    network = openvino.Core().compile_model(str(path), "CPU", settings)
    names = [output.get_any_name() for output in network.outputs]

    def run(clips):
        found = network(clips)
        return {name: found[name] for name in names}

    return run
