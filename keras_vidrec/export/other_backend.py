"""Exports on JAX and PyTorch: only TensorFlow can write exports, so another
process loads the network on TensorFlow and exports it."""

import json
import logging
import os
import pathlib
import pickle
import subprocess
import sys
import tempfile

import keras
import numpy as np

from keras_vidrec import export
from keras_vidrec.applications.parts import head
from keras_vidrec.applications.parts import model_file
from keras_vidrec.export import endpoint as endpoints
from keras_vidrec.export import forms
from keras_vidrec.export import parity
from keras_vidrec.export.background import Background
from keras_vidrec.specs import documents

logger = logging.getLogger("keras_vidrec")

_ERRORS = {
    error.__name__: error for error in (ValueError, RuntimeError, OSError)
}
_NETWORK, _BACKGROUND = "network.keras", "background.pickle"
_CLIPS, _EXPECTED, _ANSWER = "clips.npz", "expected.npy", "answer.json"
# Backends round differently, because they sum in different orders.
_TOLERANCE = 1e-4


def is_needed():
    """Whether the backend is not TensorFlow: bool."""
    return keras.backend.backend() != "tensorflow"


def write(form, model, path, background, tolerance):
    """Writes an export in a process with TensorFlow. First that process
    compares the probabilities of the network on TensorFlow with those on the
    backend of this process, on generated clips.

    Args:
        form: `forms.Form`.
        model, path, background, tolerance: the arguments of the function
            `export_<format>` of this package.

    Returns:
        float, the largest difference of a probability in the comparison of the
        backends and the check of the export.

    Raises:
        ValueError, RuntimeError, OSError: as `export_<format>`; also
            `RuntimeError` if the network gives other probabilities on
            TensorFlow.
    """
    endpoint = endpoints.of_clips(model)
    clips = parity.generated_clips(endpoint)
    with tempfile.TemporaryDirectory(prefix="vidrec-export-") as directory:
        directory = pathlib.Path(directory)
        model_file.save(model, directory / _NETWORK)
        np.savez(directory / _CLIPS, **clips)
        np.save(directory / _EXPECTED, _probabilities(model, endpoint, clips))
        (directory / _BACKGROUND).write_bytes(
            pickle.dumps(background or Background(model.name))
        )
        arguments = (os.path.abspath(path), repr(float(tolerance)))
        answer = ask(
            __spec__.name, "tensorflow", directory, *arguments, json.dumps(form)
        )
    return answer["difference"]


def ask(module, backend, directory, *arguments):
    """Runs a module of this package in a process with another backend.

    Args:
        module: str. Name of the module. It is run as a program with the
            directory and the arguments, and writes its answer by `tell`.
        backend: str. Name of the backend.
        directory: pathlib.Path of the directory for input files and the
            answer.
        *arguments: str.

    Returns:
        dict, the answer.

    Raises:
        RuntimeError: if the process ends without an answer.
        ValueError, OSError, RuntimeError: if the module raised it.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, str(directory), *arguments],
        env={
            **os.environ,
            "KERAS_BACKEND": backend,
            # This process may use all of the GPU's memory.
            "CUDA_VISIBLE_DEVICES": "-1",
            # The process must import this package from the same place.
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
        capture_output=True,
        text=True,
        errors="replace",
    )
    try:
        answer = documents.read_json(directory / _ANSWER)
    except OSError:
        raise RuntimeError(
            f"The process that exports on the backend {backend!r} ended early. "
            f"Received: exit status {done.returncode}: "
            f"{done.stderr.strip()[-500:]}"
        ) from None
    for text in answer["warnings"]:
        logger.warning("%s", text)
    if "error" in answer:
        raise _ERRORS[answer["error"]](answer["text"])
    return answer


def tell(directory, make):
    """Writes the answer of a module that was run by `ask`.

    Args:
        directory: pathlib.Path. The first argument of the program.
        make: function without arguments that returns the answer, a dict. The
            warnings that it logs are added to the answer. If it raises a
            `ValueError`, `RuntimeError` or `OSError`, the answer contains the
            error instead.
    """
    logged = _Warnings()
    logger.addHandler(logged)
    answer = {"warnings": logged.texts}
    try:
        answer |= make()
    except tuple(_ERRORS.values()) as error:
        kind = next(n for n, one in _ERRORS.items() if isinstance(error, one))
        answer |= {"error": kind, "text": str(error)}
    (directory / _ANSWER).write_text(json.dumps(answer), "utf-8")


def _probabilities(model, endpoint, clips):
    """Returns the probabilities of clips on this backend: array `(batch,
    classes)`."""
    inputs = [
        keras.ops.convert_to_tensor(clips[tensor.name])
        for tensor in endpoint.inputs
    ]
    inputs = keras.tree.pack_sequence_as(endpoint.model.input, inputs)
    logits = endpoint.model.predict_on_batch(inputs)["logits"]
    layer = head.predictions_layer(model)
    return layer.probabilities(logits.astype("float32") / layer.temperature)


class _Warnings(logging.Handler):
    """Collects the messages of warnings in `texts`."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())


def _compare(model, directory, tolerance):
    """Returns the largest difference of a probability from those that the
    calling process computed."""
    endpoint = endpoints.of_clips(model)
    with np.load(directory / _CLIPS) as clips:
        found = _probabilities(model, endpoint, clips)
    expected = np.load(directory / _EXPECTED)
    difference = float(np.abs(found - expected).max())
    tolerance = max(tolerance, _TOLERANCE)
    if endpoint.makes_flow:
        tolerance = max(tolerance, parity.FLOW_TOLERANCE)
    if not difference <= tolerance:
        raise RuntimeError(
            "The network gives other probabilities on TensorFlow, which is "
            f"needed to export it. Expected a difference of at most "
            f"{tolerance}. Received: {difference}"
        )
    return difference


def main(directory, path, tolerance, form):
    """Runs in the process with TensorFlow: compares and exports the network.

    Args:
        directory: str. Path of the directory of `ask`.
        path: str. Path of the export.
        tolerance: str. A float.
        form: str. A `forms.Form` as JSON.
    """
    directory, tolerance = pathlib.Path(directory), float(tolerance)
    form = forms.Form(*documents.parse_json(form))

    def make():
        model = model_file.load(directory / _NETWORK)
        background = pickle.loads((directory / _BACKGROUND).read_bytes())
        differences = (
            _compare(model, directory, tolerance),
            getattr(export, f"export_{form.format}")(
                model,
                path,
                background=background,
                tolerance=tolerance,
                **form.options,
            ),
        )
        return {"difference": max(differences)}

    tell(directory, make)


if __name__ == "__main__":
    main(*sys.argv[1:])
