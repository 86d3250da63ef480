"""Builds the streams of a network, from inputs to features."""

import types

import keras

from keras_vidrec import backbones
from keras_vidrec.applications.parts import arguments
from keras_vidrec.applications.parts.arguments import STREAMS
from keras_vidrec.layers.pixel_normalization import PixelNormalization
from keras_vidrec.layers.segments import FoldSegments
from keras_vidrec.layers.segments import UnfoldSegments
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import checks

POOLINGS = types.MappingProxyType(
    {
        "avg": keras.layers.GlobalAveragePooling1D,
        "max": keras.layers.GlobalMaxPooling1D,
    }
)

# Flow images in a snippet, in both papers with networks over features.
SNIPPET_LENGTH = 10

_SIZE = 224
_CLIP = "(num_segments, height, width, channels)"


def image_size(*shapes):
    """Returns the size of crops for shapes of clips: 224 if none of them states
    it."""
    size = _SIZE
    for shape in shapes:
        if shape is not None and len(shape) == 4:
            size = shape[1] or shape[2] or size
    return size


def chunks_spec(num_segments, snippet_length, stride, input_shape):
    """Returns the `ClipSpec` of segments with random distances (the papers'
    chunks), each with a frame and the flow around it.

    Raises:
        ValueError: if a number is not a positive integer, or `input_shape` is
            not `None` or a dict by stream.
    """
    checks.count("num_segments", num_segments)
    checks.count("snippet_length", snippet_length)
    shapes = arguments.by_stream("input_shape", input_shape, STREAMS)
    return ClipSpec(
        modalities=STREAMS,
        num_segments=num_segments,
        snippet_length=snippet_length,
        alignment="centered",
        stride=stride,
        sampling="chunks",
        size=image_size(shapes["rgb"]),
        ordered=True,
    )


def clip_input(input_tensor, input_shape, *, num_segments, channels, name):
    """Returns the input `(batch, num_segments, height, width, channels)`.

    Args:
        input_tensor: `None`, or a KerasTensor to use as the input.
        input_shape: `None`, or `(num_segments, height, width, channels)`,
            None for unknown sizes.
        num_segments: `None` (any number), or int that the shape must have.
        channels: int that the shape must have.
        name: str. Name of a new input.

    Raises:
        ValueError: if the shapes disagree.
    """
    if input_tensor is not None:
        given, source = tuple(input_tensor.shape)[1:], "input_tensor.shape"
    elif input_shape is not None:
        given, source = tuple(input_shape), "input_shape"
    else:
        given, source = (num_segments, None, None, channels), "input_shape"
    checks.check(len(given) == 4, source, f"a tuple {_CLIP}", given)
    checks.check(
        given[3] == channels
        and (num_segments is None or given[0] in (None, num_segments)),
        source,
        f"clips of shape {_CLIP} with num_segments={num_segments} and "
        f"channels={channels}",
        given,
    )
    if input_tensor is not None:
        return input_tensor
    shape = (given[0] or num_segments, *given[1:])
    return keras.Input(shape, name=name)


def clip_inputs(input_tensor, input_shape, spec):
    """Returns a dict by stream of the inputs `(batch, num_segments, height,
    width, channels)`.

    Args:
        input_tensor, input_shape: `None`, or dict by stream, see `clip_input`.
        spec: `ClipSpec` of the network.

    Raises:
        ValueError: if an argument is not a dict of both streams, or shapes
            disagree.
    """
    tensors = arguments.by_stream("input_tensor", input_tensor, STREAMS)
    shapes = arguments.by_stream("input_shape", input_shape, STREAMS)
    clips = {
        stream: clip_input(
            tensors[stream],
            shapes[stream],
            num_segments=None,
            channels=spec.channels(stream),
            name=stream,
        )
        for stream in STREAMS
    }
    sizes = {stream: clip.shape[1:4] for stream, clip in clips.items()}
    if any(len({*axis} - {None}) > 1 for axis in zip(*sizes.values())):
        raise ValueError(
            "Streams are joined segment by segment and pixel by pixel. "
            "Expected clips of the same number of segments, height and width. "
            f"Received: {sizes}"
        )
    return clips


def preprocess(clips, backbone, modality, name="preprocessing"):
    """Scales the pixels of clips for a backbone.

    Args:
        clips: KerasTensor `(..., height, width, channels)` of 0..255.
        backbone: str or `keras.Model`, see `backbones.get`.
        modality: str. One of `specs.MODALITIES`.
        name: str. Name of the layer. Defaults to `"preprocessing"`.

    Returns:
        KerasTensor of the same shape; `clips` if the backbone takes raw pixels.
    """
    scaling = backbones.preprocessing(backbone, modality)
    if scaling is None:
        return clips
    return PixelNormalization(
        scaling.mean, scaling.std, scaling.channel_order, name=name
    )(clips)


def preprocessed(clips, towers, include_preprocessing):
    """Returns a dict by stream of the clips scaled for these backbones, or
    `clips` without preprocessing."""
    if not include_preprocessing:
        return clips
    return {
        stream: preprocess(
            clip, towers[stream], stream, f"{stream}_preprocessing"
        )
        for stream, clip in clips.items()
    }


def fold(x, name):
    """Merges the axis of segments into the batch."""
    return FoldSegments(name=f"{name}_fold")(x)


def unfold(x, like, name):
    """Splits the axis of segments from the batch, with as many segments as the
    tensor `like` has."""
    return UnfoldSegments(name=f"{name}_unfold")(x, like)


def sequences(
    towers,
    sampling,
    *,
    alignment="centered",
    num_segments,
    num_steps,
    features,
    input_tensor,
    input_shape,
    include_preprocessing,
):
    """Returns the inputs of a network over features, and the features of each
    step. Each step is a frame or the flow around it; the network uses their
    order.

    Args:
        towers: dict by stream of `None` (the input is features), a name known
            to `backbones.get`, or a `keras.Model`.
        sampling, alignment, num_segments: see `ClipSpec`.
        num_steps: `None` (any number), or the number of steps that the inputs
            must have.
        features: int. Number of features of a step, if `input_shape` does not
            state it.
        input_tensor: `None`, or a KerasTensor; for several streams a dict of
            them.
        input_shape: `None`, or tuple `(num_steps, features)`, for a stream
            with a tower `(num_steps, height, width, channels)`; for several
            streams a dict of them.
        include_preprocessing: bool. Whether clips are raw pixels.

    Returns:
        Tuple of the `ClipSpec`; the inputs, a KerasTensor or a dict by stream;
        and a dict by stream of KerasTensors `(batch, num_steps, features)`.

    Raises:
        ValueError: if shapes do not fit.
    """
    streams = tuple(towers)
    shapes = arguments.by_stream("input_shape", input_shape, streams)
    spec = ClipSpec(
        modalities=streams,
        num_segments=num_segments,
        snippet_length=1 if streams == ("rgb",) else SNIPPET_LENGTH,
        alignment=alignment,
        sampling=sampling,
        size=image_size(*shapes.values()),
        ordered=True,
    )
    tensors = arguments.by_stream("input_tensor", input_tensor, streams)
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
                inputs[stream], stream, tower, include_preprocessing
            )
    numbers = {stream: x.shape[1] for stream, x in inputs.items()}
    if len({*numbers.values()} - {None}) > 1:
        raise ValueError(
            "Streams are joined step by step. Expected inputs with the same "
            f"number of steps. Received: {numbers}"
        )
    if len(streams) == 1:
        return spec, inputs[streams[0]], found
    return spec, inputs, found


def joined(found):
    """Concatenates the features of all streams."""
    streams = list(found.values())
    if len(streams) == 1:
        return streams[0]
    return keras.layers.Concatenate(name="streams")(streams)


def pooled_maps(x, pooling, name, spatial_pooling=None):
    """Returns features `(batch, times, features)` of maps `(batch, times,
    height, width, filters)`, pooled as in `backbones.get`; the maps themselves
    with `pooling=None`. Features are returned unchanged."""
    if pooling is None or len(x.shape) == 3:
        return x
    folded = fold(x, f"{name}_features")
    layer = backbones.pooling_layer(
        pooling, spatial_pooling, f"{name}_features"
    )
    return unfold(layer(folded), x, f"{name}_features")


def pooled_steps(x, pooling, name):
    """Returns features `(batch, features)` of steps `(batch, steps,
    features)`; `x` itself with `pooling=None`, or if it has no steps."""
    if pooling is None or len(x.shape) == 2:
        return x
    return POOLINGS[pooling](name=f"{name}_pool")(x)


def _input(stream, tensor, shape, expected):
    """Returns the input of a stream. `expected` is its shape, None for any
    size."""
    if tensor is not None:
        given, source = tuple(tensor.shape)[1:], "input_tensor.shape"
    else:
        given, source = shape and tuple(shape), "input_shape"
    if given is None:
        return keras.Input(expected, name=stream)
    # The number of features may be any, the number of channels may not.
    fixed = expected if len(expected) == 4 else (expected[0], None)
    fits = len(given) == len(fixed) and all(
        want is None or size in (want, None) for size, want in zip(given, fixed)
    )
    form = _CLIP if len(expected) == 4 else "(num_segments, features)"
    checks.check(
        fits and given[-1] is not None,
        source,
        f"an input of shape {form} like {fixed} for {stream}, with a known "
        "last size",
        given,
    )
    if tensor is not None:
        return tensor
    return keras.Input((given[0] or expected[0], *given[1:]), name=stream)


def _features(clip, stream, backbone, include_preprocessing):
    """Returns the features `(batch, num_steps, features)` of a clip, computed
    by a new tower."""
    tower = backbones.get(
        backbone,
        channels=clip.shape[-1],
        pooling="avg",
        name=f"{stream}_tower",
    )
    x = clip
    if include_preprocessing:
        x = preprocess(x, backbone, stream, f"{stream}_preprocessing")
    x = tower(fold(x, stream))
    return unfold(x, clip, stream)
