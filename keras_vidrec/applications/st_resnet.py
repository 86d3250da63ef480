"""Spatiotemporal residual networks."""

from keras_vidrec.applications.parts.table import builder
from keras_vidrec.applications.spatiotemporal_multiplier import (
    SpatiotemporalMultiplier,
)
from keras_vidrec.specs import PROTOCOLS


@builder(test=PROTOCOLS["25xframe"].test)
def STResNet(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=101,
    classifier_activation="softmax",
    name="st_resnet",
    *,
    backbone="resnet50",
    temporal_pooling="max",
    spatial_pooling=7,
    num_segments=5,
    snippet_length=10,
    dropout=0.8,
    fusion_weights=None,
    scores="logits",
    auxiliary_outputs=False,
    from_streams=None,
    include_preprocessing=True,
):
    """Spatiotemporal residual network: motion is added to appearance in
    residual units.

    `SpatiotemporalMultiplier` with `interaction="add"`,
    `temporal_filters="residual_all"` and `temporal_initialization="avg"`:
    the network that the multiplier paper compares with in table 2. It is an
    approximation of the 2016 paper, whose filters over time stand in other
    units and whose training differs.

    Args:
        include_top, weights, input_tensor, input_shape, pooling, classes,
            classifier_activation, backbone, temporal_pooling, spatial_pooling,
            num_segments, snippet_length, dropout, fusion_weights, scores,
            auxiliary_outputs, from_streams, include_preprocessing: as
            `SpatiotemporalMultiplier` takes them, with the same defaults.
        name: str. Name of the model. Defaults to `"st_resnet"`.

    Returns:
        A functional `keras.Model`, as `SpatiotemporalMultiplier`.

    Raises:
        ValueError: on any invalid argument.

    Reference:
        - [Feichtenhofer et al., 2016](https://arxiv.org/abs/1611.02155), as
          compared in [2017](https://doi.org/10.1109/CVPR.2017.787), table 2.
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
        temporal_filters="residual_all",
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
