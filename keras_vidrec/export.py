"""A trained network as one thing to deploy."""

import pathlib

import keras
import numpy as np
import tensorflow as tf

from keras_vidrec import files
from keras_vidrec.applications.head import clip_logits_model
from keras_vidrec.applications.head import describe
from keras_vidrec.applications.head import inference_model

_TOLERANCE = 1e-5


def export_saved_model(model, path, *, tolerance=_TOLERANCE):
    """Exports a network as a TensorFlow SavedModel and checks it.

    The signature `serving_default` takes raw uint8 clips, `(batch,
    num_segments, height, width, channels)` (by modality if there are several)
    of any number of segments and any size the network takes, and returns
    `probabilities` `(batch, classes)` and, if known, `class_names`
    `(classes,)`. Before the export gets its name it is loaded again and its
    probabilities are compared with the network's.

    Args:
        model: keras.Model of this package, on the TensorFlow backend. The
            export ends in a softmax whatever the model's own activation.
        path: path of the directory to write; one that exists is replaced.
        tolerance: float. Largest difference of a probability. Defaults to
            `1e-5`.

    Returns:
        float, the largest difference found.

    Raises:
        ValueError: if the backend is not TensorFlow, or `path` holds something
            that is no SavedModel.
        RuntimeError: if the exported network differs from `model`.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "A SavedModel is written by the TensorFlow backend. Expected "
            "KERAS_BACKEND=tensorflow. Received: "
            f"{keras.backend.backend()!r}"
        )
    path = pathlib.Path(path)
    _check_replaceable(path)
    description = describe(model)
    names = description.class_names
    # One form for every network: auxiliary outputs and the activation go.
    logits = clip_logits_model(inference_model(model))
    with files.replacing(path) as temporary:
        _write(logits, names, temporary)
        difference = _compare(logits, description, temporary)
        if not difference <= tolerance:
            raise RuntimeError(
                "The exported network differs from the trained one. Expected "
                f"probabilities within {tolerance}. Received: {difference}"
            )
    return difference


def _check_replaceable(path):
    is_saved_model = (path / "saved_model.pb").is_file()
    empty = path.is_dir() and not any(path.iterdir())
    if path.exists() and not (is_saved_model or empty):
        raise ValueError(
            "Expected a new directory, or an earlier export to replace. "
            f"Received: {path}, which holds something else"
        )


def _write(model, names, path):
    def serve(*clips):
        clips = keras.tree.pack_sequence_as(model.input, clips)
        outputs = {"probabilities": _softmax(model(clips, training=False))}
        if names is not None:
            outputs["class_names"] = tf.constant(names)
        return outputs

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        "serving_default",
        serve,
        input_signature=_signature(model),
    )
    archive.write_out(path, verbose=False)


def _signature(model):
    # Pixels are bytes; features of images are as they are.
    return [
        tf.TensorSpec(
            (None, *tensor.shape[1:]),
            tf.uint8 if len(tensor.shape) == 5 else tensor.dtype,
            name=tensor.name,
        )
        for tensor in keras.tree.flatten(model.input)
    ]


def _compare(model, description, path):
    rng = np.random.default_rng(0)
    names, spec = description.class_names, description.clip_spec
    size = spec.size if spec else 64
    clips = {}
    for tensor in keras.tree.flatten(model.input):
        unknown = (2, 3, size, size)
        shape = [
            known or free for known, free in zip(tensor.shape[:-1], unknown)
        ]
        if len(shape) < 4:
            features = rng.normal(size=(*shape, tensor.shape[-1]))
            clips[tensor.name] = features.astype(tensor.dtype)
            continue
        # Frames of a snippet are alike: flow of noise takes its longest.
        clips[tensor.name] = np.add(
            rng.integers(0, 248, (*shape, 1), "uint8"),
            rng.integers(0, 8, (*shape, tensor.shape[-1]), "uint8"),
        )
    serve = tf.saved_model.load(str(path)).signatures["serving_default"]
    outputs = serve(**{name: tf.constant(clip) for name, clip in clips.items()})
    if names is not None:
        exported = [name.decode() for name in outputs["class_names"].numpy()]
        if exported != list(names):
            raise RuntimeError(
                "The exported network has other classes. Expected "
                f"{names}. Received: {exported}"
            )
    # In graph form, with unknown sizes, as it was exported: another compiler
    # rounds otherwise, and flow of noise, made inside, is not its like then.
    network = tf.function(
        lambda *flat: model(
            keras.tree.pack_sequence_as(model.input, flat), training=False
        ),
        autograph=False,
    ).get_concrete_function(*_signature(model))
    expected = _softmax(network(*map(tf.constant, clips.values())))
    return float(np.abs(outputs["probabilities"] - expected).max())


def _softmax(logits):
    return tf.nn.softmax(tf.cast(logits, tf.float32))
