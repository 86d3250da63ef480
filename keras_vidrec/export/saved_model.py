"""Networks as TensorFlow SavedModels."""

import keras
import tensorflow as tf

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.export import bundle
from keras_vidrec.export import endpoint as endpoints
from keras_vidrec.export import other_backend

_TOLERANCE = 1e-5


def export_saved_model(model, path, *, background=None, tolerance=_TOLERANCE):
    """Exports a network as a TensorFlow SavedModel and checks it.

    The signature `serving_default` takes raw uint8 clips, `(batch,
    num_segments, height, width, channels)` (by modality if there are several)
    of any number of segments and any size the network takes, and returns
    `probabilities` `(batch, classes)` and, if known, `class_names`
    `(classes,)`. Of a network of flow made by TV-L1 there is a second
    signature, `serve_frames`, from raw uint8 `frames` `(batch, num_segments,
    height, width, 3 * (snippet_length + 1))`, the neighboring frames of each
    snippet: flow is made inside, and returned as `flow` too. What
    `LateFusion` says of flow made of crops holds for it.

    Before the export gets its name it is loaded again and compared with the
    network, on clips of the run's dataset if it is there; flow made inside
    by its codes (99.8 % equal or off by one), and probabilities within 1e-2.
    Beside it are `labels.txt`, `clip_spec.json`, `test_protocol.json`,
    `origin.json` and a model card, `README.md`.

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
    if other_backend.is_needed():
        return other_backend.write(
            "saved_model", model, path, background, tolerance
        )
    served = [endpoints.of_clips(model), endpoints.of_frames(model)]
    served = [endpoint for endpoint in served if endpoint]
    return bundle.write(
        model,
        "saved_model",
        path,
        served,
        lambda directory: _write(
            served, describe(model).class_names, directory
        ),
        _load,
        background,
        tolerance,
    )


def _write(served, names, path):
    archive = keras.export.ExportArchive()
    for endpoint in served:
        archive.track(endpoint.model)
        archive.add_endpoint(
            endpoint.name,
            _named(endpoint, names),
            input_signature=endpoint.inputs,
        )
    archive.write_out(str(path), verbose=False)


def _named(endpoint, names):
    def serve(*clips):
        outputs = endpoint(*clips)
        if names is not None:
            outputs["class_names"] = tf.constant(names)
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
