"""Checks and helpers for the arguments all builders share."""

import pathlib

import keras

from keras_vidrec.applications.parts.tower_styles import IMAGENET
from keras_vidrec.layers.consensus import ConsensusLayer
from keras_vidrec.specs.clip_spec import MODALITIES
from keras_vidrec.weights import imagenet


def check_common(include_top, weights, pooling, classes, activation):
    """Validates the arguments every builder has, before any weight exists.

    Raises:
        ValueError: naming the argument, what was expected and what came.
    """
    if weights is not None:
        _check_weights(weights)
    if pooling not in (None, "avg", "max"):
        raise ValueError(
            'Invalid `pooling`. Expected None, "avg" or "max". Received: '
            f"pooling={pooling!r}"
        )
    if not include_top:
        return
    if not isinstance(classes, int) or isinstance(classes, bool) or classes < 1:
        raise ValueError(
            "Invalid `classes`. Expected a positive integer. Received: "
            f"classes={classes!r}"
        )
    if activation not in (None, "softmax"):
        raise ValueError(
            'Invalid `classifier_activation`. Expected None or "softmax". '
            f"Received: classifier_activation={activation!r}"
        )


def _check_weights(weights):
    if weights == IMAGENET:
        return
    path = pathlib.Path(weights)
    if not path.name.endswith(".weights.h5") or not path.is_file():
        raise ValueError(
            'Invalid `weights`. Expected None, "imagenet" or the path of an '
            f"existing `.weights.h5` file. Received: weights={weights!r}"
        )


def check_modality(modality, snippet_length):
    """The snippet length of `modality`: 1 for rgb, 5 otherwise if None.

    Raises:
        ValueError: if the modality is unknown, or rgb has a length but 1.
    """
    if modality not in MODALITIES:
        raise ValueError(
            f"Invalid `modality`. Expected one of {MODALITIES}. Received: "
            f"modality={modality!r}"
        )
    if snippet_length is None:
        return 1 if modality == "rgb" else 5
    return snippet_length


def check_head(consensus, num_segments, dropout):
    """Validates the head before the towers are built.

    Raises:
        ValueError: if the consensus is unknown, a weighted one meets an
            unknown number of segments, or the rate is outside [0, 1).
    """
    ConsensusLayer(consensus)
    if consensus == "weighted" and num_segments is None:
        raise ValueError(
            'consensus="weighted" learns one weight a segment. Expected a '
            "known number of segments. Received: num_segments=None"
        )
    if not isinstance(dropout, (int, float)) or not 0 <= dropout < 1:
        raise ValueError(
            "Invalid `dropout`. Expected a rate in [0, 1). Received: "
            f"dropout={dropout!r}"
        )


def clip_input(input_tensor, input_shape, *, num_segments, channels, name):
    """The input `(batch, num_segments, height, width, channels)`.

    Args:
        input_tensor: `None`, or a KerasTensor to build on.
        input_shape: `None`, or `(num_segments, height, width, channels)`,
            None for unknown sizes.
        num_segments: `None`, or the int that `input_shape` must agree with.
        channels: int the input must have.
        name: str. Name of a new input.

    Raises:
        ValueError: if the shapes disagree.
    """
    if input_tensor is not None:
        given = tuple(input_tensor.shape)[1:]
    elif input_shape is not None:
        given = tuple(input_shape)
    else:
        given = (num_segments, None, None, channels)
    fits = (
        len(given) == 4
        and given[3] == channels
        and (num_segments is None or given[0] in (None, num_segments))
    )
    if not fits:
        source = "input_shape" if input_tensor is None else "input_tensor.shape"
        raise ValueError(
            "Expected clips of shape (num_segments, height, width, channels) "
            f"with num_segments={num_segments} and channels={channels}. "
            f"Received: {source}={given}"
        )
    if input_tensor is not None:
        return input_tensor
    shape = (given[0] or num_segments, *given[1:])
    return keras.Input(shape, name=name)


def finish(inputs, outputs, *, name, weights):
    """The functional model from its ends, with `weights` loaded.

    `inputs`, a tensor or a dict of tensors, may come from further layers (the
    user's `input_tensor`): then the model starts at their sources.
    """
    if isinstance(inputs, dict):
        sources = {key: _source(tensor) for key, tensor in inputs.items()}
    else:
        sources = _source(inputs)
    model = keras.Model(sources, outputs, name=name)
    load(model, weights)
    return model


def load(model, weights):
    """Gives a new network its weights, as its builder was told.

    Args:
        model: keras.Model to change in place.
        weights: `None` (nothing is done), `"imagenet"` or the path of a
            `.weights.h5` file.
    """
    if weights == IMAGENET:
        imagenet(model)
    elif weights is not None:
        model.load_weights(weights)


def _source(tensor):
    if getattr(tensor, "_keras_history", None) is None:
        raise ValueError(
            "Invalid `input_tensor`. Expected a KerasTensor, as `keras.Input` "
            f"returns. Received: input_tensor={tensor!r}"
        )
    sources = keras.utils.get_source_inputs(tensor)
    return sources[0] if len(sources) == 1 else sources
