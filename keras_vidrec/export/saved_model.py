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
      width, channels)` (by modality if there are several) of any number of
      segments and any size the network takes, and returns `probabilities`
      `(batch, classes)`; `classes` and `scores`, both `(batch, k)`: the names
      (or numbers) and probabilities of the best 5 classes, the best first; and
      `snippet_logits` `(batch, num_segments, classes)`, or `logits` `(batch,
      classes)` of a network that sees its segments in order.
    - `serve_frames`, of a network of flow made by TV-L1, takes raw uint8
      `frames` `(batch, num_segments, height, width, 3 * (snippet_length +
      1))`, the neighboring frames of each snippet: flow is made inside, and
      returned as `flow` too. What `LateFusion` says of flow made of crops
      holds for it.
    - `serve_jpeg` takes `frames` `(batch, num_segments * images)` of strings,
      encoded as JPEG, all of one size: those of `serving_default`, or of
      `serve_frames`, snippet by snippet. Only where these are R G B.
    - `make_flow`, of a network of flow made by TV-L1, takes gray uint8 images
      `first` and `second` `(batch, height, width)` and returns `flow`,
      float32 `(batch, height, width, 2)`, in pixels; `predict.py` uses it.

    Before the export gets its name it is loaded again and compared with the
    network, on clips of the run's dataset if it is there; flow made inside
    by its codes (99.8 % equal or off by one), and probabilities within 1e-2.
    Beside it are `bundle.json`, `predict.py` where the network can be shown
    videos, `labels.txt`, `origin.json` and a model card, `README.md`.

    Args:
        model: keras.Model of this package. The export ends in a softmax, or in
            sigmoids if the model does. On another backend than TensorFlow a
            process with TensorFlow writes it, if the network gives the same
            there.
        path: path of the directory to write; an earlier export is replaced.
        background: `None`, or `Background` of the network, for the card.
            Defaults to `None`.
        tolerance: float. Largest difference of a probability. Defaults to
            `1e-5`.

    Returns:
        float, the largest difference found of `serving_default`.

    Raises:
        ValueError: if `path` holds something
            that is no SavedModel.
        RuntimeError: if the exported network differs from `model`, or `model`
            on TensorFlow from what it is here.
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
    signatures = tf.saved_model.load(str(path)).signatures

    def run_of(name):
        def run(clips):
            tensors = {key: tf.constant(clip) for key, clip in clips.items()}
            outputs = signatures[name](**tensors)
            return {key: output.numpy() for key, output in outputs.items()}

        return run

    return run_of
