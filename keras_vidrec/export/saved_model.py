"""Networks as TensorFlow SavedModels."""

import os

import keras
import tensorflow as tf

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.export import bundle
from keras_vidrec.export import endpoint as endpoints
from keras_vidrec.export import flow_maker
from keras_vidrec.export import forms
from keras_vidrec.export import jpeg_frames
from keras_vidrec.export import model_card
from keras_vidrec.export import other_backend
from keras_vidrec.export.background import Background

_TOLERANCE = 1e-5


def export_saved_model(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    background: Background | None = None,
    tolerance: float = _TOLERANCE,
) -> float:
    """Exports a network as a TensorFlow SavedModel and checks it.

    The first dimension of every output is the batch, as TensorFlow Serving
    requires (docs/deploy.md):

    - `serving_default` takes raw uint8 clips, `(batch, num_segments, height,
      width, channels)` (by modality if there are several), with any number of
      segments and any size that the network accepts. It returns
      `probabilities` `(batch, classes)`; `classes` and `scores`, both `(batch,
      k)`: the names (or numbers) and probabilities of the best 5 classes, the
      best first; and `snippet_logits` `(batch, num_segments, classes)`, or
      `logits` `(batch, classes)` if the network scores whole clips.
    - `serve_frames` exists if the network takes flow made by TV-L1. It takes
      raw uint8 `frames` `(batch, num_segments, height, width, 3 *
      (snippet_length + 1))`, the neighboring frames of each snippet, computes
      flow from them, and also returns it as `flow`. See `LateFusion` on the
      differences if flow is computed from crops.
    - `serve_jpeg` exists if `serving_default` or `serve_frames` takes R G B
      frames only. It takes `frames` `(batch, num_segments * images)` of
      strings: the same frames, snippet by snippet, encoded as JPEG, all of one
      size.
    - `make_flow` exists if the network takes flow made by TV-L1. It takes gray
      uint8 images `first` and `second` `(batch, height, width)` and returns
      `flow`, float32 `(batch, height, width, 2)`, in pixels; `predict.py` uses
      it.

    Before the export is moved to `path` it is loaded again and compared with
    the network, on a clip of the run's dataset if that can be read. If the
    network computes flow itself, 99.8 % of the codes of flow must be equal or
    differ by 1, and probabilities may differ by 1e-2. The directory also
    contains `bundle.json`, `predict.py` if the network can be applied to
    videos, `labels.txt`, `origin.json` and the model card `README.md`.

    Args:
        model: keras.Model of this package. The export ends in a softmax, or in
            sigmoids if the model does. On a backend other than TensorFlow, a
            process with TensorFlow writes the export, after checking that the
            network gives the same probabilities there.
        path: path of the directory to write. An earlier export is replaced.
        background: `None`, or `Background` of the network, for the model card
            and the check. Defaults to `None`.
        tolerance: float. Largest difference of a probability. Defaults to
            `1e-5`.

    Returns:
        float, the largest difference of a probability of `serving_default`.

    Raises:
        ValueError: if `path` contains something other than a SavedModel.
        RuntimeError: if the exported network differs from `model`, or `model`
            gives other probabilities on TensorFlow.
    """
    form = forms.checked_form("saved_model")
    if other_backend.is_needed():
        return other_backend.write(
            form,
            model,
            path,
            background,
            tolerance,
        )
    served = [endpoints.of_clips(model), endpoints.of_frames(model)]
    served = [endpoint for endpoint in served if endpoint]
    more = [jpeg_frames.of(served), flow_maker.of(model)]
    more = [one for one in more if one]
    return bundle.write(
        model,
        form,
        path,
        served,
        lambda directory: _write(
            served, more, describe(model).class_names, directory
        ),
        _load,
        background,
        tolerance,
        more,
    )


def _write(served, more, names, path):
    archive = keras.export.ExportArchive()
    functions = {
        endpoint.name: tf.function(
            _named(endpoint, names),
            input_signature=endpoint.inputs,
            autograph=False,
        )
        for endpoint in served
    }
    for endpoint in served:
        archive.track(endpoint.model)
    for one in more:
        functions[one.name] = one.function(functions)
    for name, function in functions.items():
        archive.add_endpoint(name, function)
    archive.write_out(str(path), verbose=False)


def _named(endpoint, names):
    """Returns a function with the outputs of an endpoint, and the names and
    probabilities of the best classes."""
    number = endpoint.num_classes
    names = names or tuple(map(str, range(number)))

    def serve(*inputs):
        outputs = endpoint(*inputs)
        scores, best = tf.math.top_k(
            outputs["probabilities"], min(model_card.TOP, number)
        )
        outputs["classes"] = tf.gather(tf.constant(names), best)
        outputs["scores"] = scores
        return outputs

    return serve


def _load(path):
    """Returns `run_of`, as the argument `load` of `bundle.write` does."""
    signatures = tf.saved_model.load(str(path)).signatures

    def run_of(name):
        def run(clips):
            tensors = {key: tf.constant(clip) for key, clip in clips.items()}
            outputs = signatures[name](**tensors)
            return {key: output.numpy() for key, output in outputs.items()}

        return run

    return run_of
