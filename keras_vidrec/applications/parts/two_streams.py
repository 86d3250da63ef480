"""What the networks that join an appearance and a motion stream share."""

import logging
import types

import keras

from keras_vidrec import backbones
from keras_vidrec.applications.parts import arguments
from keras_vidrec.applications.parts.preprocessing import preprocess
from keras_vidrec.layers.class_scores import ClassScores
from keras_vidrec.layers.consensus import ConsensusLayer
from keras_vidrec.layers.fold_segments import FoldSegments
from keras_vidrec.layers.probability_fusion import ProbabilityFusion
from keras_vidrec.layers.score_fusion import ScoreFusion
from keras_vidrec.layers.unfold_segments import UnfoldSegments
from keras_vidrec.specs.clip_spec import ClipSpec
from keras_vidrec.weights import streams as weights_of_streams

logger = logging.getLogger("keras_vidrec")

STREAMS = ("rgb", "flow")

# By what of the towers is averaged.
SCORE_FUSIONS = types.MappingProxyType(
    {"logits": ScoreFusion, "probabilities": ProbabilityFusion}
)


def clip_spec(num_chunks, snippet_length, stride, input_shape):
    """The `ClipSpec` of chunks a random distance apart: a frame and the flow
    around it at each.

    Raises:
        ValueError: if a number is no positive integer.
    """
    for name, value in (
        ("num_chunks", num_chunks),
        ("snippet_length", snippet_length),
    ):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(
                f"Invalid `{name}`. Expected a positive integer. Received: "
                f"{name}={value!r}"
            )
    size = 224
    check_shapes("input_shape", input_shape)
    if input_shape is not None and len(input_shape["rgb"]) == 4:
        size = input_shape["rgb"][1] or input_shape["rgb"][2] or size
    return ClipSpec(
        modalities=STREAMS,
        num_segments=num_chunks,
        snippet_length=snippet_length,
        alignment="centered",
        stride=stride,
        sampling="chunks",
        size=size,
        ordered=True,
    )


def check_shapes(name, given):
    """Raises a `ValueError` unless an argument is `None` or a dict by
    stream."""
    if given is not None and not (
        isinstance(given, dict) and set(given) == {*STREAMS}
    ):
        raise ValueError(
            f"Invalid `{name}`. Expected None or a dict of {STREAMS}. "
            f"Received: {name}={given!r}"
        )


def clip_inputs(input_tensor, input_shape, spec):
    """Dict by stream of the inputs `(batch, num_chunks, height, width,
    channels)`.

    Raises:
        ValueError: if what is given is no dict of both streams, or shapes
            disagree.
    """
    check_shapes("input_tensor", input_tensor)
    check_shapes("input_shape", input_shape)
    clips = {
        stream: arguments.clip_input(
            input_tensor and input_tensor[stream],
            input_shape and input_shape[stream],
            num_segments=None,
            channels=spec.channels(stream),
            name=stream,
        )
        for stream in STREAMS
    }
    sizes = {stream: clip.shape[1:4] for stream, clip in clips.items()}
    if any(len({*axis} - {None}) > 1 for axis in zip(*sizes.values())):
        raise ValueError(
            "Streams are joined chunk by chunk and place by place. Expected "
            "clips of the same number of chunks, height and width. Received: "
            f"{sizes}"
        )
    return clips


def preprocessed(clips, names, styles, include_preprocessing):
    """Dict by stream of the clips as backbones of these names and styles want
    to see them."""
    if not include_preprocessing:
        return clips
    return {
        stream: preprocess(
            clip,
            names[stream],
            stream,
            styles[stream],
            f"{stream}_preprocessing",
        )
        for stream, clip in clips.items()
    }


def check_backbones(backbone, temporal_backbone):
    """The names of the two backbones by stream.

    Raises:
        ValueError: if one is not a name: only towers that are built here can
            be joined inside.
    """
    names = {"rgb": backbone, "flow": temporal_backbone or backbone}
    for name in names.values():
        if not isinstance(name, str) or name not in backbones.BACKBONES:
            raise ValueError(
                "Streams are joined inside their towers. Expected a backbone "
                f"of {tuple(backbones.BACKBONES)}. Received: {name!r}"
            )
    return names


def fold(x, name):
    """Chunks folded into the batch."""
    return FoldSegments(name=f"{name}_fold")(x)


def unfold(x, like, name):
    """Chunks taken out of the batch again, as many as `like` has."""
    return UnfoldSegments(name=f"{name}_unfold")(x, like)


def pooled(x, pooling, name):
    """Features `(batch, times, features)` of maps `(batch, times, height,
    width, filters)`; the maps themselves with `pooling=None`."""
    if pooling is None or len(x.shape) == 3:
        return x
    folded = fold(x, f"{name}_features")
    features = backbones.POOLINGS[pooling](name=f"{name}_features")(folded)
    return unfold(features, x, f"{name}_features")


def tower_logits(features, tower, *, classes, dropout):
    """Class scores of every moment of a clip by one tower: `(batch, times,
    classes)` from `(batch, times, features)`."""
    x = keras.layers.Dropout(dropout, name=f"{tower}_dropout")(features)
    return keras.layers.Dense(
        classes,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        dtype="float32",
        name=f"{tower}_logits",
    )(x)


def score_fusion(towers, fusion_weights, scores):
    """The layer that averages the class scores of several towers.

    Args:
        towers: sequence of str. Names of the towers, in their order.
        fusion_weights: `None` (all the same), or dict of a positive number
            for each tower.
        scores: str. `"logits"` or `"probabilities"`: what is averaged.

    Returns:
        `ScoreFusion` or `ProbabilityFusion`; `None` for a single tower.

    Raises:
        ValueError: on an unknown kind of scores, on weights of other towers
            or of a single one, or if one is not positive.
    """
    if scores not in SCORE_FUSIONS:
        raise ValueError(
            f"Invalid `scores`. Expected one of {tuple(SCORE_FUSIONS)}. "
            f"Received: scores={scores!r}"
        )
    if fusion_weights is None:
        fusion_weights = dict.fromkeys(towers, 1)
    elif (
        len(towers) < 2
        or not isinstance(fusion_weights, dict)
        or set(fusion_weights) != set(towers)
    ):
        expected = f"None or a dict of {tuple(towers)}"
        if len(towers) < 2:
            expected = "None, as there is a single classifier"
        raise ValueError(
            f"Invalid `fusion_weights`. Expected {expected}. Received: "
            f"fusion_weights={fusion_weights!r}"
        )
    if len(towers) < 2:
        return None
    weights = tuple(fusion_weights[tower] for tower in towers)
    return SCORE_FUSIONS[scores](weights, name="score_fusion")


def outputs(logits, *, fusion, activation, clip_spec, auxiliary_outputs):
    """The predictions of a network: from the mean of its towers' scores.

    Args:
        logits: dict by tower of KerasTensors `(batch, times, classes)`, whose
            mean over the times is taken, or `(batch, classes)`.
        fusion: the layer of `score_fusion` for these towers.
        activation: `None` or `"softmax"`.
        clip_spec: `ClipSpec` of the network.
        auxiliary_outputs: bool. Whether to return those of each tower too,
            if there are several.

    Returns:
        KerasTensor `(batch, classes)`, or a dict of these: `predictions`, and
        by tower.
    """
    scores = {
        tower: ConsensusLayer(
            "average", dtype="float32", name=f"{tower}_consensus"
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


def check_pair(from_streams):
    """Raises a `ValueError` unless it is `None` or a pair of networks."""
    if from_streams is not None and not (
        isinstance(from_streams, (tuple, list))
        and len(from_streams) == 2
        and all(isinstance(network, keras.Model) for network in from_streams)
    ):
        raise ValueError(
            "Invalid `from_streams`. Expected a pair (rgb_model, flow_model) "
            f"of trained networks. Received: from_streams={from_streams!r}"
        )


def start_from(model, from_streams):
    """Copies the weights of two trained networks of one stream each, by name.

    What has no counterpart, such as the fusion, keeps its own weights, and so
    does a classifier for other classes; that is logged.

    Raises:
        ValueError: if a network is not of its stream, or a layer of the
            towers does not fit.
    """
    report = weights_of_streams.copy_streams(
        model, dict(zip(STREAMS, from_streams))
    )
    unfit = weights_of_streams.unfit_layers(
        report, weights_of_streams.may_start_anew(model)
    )
    if unfit:
        raise ValueError(
            "Expected networks of the same towers in `from_streams`. Received "
            f"some where these do not fit: {', '.join(unfit[:3])[:300]} "
            f"({len(unfit)} layers)"
        )
    logger.warning("Started from two streams: %s.", report)
