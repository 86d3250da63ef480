"""The head every network ends with, and what can be done at its joints."""

import dataclasses

import keras

from keras_vidrec.clip_spec import ClipSpec
from keras_vidrec.layers.class_scores import ClassScores
from keras_vidrec.layers.consensus import ConsensusLayer
from keras_vidrec.layers.score_fusion import ScoreFusion


@dataclasses.dataclass(frozen=True)
class Description:
    """What a network recognises and what it wants to see.

    Attributes:
        class_names: tuple of str in the order of the scores, or None.
        clip_spec: `ClipSpec`, or None.
    """

    class_names: tuple | None
    clip_spec: ClipSpec | None


def class_head(features, *, classes, dropout, consensus, activation, clip_spec):
    """Class scores of a clip from the features of its segments.

    The names of the four layers are fixed: `dropout`, `logits`, `consensus`,
    `predictions`. Everything from the logits on is float32.

    Args:
        features: KerasTensor `(batch, num_segments, features)`.
        classes: int. Number of classes.
        dropout: float in [0, 1). Rate of the dropout on the features.
        consensus: str. A mode of `layers.ConsensusLayer`.
        activation: `None` or `"softmax"`.
        clip_spec: `ClipSpec` of the network.

    Returns:
        KerasTensor `(batch, classes)`.
    """
    x = keras.layers.Dropout(dropout, name="dropout")(features)
    x = keras.layers.Dense(
        classes,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
        dtype="float32",
        name="logits",
    )(x)
    x = ConsensusLayer(consensus, dtype="float32", name="consensus")(x)
    return ClassScores(activation, clip_spec=clip_spec, name="predictions")(x)


def predictions_layer(model):
    """The `ClassScores` layer of a network of this package.

    Raises:
        ValueError: if the model does not end in one.
    """
    for layer in getattr(model, "layers", ()):
        if isinstance(layer, ClassScores) and layer.name == "predictions":
            return layer
    raise ValueError(
        "Expected a network with class scores, as built by "
        "`keras_vidrec.applications` with `include_top=True`. Received: "
        f"model={getattr(model, 'name', model)!r} without a `predictions` "
        "layer"
    )


def describe(model):
    """Tells what a network recognises and what it wants to see.

    Args:
        model: keras.Model of this package, also one loaded from a file.

    Returns:
        A `Description`.

    Raises:
        ValueError: if the model has no `predictions` layer.
    """
    layer = predictions_layer(model)
    return Description(layer.class_names, layer.clip_spec)


def clip_logits_model(model):
    """The same graph up to the input of `predictions`: one row of logits a
    clip, for training and evaluation with `from_logits=True`. Weights are
    shared with `model`."""
    logits = predictions_layer(model).input
    return keras.Model(model.input, logits, name=model.name)


def snippet_logits_model(model):
    """The same graph up to `logits`, before the consensus: `(batch,
    num_segments, classes)`, for frame-wise protocols. In a fusion of several
    networks: their fused logits. Weights are shared with `model`."""
    predictions_layer(model)
    for layer in model.layers:
        if isinstance(layer, ScoreFusion):
            logits, _ = layer.output
            break
    else:
        logits = model.get_layer("logits").output
    return keras.Model(model.input, logits, name=model.name)
