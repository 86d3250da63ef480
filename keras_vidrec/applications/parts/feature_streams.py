"""What the networks over sequences of features share."""

import types

import keras

from keras_vidrec import backbones
from keras_vidrec.applications.parts import two_streams
from keras_vidrec.applications.parts.preprocessing import preprocess
from keras_vidrec.applications.parts.tower_styles import tower_styles
from keras_vidrec.layers.class_scores import ClassScores
from keras_vidrec.layers.consensus import ConsensusLayer
from keras_vidrec.specs.clip_spec import ClipSpec

STREAMS = two_streams.STREAMS

POOLINGS = types.MappingProxyType(
    {
        "avg": keras.layers.GlobalAveragePooling1D,
        "max": keras.layers.GlobalMaxPooling1D,
    }
)

# Flow images of a snippet, in both papers.
SNIPPET_LENGTH = 10


def check_streams(streams):
    """The streams of a network as a tuple.

    Raises:
        ValueError: if they are not different ones of `STREAMS`.
    """
    known = isinstance(streams, (tuple, list)) and all(
        stream in STREAMS for stream in streams
    )
    if not known or not streams or len(set(streams)) < len(streams):
        raise ValueError(
            f"Invalid `streams`. Expected one or more of {STREAMS} in a "
            f"tuple. Received: streams={streams!r}"
        )
    return tuple(streams)


def check_choices(**choices):
    """Raises a `ValueError` unless each `name=(value, allowed)` is allowed."""
    for name, (value, allowed) in choices.items():
        if value not in allowed:
            raise ValueError(
                f"Invalid `{name}`. Expected one of {allowed}. Received: "
                f"{name}={value!r}"
            )


def check_counts(**counts):
    """Raises a `ValueError` unless each `name=value` is a positive integer."""
    for name, value in counts.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(
                f"Invalid `{name}`. Expected a positive integer. Received: "
                f"{name}={value!r}"
            )


def clip_spec(streams, num_segments, sampling, input_shape, crop_scales=None):
    """The `ClipSpec` of moments of a video, seen together in their order: a
    frame, and the flow around it, at each."""
    size = 224
    for shape in _by_stream(input_shape, streams, "input_shape").values():
        if shape is not None and len(shape) == 4:
            size = shape[1] or shape[2] or size
    return ClipSpec(
        modalities=streams,
        num_segments=num_segments,
        snippet_length=1 if streams == ("rgb",) else SNIPPET_LENGTH,
        alignment="centered",
        sampling=sampling,
        size=size,
        crop_scales=crop_scales,
        ordered=True,
    )


def sequences(
    spec,
    *,
    input_tensor,
    input_shape,
    num_steps,
    features,
    towers,
    style,
    weights,
    include_preprocessing,
):
    """The inputs of a network, and the features of their moments.

    Args:
        spec: `ClipSpec` of the network.
        input_tensor: `None`, or a KerasTensor; of several streams, a dict of
            them.
        input_shape: `None`, or tuple `(num_steps, features)`, of a stream
            with a tower `(num_steps, height, width, channels)`; of several
            streams, a dict of them.
        num_steps: `None` (any number), or the int that the inputs must agree
            with.
        features: int. Features of a moment, where `input_shape` does not
            tell.
        towers: dict by stream of `None`, a name known to `backbones.get` or a
            `keras.Model`: what makes features of clips.
        style: `None`, or str. As `tower_styles` takes it.
        weights: what the network is to start from, as `tower_styles` takes
            it.
        include_preprocessing: bool. Whether clips are raw pixels.

    Returns:
        Pair of the inputs, a KerasTensor or a dict by stream as
        `builder_arguments.finish` takes them, and of a dict by stream of
        KerasTensors `(batch, num_steps, features)`.

    Raises:
        ValueError: if shapes do not fit, or the towers do not have this style
            or these weights.
    """
    streams = spec.modalities
    tensors = _by_stream(input_tensor, streams, "input_tensor")
    shapes = _by_stream(input_shape, streams, "input_shape")
    styles = tower_styles(
        {s: towers[s] for s in streams if towers[s] is not None},
        style,
        weights,
    )
    inputs, found = {}, {}
    for stream in streams:
        tower = towers[stream]
        if tower is None:
            sizes = (features,)
        else:
            sizes = (None, None, spec.channels(stream))
        inputs[stream] = _input(
            stream, tensors[stream], shapes[stream], (num_steps, *sizes)
        )
        found[stream] = inputs[stream]
        if tower is not None:
            found[stream] = _features(
                inputs[stream],
                stream,
                tower,
                styles[stream],
                include_preprocessing,
            )
    _check_steps(inputs)
    if len(streams) == 1:
        return inputs[streams[0]], found
    return inputs, found


def joined(found):
    """Features of all streams, one after the other."""
    streams = list(found.values())
    if len(streams) == 1:
        return streams[0]
    return keras.layers.Concatenate(name="streams")(streams)


def pooled(x, pooling, name):
    """Features `(batch, features)` of steps `(batch, steps, features)`; what
    it is given with `pooling=None`, or if there are no steps."""
    if pooling is None or len(x.shape) == 2:
        return x
    return POOLINGS[pooling](name=f"{name}_pool")(x)


def class_scores(features, *, classes, dropout, activation, clip_spec):
    """Class scores of a video: from the features of all of it, or, with an
    axis of time, the mean of the logits of every step.

    The names of the layers are those of `head.class_head`.

    Args:
        features: KerasTensor `(batch, features)`, or `(batch, steps,
            features)`.
        classes: int. Number of classes.
        dropout: float in [0, 1). Rate of the dropout on the features.
        activation: `None` or `"softmax"`.
        clip_spec: `ClipSpec` of the network.

    Returns:
        KerasTensor `(batch, classes)`.
    """
    x = keras.layers.Dropout(dropout, name="dropout")(features)
    x = keras.layers.Dense(classes, dtype="float32", name="logits")(x)
    if len(x.shape) == 3:
        x = ConsensusLayer("average", dtype="float32", name="consensus")(x)
    return ClassScores(activation, clip_spec=clip_spec, name="predictions")(x)


def _by_stream(given, streams, name):
    """Dict by stream of an argument that is a dict only for several."""
    if given is None:
        return dict.fromkeys(streams)
    if len(streams) == 1 and not isinstance(given, dict):
        return {streams[0]: given}
    if not isinstance(given, dict) or set(given) != set(streams):
        raise ValueError(
            f"Invalid `{name}`. Expected None or a dict of {streams}. "
            f"Received: {name}={given!r}"
        )
    return given


def _input(stream, tensor, shape, expected):
    """The input of a stream: `expected` is its shape, None where any fits."""
    if tensor is not None:
        given, source = tuple(tensor.shape)[1:], "input_tensor.shape"
    else:
        given, source = shape and tuple(shape), "input_shape"
    if given is None:
        return keras.Input(expected, name=stream)
    # Features are counted by the input itself, channels by the snippets.
    fixed = expected if len(expected) == 4 else (expected[0], None)
    fits = len(given) == len(fixed) and all(
        want is None or size in (want, None) for size, want in zip(given, fixed)
    )
    if not fits or given[-1] is None:
        form = "(steps, height, width, channels)"
        raise ValueError(
            "Expected an input of shape "
            f"{form if len(expected) == 4 else '(steps, features)'} like "
            f"{fixed} for {stream}, the last one known. Received: "
            f"{source}={given}"
        )
    if tensor is not None:
        return tensor
    return keras.Input((given[0] or expected[0], *given[1:]), name=stream)


def _check_steps(inputs):
    numbers = {stream: x.shape[1] for stream, x in inputs.items()}
    if len({*numbers.values()} - {None}) > 1:
        raise ValueError(
            "Streams are joined moment by moment. Expected inputs of the same "
            f"number of moments. Received: {numbers}"
        )


def _features(clip, stream, backbone, style, include_preprocessing):
    """Features `(batch, num_steps, features)` of a clip, by a tower."""
    tower = backbones.get(
        backbone,
        channels=clip.shape[-1],
        pooling="avg",
        name=f"{stream}_tower",
        style=style,
    )
    x = clip
    if include_preprocessing:
        x = preprocess(x, backbone, stream, style, f"{stream}_preprocessing")
    x = tower(two_streams.fold(x, stream))
    return two_streams.unfold(x, clip, stream)
