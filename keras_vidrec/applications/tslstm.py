"""Temporal Segment LSTM."""

import keras

from keras_vidrec.applications.parts import arguments
from keras_vidrec.applications.parts import feature_streams
from keras_vidrec.layers.batch_normalization import BatchNormalization
from keras_vidrec.layers.temporal_segment_pooling import TemporalSegmentPooling

POOLING_MODES = ("max", "mean", None)
BATCH_NORMS = ("input", "output")
PREDICTIONS = ("last", "average")


def TSLSTM(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=101,
    classifier_activation="softmax",
    name="ts_lstm",
    *,
    num_frames=25,
    features=2048,
    segments=3,
    pooling_mode="max",
    units=(512,),
    fc_units=None,
    batch_norm=("input", "output"),
    prediction="last",
    dropout=0.0,
    streams=feature_streams.STREAMS,
    rgb_backbone=None,
    flow_backbone=None,
    style=None,
    include_preprocessing=True,
):
    """Temporal Segment LSTM: a recurrent network over the pooled features of
    a few segments of a video.

    ```
    rgb --- \\        / segment 1 -- norm -- max \\
             concat -- segment 2 -- norm -- max -- LSTM -- norm -- scores
    flow -- /        \\ segment 3 -- norm -- max /
    ```

    Frames on a grid over the video have features, by networks of one frame
    and of the flow around it. The frames are cut into segments of
    `num_frames // segments` (the frames left over at the end take no part, as
    in the authors' code), each is normalized and pooled, and an LSTM reads
    one vector a segment. The video is classified by what it holds after the
    last one.

    What differs from the authors' code, or is not told by the paper:

    - Each segment has its own batch normalization, as theirs, but its moments
      are over all frames of the segment; theirs normalizes frame by frame,
      with moments over the batch alone.
    - Keras' LSTM has no peephole connections, theirs has.
    - The state of the LSTM begins at zero with each clip. Theirs goes on from
      one batch of a test to the next.
    - Weights start as Keras starts them, theirs uniform in -0.1..0.1.

    Args:
        include_top: bool. Whether to end in class scores. Defaults to `True`.
        weights: `None` (random initialization), `"imagenet"` (the towers
            from those of `keras.applications`, all else random) or the path
            of a `.weights.h5` file. Defaults to `None`.
        input_tensor: `None`, or dict by stream of KerasTensors; of one
            stream, the tensor.
        input_shape: `None`, or dict by stream of tuples `(num_frames,
            features)`, with a backbone `(num_frames, height, width,
            channels)`; of one stream, the tuple. Streams may have features of
            different numbers. Defaults to what `num_frames` and `features`
            say.
        pooling: `None`, `"avg"` or `"max"`. Only without top and with
            `prediction="average"`: what becomes of the steps. Defaults to
            `None`.
        classes: int. Number of classes. Defaults to `101`.
        classifier_activation: `None` (logits) or `"softmax"`. Defaults to
            `"softmax"`.
        name: str. Name of the model. Defaults to `"ts_lstm"`.
        num_frames: int. Frames of a video. Defaults to `25`.
        features: int. Features of a frame in each stream without a backbone.
            Defaults to `2048`.
        segments: int. Segments of a video, at most all frames. Defaults to
            `3`.
        pooling_mode: str or `None`. `"max"` or `"mean"` over the frames of a
            segment; `None`, with `segments=1`, for an LSTM over all frames.
            Defaults to `"max"`.
        units: tuple of int. Units of each of the stacked LSTMs. None at all,
            `()`, joins the pooled segments to one vector. Defaults to
            `(512,)`.
        fc_units: `None`, or int. Units of a fully connected layer before the
            pooling, without activation, an own one in each segment. Defaults
            to `None`.
        batch_norm: tuple of str. Where to normalize: `"input"`, the features
            of each segment, and `"output"`, before the classifier. Defaults
            to both.
        prediction: str. `"last"`: from the last step of the LSTM;
            `"average"`: the mean of the logits of every step. Defaults to
            `"last"`.
        dropout: float in [0, 1). Before the classifier. Defaults to `0.0`.
        streams: tuple of str. `"rgb"`, `"flow"` or both. Defaults to both.
        rgb_backbone: `None`, or str or `keras.Model` as `backbones.get` takes
            it: what makes the features of clips inside, as the tower
            `rgb_tower`. The input is `(batch, num_frames, height, width, 3)`
            then. Defaults to `None`.
        flow_backbone: as `rgb_backbone`, for stacks of 10 flow images.
            Defaults to `None`.
        style: `None`, or str: `"pytorch"`, `"caffe"` or `"msra"` for the
            backbones that are ResNets; the pixels follow it. `None` means
            `"pytorch"`, with `weights="imagenet"` `"caffe"`. Defaults to
            `None`.
        include_preprocessing: bool. Whether clips are raw pixels 0..255 that
            the model brings to the range of the backbones. Defaults to
            `True`.

    Returns:
        A functional `keras.Model` from `{"rgb": features, "flow": features}`,
        each `(batch, num_frames, features)`, or from the tensor of one
        stream, to `(batch, classes)`. Without top to what is classified,
        `(batch, units)`, or `(batch, steps, units)` where every step is.

    Raises:
        ValueError: on any invalid argument, before a weight is created.

    Example:

    ```python
    model = keras_vidrec.applications.TSLSTM(classes=6)
    model.predict({"rgb": x, "flow": y})  # (batch, 25, 2048) each
    ```

    Reference:
        - [Ma et al., 2017](https://arxiv.org/abs/1703.10667), section 3.2 and
          tables 3 and 7; `features_table.TABLE` has the arguments of their
          rows.
    """
    arguments.check_common(
        include_top, weights, pooling, classes, classifier_activation
    )
    arguments.check_head("average", None, dropout)
    streams = feature_streams.check_streams(streams)
    units, batch_norm = _tuple("units", units), _tuple("batch_norm", batch_norm)
    feature_streams.check_choices(
        pooling_mode=(pooling_mode, POOLING_MODES),
        prediction=(prediction, PREDICTIONS),
    )
    for place in batch_norm:
        feature_streams.check_choices(batch_norm=(place, BATCH_NORMS))
    _check_counts(num_frames, features, segments, units, fc_units)
    _check_steps(segments, pooling_mode, units, prediction)
    spec = feature_streams.clip_spec(
        streams, num_frames, "feature_grid", input_shape
    )
    inputs, found = feature_streams.sequences(
        spec,
        input_tensor=input_tensor,
        input_shape=input_shape,
        num_steps=num_frames,
        features=features,
        towers={"rgb": rgb_backbone, "flow": flow_backbone},
        style=style,
        weights=weights,
        include_preprocessing=include_preprocessing,
    )

    x = feature_streams.joined(found)
    if "input" in batch_norm or fc_units is not None:
        length = num_frames // segments
        parts = [
            x[:, start : start + length]
            for start in range(0, segments * length, length)
        ]
        if "input" in batch_norm:
            parts = [
                _normalized(part, f"input_bn_{number}")
                for number, part in enumerate(parts, 1)
            ]
        if fc_units is not None:
            parts = [
                keras.layers.Dense(fc_units, name=f"fc_{number}")(part)
                for number, part in enumerate(parts, 1)
            ]
        x = parts[0]
        if segments > 1:
            x = keras.layers.Concatenate(axis=1, name="segments")(parts)
    if pooling_mode is not None:
        x = TemporalSegmentPooling(
            segments, pooling_mode, name="segment_pooling"
        )(x)
    for number, size in enumerate(units, 1):
        every_step = number < len(units) or prediction == "average"
        x = keras.layers.LSTM(
            size, return_sequences=every_step, name=f"lstm_{number}"
        )(x)
    if not units:
        x = keras.layers.Flatten(name="flatten")(x)
    if "output" in batch_norm:
        x = _normalized(x, "output_bn")
    if include_top:
        x = feature_streams.class_scores(
            x,
            classes=classes,
            dropout=dropout,
            activation=classifier_activation,
            clip_spec=spec,
        )
    else:
        x = feature_streams.pooled(x, pooling, "steps")
    return arguments.finish(inputs, x, name=name, weights=weights)


def _normalized(x, name):
    return BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)(x)


def _tuple(name, value):
    if not isinstance(value, (tuple, list)):
        raise ValueError(
            f"Invalid `{name}`. Expected a tuple. Received: {name}={value!r}"
        )
    return tuple(value)


def _check_counts(num_frames, features, segments, units, fc_units):
    feature_streams.check_counts(
        num_frames=num_frames, features=features, segments=segments
    )
    for size in units:
        feature_streams.check_counts(units=size)
    if fc_units is not None:
        feature_streams.check_counts(fc_units=fc_units)
    if num_frames < segments:
        raise ValueError(
            "A segment has at least one frame. Expected num_frames >= "
            f"segments. Received: num_frames={num_frames}, segments={segments}"
        )


def _check_steps(segments, pooling_mode, units, prediction):
    """Raises a `ValueError` unless something remains to be classified."""
    if pooling_mode is None and (segments != 1 or not units):
        raise ValueError(
            "Without pooling, an LSTM reads every frame. Expected segments=1 "
            "and units of an LSTM with pooling_mode=None. Received: "
            f"segments={segments}, units={units}"
        )
    if prediction == "average" and not units:
        raise ValueError(
            "The steps of an LSTM are averaged. Expected its units with "
            'prediction="average". Received: units=()'
        )
