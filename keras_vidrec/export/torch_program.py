"""Networks as programs of `torch.export`, which run without Keras."""

import json
import os
import pathlib
import shutil
import sys
import tempfile

import keras

from keras_vidrec.applications.parts import model_file
from keras_vidrec.export import bundle
from keras_vidrec.export import endpoint as endpoints
from keras_vidrec.export import forms
from keras_vidrec.export import model_card
from keras_vidrec.export import other_backend
from keras_vidrec.export import parity
from keras_vidrec.export.background import Background
from keras_vidrec.specs import checks
from keras_vidrec.specs import documents

FILE = model_card.FILES["torch"]
_NETWORK = "network.keras"
_TOLERANCE = 1e-4


def export_torch(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    background: Background | None = None,
    tolerance: float = _TOLERANCE,
    target: str = "server",
) -> float:
    """Exports a network as a program of `torch.export` and checks it.

    `model.pt2` takes raw uint8 clips, `(batch, num_segments, height, width,
    channels)` (several modalities in the order of their names; axes of unknown
    size in the network stay unknown), and returns a dict of `probabilities`
    `(batch, classes)` and `snippet_logits` or `logits` (see
    `export_saved_model`). It runs with PyTorch only:
    `torch.export.load("model.pt2").module()`. The directory also contains
    `bundle.json`, `predict.py` if the network can be applied to videos,
    `labels.txt`, `origin.json` and the model card `README.md`. On every
    backend, a process with Keras on PyTorch makes the program.

    Args:
        model, path, background: as for `export_saved_model`.
        tolerance: float. Largest difference of a probability. Defaults to
            `1e-4`.
        target: str. As for `export_onnx`.

    Returns:
        float, the largest difference of a probability.

    Raises:
        ValueError: if the extra `torch` is not installed, `path` contains
            something other than such an export, or the network has an
            operation that `torch.export` cannot trace or computes flow itself.
        RuntimeError: if the exported network differs from `model`.
    """
    form = forms.checked_form("torch", target=target)
    if other_backend.is_needed():
        return other_backend.write(form, model, path, background, tolerance)
    checks.installed("torch", ("torch",))
    endpoint = endpoints.of_clips(model, form.still)
    bundle.check_no_flow(endpoint, "PyTorch")
    return bundle.write(
        model,
        form,
        path,
        [endpoint],
        lambda directory: _write(model, form, directory / FILE),
        lambda directory: lambda _: _runner(directory / FILE, endpoint),
        background,
        tolerance,
    )


def _write(model, form, path):
    """Writes the program, made by `main` in a process with PyTorch."""
    with tempfile.TemporaryDirectory(prefix="vidrec-export-") as directory:
        directory = pathlib.Path(directory)
        model_file.save(model, directory / _NETWORK)
        other_backend.ask(
            __spec__.name, "torch", directory, json.dumps(form.still)
        )
        shutil.move(directory / FILE, path)


def _runner(path, endpoint):
    import torch

    program = torch.export.load(str(path)).module()

    def run(clips):
        flat = [torch.tensor(clips[one.name]) for one in endpoint.inputs]
        with torch.no_grad():
            found = program(*flat)
        return {name: value.numpy() for name, value in found.items()}

    return run


def _program(endpoint):
    """Traces the network by `torch.export`; the backend must be PyTorch."""
    import torch

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = endpoint.model

        def forward(self, *clips):
            return endpoint(*clips)

    clips = parity.generated_clips(endpoint)
    clips = tuple(torch.tensor(clips[x.name]) for x in endpoint.inputs)
    sizes = {
        axis: torch.export.Dim.AUTO
        for axis, size in enumerate(endpoint.inputs[0].shape)
        if size is None
    }
    with torch.no_grad():
        return torch.export.export(
            Network().eval(),
            clips,
            dynamic_shapes={"clips": (sizes,) * len(clips)},
        )


def main(directory, still):
    """Runs in the process with PyTorch: traces and saves the network.

    Args:
        directory: str. Path of the directory of `other_backend.ask`.
        still: str. `Form.still` as JSON.
    """
    import torch

    directory = pathlib.Path(directory)

    def make():
        model = model_file.load(directory / _NETWORK)
        endpoint = endpoints.of_clips(model, documents.parse_json(still))
        try:
            program = _program(endpoint)
        # The classes of its errors are not public.
        except Exception as error:
            reason = " ".join(str(error).split())[:300]
            raise ValueError(
                "The network cannot be written for PyTorch. Expected "
                "operations that torch.export can trace. Received: "
                f"{model.name!r}: {reason}"
            ) from error
        torch.export.save(program, directory / FILE)
        return {}

    other_backend.tell(directory, make)


if __name__ == "__main__":
    main(*sys.argv[1:])
