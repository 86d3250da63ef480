"""The head of the networks, their description, and parts of their graphs."""

import collections.abc
import dataclasses
import types

import keras

from keras_vidrec.applications.parts import fast_paths
from keras_vidrec.layers.class_scores import FACTS
from keras_vidrec.layers.class_scores import ClassScores
from keras_vidrec.layers.consensus import ConsensusLayer
from keras_vidrec.layers.score_fusion import ProbabilityFusion
from keras_vidrec.layers.score_fusion import ScoreFusion
from keras_vidrec.specs import Blueprint
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import Origin
from keras_vidrec.specs import TestProtocol
from keras_vidrec.specs import checks

# The layer that averages the towers' logits or probabilities.
SCORE_FUSIONS = types.MappingProxyType(
    {"logits": ScoreFusion, "probabilities": ProbabilityFusion}
)


@dataclasses.dataclass(frozen=True)
class Description:
    """The classes, clips, test, blueprint and origin of a network.

    Attributes:
        class_names: `None`, or tuple of str in the order of the scores.
        clip_spec: `None`, or `ClipSpec`: the input clip.
        test_protocol: `None`, or `TestProtocol`: the test procedure.
        blueprint: `None`, or `Blueprint`: the network and its arguments.
        origin: `None`, or `Origin`: what the network was made from.
        temperature: float. The scores of a video are divided by it before the
            activation; 1 if the network was not calibrated.
        multi_label: bool. Whether a clip may have several classes, or none.
        thresholds: `None`, or tuple of float, one per class: a class is present
            if its probability is at least the threshold.
    """

    class_names: tuple | None
    clip_spec: ClipSpec | None
    test_protocol: TestProtocol | None = None
    blueprint: Blueprint | None = None
    origin: Origin | None = None
    temperature: float = 1.0
    multi_label: bool = False
    thresholds: tuple | None = None


def class_head(
    features,
    *,
    classes,
    dropout,
    activation,
    clip_spec,
    consensus="avg",
    stddev=None,
):
    """Returns the class scores of a clip: computed from the features of the
    whole clip, or, if features have an axis of segments or steps, as the
    consensus of the logits of each.

    The names of the four layers are fixed: `dropout`, `logits`, `consensus`,
    `predictions`. Everything from the logits on is float32.

    Args:
        features: KerasTensor `(batch, features)`, or `(batch, num_segments,
            features)`.
        classes: int. Number of classes.
        dropout: float in [0, 1). Rate of the dropout on the features.
        activation: see `layers.ClassScores`.
        clip_spec: `ClipSpec` of the network.
        consensus: str. A mode of `layers.ConsensusLayer`. Defaults to `"avg"`.
        stddev: `None` (Keras' own initialization), or float: standard deviation
            of the normal distribution that initializes the kernel. Defaults to
            `None`.

    Returns:
        KerasTensor `(batch, classes)`.
    """
    x = keras.layers.Dropout(dropout, name="dropout")(features)
    initializer = "glorot_uniform"
    if stddev is not None:
        initializer = keras.initializers.RandomNormal(stddev=stddev)
    x = keras.layers.Dense(
        classes,
        kernel_initializer=initializer,
        dtype="float32",
        name="logits",
    )(x)
    if len(x.shape) == 3:
        x = ConsensusLayer(consensus, dtype="float32", name="consensus")(x)
    return ClassScores(activation, clip_spec=clip_spec, name="predictions")(x)


def tower_logits(features, *, classes, dropout):
    """Returns a dict by tower of the class scores of each time step, `(batch,
    times, classes)`, from a dict of features `(batch, times, features)`. Also
    for features `(batch, features)`, without an axis of time. `dropout` is a
    rate, or a mapping with one for each tower."""
    if not isinstance(dropout, collections.abc.Mapping):
        dropout = dict.fromkeys(features, dropout)
    logits = {}
    for tower, x in features.items():
        x = keras.layers.Dropout(dropout[tower], name=f"{tower}_dropout")(x)
        logits[tower] = keras.layers.Dense(
            classes,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
            dtype="float32",
            name=f"{tower}_logits",
        )(x)
    return logits


def score_fusion(towers, fusion_weights, scores, name="score_fusion"):
    """Returns the layer that averages the class scores of several towers.

    Args:
        towers: sequence of str. Names of the towers, in their order.
        fusion_weights: `None` (all the same), or dict of a positive number
            for each tower.
        scores: str. `"logits"` or `"probabilities"`: what is averaged.
        name: str. Name of the layer. Defaults to `"score_fusion"`.

    Returns:
        `ScoreFusion` or `ProbabilityFusion`; `None` for a single tower.

    Raises:
        ValueError: if `scores` is unknown, or `fusion_weights` has other
            towers, is given for a single tower, or has a weight that is not
            positive.
    """
    checks.choice("scores", scores, tuple(SCORE_FUSIONS))
    single = len(towers) < 2
    checks.check(
        fusion_weights is None
        or not single
        and isinstance(fusion_weights, dict)
        and set(fusion_weights) == set(towers),
        "fusion_weights",
        "None, because there is a single classifier"
        if single
        else f"None or a dict of {tuple(towers)}",
        fusion_weights,
    )
    if single:
        return None
    if fusion_weights is None:
        fusion_weights = dict.fromkeys(towers, 1)
    weights = tuple(fusion_weights[tower] for tower in towers)
    with checks.names(stream_weights="fusion_weights"):
        return SCORE_FUSIONS[scores](weights, name=name)


def fused_head(logits, *, fusion, activation, clip_spec, auxiliary_outputs):
    """Returns the predictions of a network, from the mean of its towers'
    scores.

    Args:
        logits: dict by tower of KerasTensors `(batch, times, classes)`, which
            are averaged over time, or `(batch, classes)`.
        fusion: the result of `score_fusion` for these towers.
        activation: see `layers.ClassScores`.
        clip_spec: `ClipSpec` of the network.
        auxiliary_outputs: bool. Whether to return the predictions of each tower
            too, if there are several.

    Returns:
        KerasTensor `(batch, classes)`, or a dict of these: `predictions`, and
        those of the towers by name.

    Raises:
        ValueError: if `activation` is `"sigmoid"` and `fusion` averages
            probabilities, which are those of a softmax.
    """
    checks.check(
        activation != "sigmoid" or not isinstance(fusion, ProbabilityFusion),
        "classifier_activation",
        'None or "softmax", because this network averages probabilities of a '
        "softmax",
        activation,
    )
    scores = {
        tower: ConsensusLayer(
            "avg", dtype="float32", name=f"{tower}_consensus"
        )(x)
        if len(x.shape) == 3
        else x
        for tower, x in logits.items()
    }
    joint = list(scores.values())
    joint = joint[0] if fusion is None else fusion(joint)
    predictions = ClassScores(
        activation, clip_spec=clip_spec, name="predictions"
    )(joint)
    if not auxiliary_outputs or fusion is None:
        return predictions
    return {
        "predictions": predictions,
        **{
            tower: ClassScores(activation, name=f"{tower}_predictions")(x)
            for tower, x in scores.items()
        },
    }


def finish(inputs, outputs, *, name):
    """Returns the functional model of some inputs and outputs.

    Args:
        inputs: KerasTensor or dict of KerasTensors. They may be outputs of
            other layers (the user's `input_tensor`); then the model starts at
            the inputs of these layers.
        outputs: KerasTensor or dict of KerasTensors.
        name: str. Name of the model.
    """
    if isinstance(inputs, dict):
        sources = {key: _source(tensor) for key, tensor in inputs.items()}
    else:
        sources = _source(inputs)
    return keras.Model(sources, outputs, name=name)


def _source(tensor):
    """Returns the input or the list of inputs that a tensor depends on."""
    checks.check(
        getattr(tensor, "_keras_history", None) is not None,
        "input_tensor",
        "a KerasTensor, as `keras.Input` returns",
        tensor,
    )
    sources = keras.utils.get_source_inputs(tensor)
    return sources[0] if len(sources) == 1 else sources


def predictions_layer(model):
    """Returns the layer `predictions`, a `ClassScores`, of a network.

    Raises:
        ValueError: if the model has no such layer.
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


def describe(model: keras.Model) -> Description:
    """Returns what a network recognizes and what input it expects.

    Args:
        model: keras.Model of this package, also one loaded from a file.

    Returns:
        A `Description`.

    Raises:
        ValueError: if the model has no `predictions` layer.
    """
    layer = predictions_layer(model)
    facts = {name: getattr(layer, name) for name in FACTS}
    return Description(
        layer.class_names,
        **facts,
        temperature=layer.temperature,
        multi_label=layer.multi_label,
        thresholds=layer.thresholds,
    )


def clip_logits_model(model):
    """Returns the network without the activations of its `ClassScores` layers,
    for training and evaluation with `from_logits=True`. Weights are shared with
    `model`.

    Args:
        model: keras.Model of this package.

    Returns:
        keras.Model with the output logits, `(batch, classes)`: one row per
        clip. If `model` has auxiliary outputs, a dict of logits with the keys
        of its outputs, `"predictions"` and the names of the towers.

    Raises:
        ValueError: if the model has no `predictions` layer, or an output that
            does not come from a `ClassScores` layer.
    """
    logits = predictions_layer(model).input
    if isinstance(model.output, dict):
        logits = {key: _scores_layer(model, key).input for key in model.output}
    return fast_paths.take(keras.Model(model.input, logits, name=model.name))


def inference_model(model: keras.Model) -> keras.Model:
    """Returns the network with the output `predictions` only, without
    auxiliary outputs. Weights are shared with `model`, and the name and the
    inputs are the same.

    Args:
        model: keras.Model of this package.

    Returns:
        keras.Model with the output class scores, `(batch, classes)`; `model`
        itself if it has no other output.

    Raises:
        ValueError: if the model has no `predictions` layer.
    """
    predictions = predictions_layer(model).output
    if not isinstance(model.output, dict):
        return model
    return keras.Model(model.input, predictions, name=model.name)


def snippet_logits_model(model):
    """Returns the network up to the logits of snippets, before the consensus,
    for tests that average snippets. For a fusion of several networks these are
    the fused logits. Weights are shared with `model`.

    Args:
        model: keras.Model of this package.

    Returns:
        keras.Model with the output logits, `(batch, num_segments, classes)`.

    Raises:
        ValueError: if the model does not classify single snippets.
    """
    predictions_layer(model)
    for layer in model.layers:
        if isinstance(layer, ScoreFusion):
            # Only a fusion of the scores of snippets has two outputs.
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
    return fast_paths.take(keras.Model(model.input, logits, name=model.name))


def _scores_layer(model, key):
    """Returns the `ClassScores` layer of an output."""
    name = "predictions" if key == "predictions" else f"{key}_predictions"
    for layer in model.layers:
        if isinstance(layer, ClassScores) and layer.name == name:
            return layer
    raise ValueError(
        f"Expected every output of {model.name!r} to be class scores. "
        f"Received: output {key!r} without a layer {name!r}"
    )
