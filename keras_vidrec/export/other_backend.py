"""Exports of networks that are on another backend than TensorFlow, which
writes all of them: another process opens the network there."""

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
# Backends add up in other orders.
_TOLERANCE = 1e-4


def is_needed():
    """Whether the backend is another than TensorFlow."""
    return keras.backend.backend() != "tensorflow"


def write(form, model, path, background, tolerance):
    """Has an export written by TensorFlow. Before that, what the network gives
    there is compared with what it gives here, on generated clips.

    Args:
        form: `forms.Form`, of a function `export_<format>` of this package.
        model, path, background, tolerance: as that function takes them.

    Returns:
        float, the largest difference of a probability: the larger one of the
        two comparisons.

    Raises:
        ValueError, RuntimeError, OSError: as that function; `RuntimeError` if
            the network is another one on TensorFlow.
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
    """The answer of a module of this package that runs on another backend.

    Args:
        module: str. Name of the module, whose program takes the directory and
            the arguments.
        backend: str.
        directory: pathlib.Path where it finds what it needs and writes its
            answer by `tell`.
        *arguments: str.

    Returns:
        dict.

    Raises:
        RuntimeError: if it ends without an answer.
        ValueError, OSError, RuntimeError: what it raised itself.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, str(directory), *arguments],
        env={
            **os.environ,
            "KERAS_BACKEND": backend,
            # Whose memory this process may have taken.
            "CUDA_VISIBLE_DEVICES": "-1",
            # This package is where this process found it.
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
    """Writes the answer of such a program: the dict that `make` gives and
    the warnings meanwhile, or its error."""
    told = _Warnings()
    logger.addHandler(told)
    answer = {"warnings": told.texts}
    try:
        answer |= make()
    except tuple(_ERRORS.values()) as error:
        kind = next(n for n, one in _ERRORS.items() if isinstance(error, one))
        answer |= {"error": kind, "text": str(error)}
    (directory / _ANSWER).write_text(json.dumps(answer), "utf-8")


def _probabilities(model, endpoint, clips):
    inputs = [
        keras.ops.convert_to_tensor(clips[tensor.name])
        for tensor in endpoint.inputs
    ]
    inputs = keras.tree.pack_sequence_as(endpoint.model.input, inputs)
    logits = endpoint.model.predict_on_batch(inputs)["logits"]
    layer = head.predictions_layer(model)
    return layer.probabilities(logits.astype("float32") / layer.temperature)


class _Warnings(logging.Handler):
    """Messages are sent to the calling process."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())


def _compare(model, directory, tolerance):
    """The largest difference of a probability from what was given there."""
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
            "The network gives something else on TensorFlow, which exports it. "
            f"Expected probabilities within {tolerance}. Received: {difference}"
        )
    return difference


def main(directory, path, tolerance, form):
    """The process on TensorFlow."""
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
