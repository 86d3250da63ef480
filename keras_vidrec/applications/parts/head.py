"""The head every network ends with, and what can be done at its joints."""

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

# By what of the towers is averaged.
SCORE_FUSIONS = types.MappingProxyType(
    {"logits": ScoreFusion, "probabilities": ProbabilityFusion}
)


@dataclasses.dataclass(frozen=True)
class Description:
    """The classes, clips, test, blueprint and origin of a network.

    Attributes:
        class_names: tuple of str in the order of the scores, or None.
        clip_spec: `ClipSpec`, or None: what a clip is.
        test_protocol: `TestProtocol`, or None: how a video is shown in a
            test.
        blueprint: `Blueprint`, or None: which network it is.
        origin: `Origin`, or None: what it was made from.
        temperature: float. What the scores of a video are divided by before
            they become probabilities; 1 unless it was calibrated.
        multi_label: bool. Whether a clip may be of several classes, or none.
        thresholds: tuple of float, one per class, or None: the probability from
            which on a class counts as present.
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
    """Class scores of a clip: from the features of all of it, or, with an axis
    of segments or steps, the consensus of the logits of each.

    The names of the four layers are fixed: `dropout`, `logits`, `consensus`,
    `predictions`. Everything from the logits on is float32.

    Args:
        features: KerasTensor `(batch, features)`, or `(batch, num_segments,
            features)`.
        classes: int. Number of classes.
        dropout: float in [0, 1). Rate of the dropout on the features.
        activation: as of `layers.ClassScores`.
        clip_spec: `ClipSpec` of the network.
        consensus: str. A mode of `layers.ConsensusLayer`. Defaults to `"avg"`.
        stddev: `None` (Keras' own initialization), or float: of the normal
            distribution that the kernel starts from. Defaults to `None`.

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
    """Class scores of every moment of a clip, by tower: `(batch, times,
    classes)` from `(batch, times, features)`."""
    logits = {}
    for tower, x in features.items():
        x = keras.layers.Dropout(dropout, name=f"{tower}_dropout")(x)
        logits[tower] = keras.layers.Dense(
            classes,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
            dtype="float32",
            name=f"{tower}_logits",
        )(x)
    return logits


def score_fusion(towers, fusion_weights, scores, name="score_fusion"):
    """The layer that averages the class scores of several towers.

    Args:
        towers: sequence of str. Names of the towers, in their order.
        fusion_weights: `None` (all the same), or dict of a positive number
            for each tower.
        scores: str. `"logits"` or `"probabilities"`: what is averaged.
        name: str. Name of the layer. Defaults to `"score_fusion"`.

    Returns:
        `ScoreFusion` or `ProbabilityFusion`; `None` for a single tower.

    Raises:
        ValueError: on an unknown kind of scores, on weights of other towers
            or of a single one, or if one is not positive.
    """
    checks.choice("scores", scores, tuple(SCORE_FUSIONS))
    single = len(towers) < 2
    checks.check(
        fusion_weights is None
        or not single
        and isinstance(fusion_weights, dict)
        and set(fusion_weights) == set(towers),
        "fusion_weights",
        "None, as there is a single classifier"
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
    """The predictions of a network: from the mean of its towers' scores.

    Args:
        logits: dict by tower of KerasTensors `(batch, times, classes)`, whose
            mean over the times is taken, or `(batch, classes)`.
        fusion: the layer of `score_fusion` for these towers.
        activation: as of `layers.ClassScores`.
        clip_spec: `ClipSpec` of the network.
        auxiliary_outputs: bool. Whether to return those of each tower too,
            if there are several.

    Returns:
        KerasTensor `(batch, classes)`, or a dict of these: `predictions`, and
        by tower.

    Raises:
        ValueError: if probabilities of a softmax are averaged for a sigmoid.
    """
    checks.check(
        activation != "sigmoid" or not isinstance(fusion, ProbabilityFusion),
        "classifier_activation",
        'None or "softmax", of which this network averages the probabilities',
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
    """The functional model from its ends.

    `inputs`, a tensor or a dict of tensors, may come from further layers (the
    user's `input_tensor`): then the model starts at their sources.
    """
    if isinstance(inputs, dict):
        sources = {key: _source(tensor) for key, tensor in inputs.items()}
    else:
        sources = _source(inputs)
    return keras.Model(sources, outputs, name=name)


def _source(tensor):
    checks.check(
        getattr(tensor, "_keras_history", None) is not None,
        "input_tensor",
        "a KerasTensor, as `keras.Input` returns",
        tensor,
    )
    sources = keras.utils.get_source_inputs(tensor)
    return sources[0] if len(sources) == 1 else sources


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
    """The same graph up to the inputs of its `ClassScores`, for training and
    evaluation with `from_logits=True`. Weights are shared with `model`.

    Args:
        model: keras.Model of this package.

    Returns:
        keras.Model to logits `(batch, classes)`: one row per clip. Of a network
        with auxiliary outputs: to a dict of them by the keys of its outputs,
        `"predictions"` and the names of the towers.

    Raises:
        ValueError: if the model has no `predictions` layer, or an output
            that is no class scores.
    """
    logits = predictions_layer(model).input
    if isinstance(model.output, dict):
        logits = {key: _scores_layer(model, key).input for key in model.output}
    return fast_paths.take(keras.Model(model.input, logits, name=model.name))


def inference_model(model: keras.Model) -> keras.Model:
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
    return fast_paths.take(keras.Model(model.input, logits, name=model.name))


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
