"""The head every network ends with, and what can be done at its joints."""

import dataclasses

import keras

from keras_vidrec.layers.class_scores import FACTS
from keras_vidrec.layers.class_scores import ClassScores
from keras_vidrec.layers.consensus import ConsensusLayer
from keras_vidrec.layers.score_fusion import ScoreFusion
from keras_vidrec.specs import Blueprint
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import Origin
from keras_vidrec.specs import TestProtocol


@dataclasses.dataclass(frozen=True)
class Description:
    """What a network recognizes and what it wants to see.

    Attributes:
        class_names: tuple of str in the order of the scores, or None.
        clip_spec: `ClipSpec`, or None: what a clip is.
        test_protocol: `TestProtocol`, or None: how a video is shown in a
            test.
        blueprint: `Blueprint`, or None: which network it is.
        origin: `Origin`, or None: what it was made from.
    """

    class_names: tuple | None
    clip_spec: ClipSpec | None
    test_protocol: TestProtocol | None = None
    blueprint: Blueprint | None = None
    origin: Origin | None = None


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
    """Tells what a network recognizes and what it wants to see.

    Args:
        model: keras.Model of this package, also one loaded from a file.

    Returns:
        A `Description`.

    Raises:
        ValueError: if the model has no `predictions` layer.
    """
    layer = predictions_layer(model)
    facts = {name: getattr(layer, name) for name in FACTS}
    return Description(layer.class_names, **facts)


def clip_logits_model(model):
    """The same graph up to the inputs of its `ClassScores`, for training and
    evaluation with `from_logits=True`. Weights are shared with `model`.

    Args:
        model: keras.Model of this package.

    Returns:
        keras.Model to logits `(batch, classes)`: one row a clip. Of a network
        with auxiliary outputs: to a dict of them by the keys of its outputs,
        `"predictions"` and the names of the towers.

    Raises:
        ValueError: if the model has no `predictions` layer, or an output
            that is no class scores.
    """
    logits = predictions_layer(model).input
    if isinstance(model.output, dict):
        logits = {key: _scores_layer(model, key).input for key in model.output}
    return keras.Model(model.input, logits, name=model.name)


def inference_model(model):
    """The same network without its auxiliary outputs: with the one output
    `predictions`. Weights are shared with `model`, and the name and the
    inputs are the same.

    Args:
        model: keras.Model of this package.

    Returns:
        keras.Model to class scores `(batch, classes)`; `model` itself if it
        has no other output.

    Raises:
        ValueError: if the model has no `predictions` layer.
    """
    predictions = predictions_layer(model).output
    if not isinstance(model.output, dict):
        return model
    return keras.Model(model.input, predictions, name=model.name)


def snippet_logits_model(model):
    """The same graph up to `logits`, before the consensus: `(batch,
    num_segments, classes)`, for frame-wise protocols. In a fusion of several
    networks: their fused logits. Weights are shared with `model`.

    Raises:
        ValueError: if the model has no scores of single snippets.
    """
    predictions_layer(model)
    for layer in model.layers:
        if isinstance(layer, ScoreFusion):
            # A fusion of other scores than snippets' has one output.
            if isinstance(layer.output, (list, tuple)):
                logits, _ = layer.output
                break
        elif layer.name == "logits" and len(layer.output.shape) == 3:
            logits = layer.output
            break
    else:
        raise ValueError(
            "Expected a network that classifies each snippet of a clip, with "
            "a layer `logits` or a `ScoreFusion` of such networks. Received: "
            f"model={model.name!r}, which classifies whole clips"
        )
    return keras.Model(model.input, logits, name=model.name)


def _scores_layer(model, key):
    """The `ClassScores` of an output."""
    name = "predictions" if key == "predictions" else f"{key}_predictions"
    for layer in model.layers:
        if isinstance(layer, ClassScores) and layer.name == name:
            return layer
    raise ValueError(
        f"Expected every output of {model.name!r} to be class scores. "
        f"Received: output {key!r} without a layer {name!r}"
    )
