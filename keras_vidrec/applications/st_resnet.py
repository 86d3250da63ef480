"""Spatiotemporal residual networks."""

import collections.abc
import os
import typing

import keras

from keras_vidrec.applications.parts.table import builder
from keras_vidrec.applications.spatiotemporal_multiplier import (
    SpatiotemporalMultiplier,
)
from keras_vidrec.specs import PROTOCOLS


@builder(test=PROTOCOLS["25xframe"].test)
def STResNet(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: dict[str, keras.KerasTensor] | None = None,
    input_shape: dict[str, tuple[int | None, ...]] | None = None,
    pooling: typing.Literal["avg", "max"] | None = None,
    classes: int = 101,
    classifier_activation: typing.Literal["softmax", "sigmoid"]
    | None = "softmax",
    name: str = "st_resnet",
    *,
    backbone: str
    | keras.Model
    | collections.abc.Mapping[str, str | keras.Model] = "resnet50",
    temporal_pooling: str | None = "max",
    spatial_pooling: int | None = 7,
    num_segments: int = 5,
    snippet_length: int = 10,
    dropout: float | collections.abc.Mapping[str, float] | None = None,
    fusion_weights: collections.abc.Mapping[str, float] | None = None,
    scores: typing.Literal["logits", "probabilities"] = "logits",
    auxiliary_outputs: bool = False,
    from_streams: tuple[keras.Model, keras.Model] | None = None,
    include_preprocessing: bool = True,
) -> keras.Model:
    """Spatiotemporal residual network: motion is added to appearance in
    residual units, some of whose convolutions span time.

    This is the authors' network: `SpatiotemporalMultiplier` with
    `interaction="add"`, `temporal_filters="widened"` and
    `temporal_initialization="avg"`. In the second residual unit of each stage
    the output of the motion stream's first unit is added to the input of the
    residual branch of the appearance stream (equation 2 of the 2017 paper), and
    in both streams the two 1x1 convolutions of that branch span three segments.
    Initialized from networks of one stream, each of their taps is a third of
    the trained kernel, so that they compute a moving average.

    The authors train in two steps. The first one has no pooling over time
    (`temporal_pooling=None`), and 5 segments, 5 to 15 frames apart. The second
    one takes the maximum over every second window of 5 of 11 segments, 1 to 15
    frames apart. Here windows of `num_segments` segments have a stride of 1
    segment.

    The network in table 2 of the 2017 paper is another one, which adds without
    filters or pooling over time: `SpatiotemporalMultiplier` with
    `interaction="add"`, `temporal_filters=None` and `temporal_pooling=None`.

    `include_top`, `weights`, `input_tensor`, `input_shape`, `pooling`,
    `classes`, `classifier_activation`, `backbone`, `temporal_pooling`,
    `spatial_pooling`, `num_segments`, `snippet_length`, `dropout`,
    `fusion_weights`, `scores`, `auxiliary_outputs`, `from_streams` and
    `include_preprocessing` are the same as in `SpatiotemporalMultiplier`, with
    the same defaults.

    Args:
        name: str. Name of the model. Defaults to `"st_resnet"`.

    Returns:
        A functional `keras.Model`, as `SpatiotemporalMultiplier`.

    Raises:
        ValueError: on any invalid argument.

    Reference:
        - [Feichtenhofer et al., 2016](https://arxiv.org/abs/1611.02155), and
          the authors' code; [2017](https://doi.org/10.1109/CVPR.2017.787).
    """
    return SpatiotemporalMultiplier(
        include_top=include_top,
        input_tensor=input_tensor,
        input_shape=input_shape,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        name=name,
        backbone=backbone,
        connection="residual",
        interaction="add",
        direction="motion_to_appearance",
        temporal_filters="widened",
        temporal_initialization="avg",
        temporal_pooling=temporal_pooling,
        spatial_pooling=spatial_pooling,
        num_segments=num_segments,
        snippet_length=snippet_length,
        dropout=dropout,
        fusion_weights=fusion_weights,
        scores=scores,
        auxiliary_outputs=auxiliary_outputs,
        include_preprocessing=include_preprocessing,
    )
