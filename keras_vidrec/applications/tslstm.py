"""Temporal Segment LSTM."""

import collections.abc
import os
import typing

import keras

from keras_vidrec.applications.parts import arguments
from keras_vidrec.applications.parts import head
from keras_vidrec.applications.parts import streams as parts
from keras_vidrec.applications.parts.arguments import STREAMS
from keras_vidrec.applications.parts.table import builder
from keras_vidrec.layers.batch_normalization import BatchNormalization
from keras_vidrec.layers.temporal_segment_pooling import TemporalSegmentPooling
from keras_vidrec.specs import PROTOCOLS
from keras_vidrec.specs import checks

TEMPORAL_POOLINGS = ("max", "avg", None)
NORMALIZED = ("input", "output")
PREDICTIONS = ("last", "avg")

# `None`: all stored frames of a video.
_TEST = PROTOCOLS["25x1"].test.replace(num_segments=None)


@builder(whole_video=True, test=_TEST)
def TSLSTM(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: keras.KerasTensor
    | dict[str, keras.KerasTensor]
    | None = None,
    input_shape: tuple[int | None, ...]
    | dict[str, tuple[int | None, ...]]
    | None = None,
    pooling: typing.Literal["avg", "max"] | None = None,
    classes: int = 101,
    classifier_activation: typing.Literal["softmax", "sigmoid"]
    | None = "softmax",
    name: str = "ts_lstm",
    *,
    num_segments: int = 25,
    features: int = 2048,
    temporal_segments: int = 3,
    temporal_pooling: typing.Literal["max", "avg"] | None = "max",
    units: collections.abc.Sequence[int] = (512,),
    fc_units: int | None = None,
    normalized: collections.abc.Sequence[str] = ("input", "output"),
    prediction: str = "last",
    dropout: float = 0.0,
    streams: collections.abc.Sequence[str] = STREAMS,
    backbone: str
    | keras.Model
    | collections.abc.Mapping[str, str | keras.Model]
    | None = None,
    include_preprocessing: bool = True,
) -> keras.Model:
    """Temporal Segment LSTM: an LSTM on the pooled features of a few segments
    of a video.

    ```
    rgb --- \\        / segment 1 -- norm -- max \\
             concat -- segment 2 -- norm -- max -- LSTM -- norm -- scores
    flow -- /        \\ segment 3 -- norm -- max /
    ```

    The input is features of `num_segments` frames on a grid over the video, by
    networks of single frames and of the flow around them. They are divided into
    `temporal_segments` parts of `num_segments // temporal_segments` frames (a
    remainder at the end is not used, as in the authors' code). Each part is
    normalized and pooled into one vector, an LSTM processes these vectors, and
    the video is classified by its last output.

    What differs from the authors' code, or is not stated by the paper:

    - Each segment has its own batch normalization, as in their code, but its
        moments are over all frames of the segment; theirs normalizes frame by
        frame, with moments over the batch only.
    - Keras' LSTM has no peephole connections; theirs has them.
    - The state of the LSTM starts at zero for each clip. Theirs is kept from
        one batch of a test to the next.
    - Weights have Keras' default initialization, theirs is uniform in
        -0.1..0.1.

    Args:
        include_top: bool. Whether to include the classifier. Defaults to
            `True`.
        weights: `None` (random initialization), `"imagenet"` (towers from
            `weights.imagenet`, all else random), the path of a `.weights.h5`
            file, or the name of a published network from `vidrec presets`, or
            of its dataset, such as `"kinetics400"`, with these arguments and
            classes. Initial weights. Defaults to `None`.
        input_tensor: `None`, or dict of KerasTensors by stream; of one stream,
            the tensor. Tensors to use instead of a new input. Defaults to
            `None`.
        input_shape: `None`, or dict of tuples by stream; of one stream, the
            tuple. Shape of a clip without the batch, None for unknown sizes.
            They are `(num_segments, features)`, the last one known, or with a
            backbone `(num_segments, height, width, channels)`. Streams may have
            different numbers of features. Defaults to `num_segments` and
            `features`.
        pooling: `None`, `"avg"` or `"max"`. Only without top: pooling of the
            input of the classifier. It is the steps, with `prediction="avg"`.
            Defaults to `None`.
        classes: int. Number of classes. Defaults to `101`.
        classifier_activation: `None` (logits), `"softmax"`, or `"sigmoid"` for
            several labels per clip. Activation of the class scores. Defaults to
            `"softmax"`.
        name: str. Name of the model. Defaults to `"ts_lstm"`.
        num_segments: int. Segments of a clip in training. They are the frames
            of the paper. Defaults to `25`.
        features: int. Features of a segment in each stream without a backbone.
            Defaults to `2048`.
        temporal_segments: int. Number of parts into which the segments are
            divided (the paper's temporal segments), at most `num_segments`.
            Defaults to `3`.
        temporal_pooling: `None`, or str. How segments are combined. `"max"` or
            `"avg"` over each part; `None`, with `temporal_segments=1`, for an
            LSTM over all segments. Defaults to `"max"`.
        units: tuple of int. Units of each of the stacked LSTMs. Without any,
            `()`, the pooled parts are concatenated to one vector. Defaults to
            `(512,)`.
        fc_units: `None` (without), or int. Units of a fully connected layer. It
            is applied before the pooling, without activation, with separate
            weights for each part. Defaults to `None`.
        normalized: tuple of str. Where to normalize: `"input"`, the features
            of each segment, and `"output"`, before the classifier. Defaults
            to both.
        prediction: str. `"last"`: from the last step of the LSTM;
            `"avg"`: the mean of the logits of every step. Defaults to
            `"last"`.
        dropout: float in [0, 1). Rate of the dropout before the classifier.
            Defaults to `0.0`.
        streams: tuple of str. `"rgb"`, `"flow"` or both. Defaults to both.
        backbone: `None`, or str, a name known to `backbones.get`;
            `keras.Model`; or dict of these by stream. Networks that compute the
            features of images. A `keras.Model` goes from images to features or
            feature maps. They are included as the towers `rgb_tower` and
            `flow_tower`: the input is then `(batch, num_segments, height,
            width, channels)`, 3 channels of rgb, 20 of 10 flow images. With
            `None` the input is features. Defaults to `None`.
        include_preprocessing: bool. Whether the model takes raw pixels 0..255
            and scales them for the backbones. Defaults to `True`.

    Returns:
        A functional `keras.Model` from `{"rgb": features, "flow": features}`,
        each `(batch, num_segments, features)`, or from the tensor of one
        stream, to `(batch, classes)`. Without top to the input of the
        classifier, `(batch, units)`, or, with `prediction="avg"`, `(batch,
        steps, units)` (pooled to `(batch, units)` with `pooling`).

    Raises:
        ValueError: on any invalid argument, before a weight is created.

    Example:

    ```python
    model = keras_vidrec.applications.TSLSTM(classes=6)
    model.predict({"rgb": x, "flow": y})  # (batch, 25, 2048) each
    ```

    Reference:
        - [Ma et al., 2017](https://arxiv.org/abs/1703.10667), section 3.2 and
          tables 3 and 7; `training.recipes.tables.rows("ts_lstm")` has the
          arguments of their rows.
    """
    checks.rate("dropout", dropout)
    streams = arguments.check_streams(streams)
    towers = arguments.backbones_by_stream(backbone, streams, True)
    units = _tuple("units", units)
    normalized = _tuple("normalized", normalized)
    checks.choice("temporal_pooling", temporal_pooling, TEMPORAL_POOLINGS)
    checks.choice("prediction", prediction, PREDICTIONS)
    for part in normalized:
        checks.choice("normalized", part, NORMALIZED)
    checks.count("num_segments", num_segments)
    checks.count("features", features)
    checks.count("temporal_segments", temporal_segments)
    for size in units:
        checks.count("units", size)
    if fc_units is not None:
        checks.count("fc_units", fc_units)
    checks.check(
        temporal_segments <= num_segments,
        "temporal_segments",
        f"at most num_segments={num_segments}",
        temporal_segments,
    )
    _check_steps(temporal_segments, temporal_pooling, units, prediction)
    spec, inputs, found = parts.sequences(
        towers,
        "feature_grid",
        alignment="centered_late",
        num_segments=num_segments,
        num_steps=num_segments,
        features=features,
        input_tensor=input_tensor,
        input_shape=input_shape,
        include_preprocessing=include_preprocessing,
    )

    x = parts.joined(found)
    if "input" in normalized or fc_units is not None:
        length = num_segments // temporal_segments
        pieces = [
            x[:, start : start + length]
            for start in range(0, temporal_segments * length, length)
        ]
        if "input" in normalized:
            pieces = [
                _normalized(piece, f"input_bn_{number}")
                for number, piece in enumerate(pieces, 1)
            ]
        if fc_units is not None:
            pieces = [
                keras.layers.Dense(fc_units, name=f"fc_{number}")(piece)
                for number, piece in enumerate(pieces, 1)
            ]
        x = pieces[0]
        if temporal_segments > 1:
            x = keras.layers.Concatenate(axis=1, name="segments")(pieces)
    if temporal_pooling is not None:
        x = TemporalSegmentPooling(
            temporal_segments, temporal_pooling, name="segment_pooling"
        )(x)
    for number, size in enumerate(units, 1):
        every_step = number < len(units) or prediction == "avg"
        x = keras.layers.LSTM(
            size, return_sequences=every_step, name=f"lstm_{number}"
        )(x)
    if not units:
        x = keras.layers.Flatten(name="flatten")(x)
    if "output" in normalized:
        x = _normalized(x, "output_bn")
    if include_top:
        x = head.class_head(
            x,
            classes=classes,
            dropout=dropout,
            activation=classifier_activation,
            clip_spec=spec,
        )
    else:
        x = parts.pooled_steps(x, pooling, "steps")
    return head.finish(inputs, x, name=name)


def _normalized(x, name):
    return BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)(x)


def _tuple(name, value):
    """Returns an argument as a tuple; raises a `ValueError` for others than
    tuples and lists."""
    checks.check(isinstance(value, (tuple, list)), name, "a tuple", value)
    return tuple(value)


def _check_steps(temporal_segments, temporal_pooling, units, prediction):
    """Raises a `ValueError` if pooling, LSTM and prediction do not fit."""
    if temporal_pooling is None and (temporal_segments != 1 or not units):
        raise ValueError(
            "Without pooling, an LSTM processes all segments. Expected "
            "temporal_segments=1 and units of an LSTM with "
            "temporal_pooling=None. Received: "
            f"temporal_segments={temporal_segments}, units={units}"
        )
    if prediction == "avg" and not units:
        raise ValueError(
            "The steps of an LSTM are averaged. Expected its units with "
            'prediction="avg". Received: units=()'
        )
