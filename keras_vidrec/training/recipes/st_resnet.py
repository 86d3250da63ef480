"""Spatiotemporal residual networks (Feichtenhofer et al., 2016), with the
training of the later paper that compares with them."""

import dataclasses

from keras_vidrec.training.recipes import st_multiplier
from keras_vidrec.training.recipes.sections import Reported

PAPER = "Spatiotemporal residual networks (Feichtenhofer et al., 2016)"

_START = "two ResNet-50 trained on each stream from ImageNet weights"
_TABLE_5 = "ST-ResNet, as ST-Multiplier, table 5, quotes it"

UCF101 = dataclasses.replace(
    st_multiplier.UCF101,
    name="st_resnet_ucf101",
    summary="Spatiotemporal ResNet-50: motion is added to appearance",
    network=st_multiplier.network("STResNet", backbone="resnet50", dropout=0.8),
    reported=(
        Reported(_TABLE_5, "UCF101, mean of 3 splits", 93.4, note=_START),
    ),
)

HMDB51 = dataclasses.replace(
    UCF101,
    name="st_resnet_hmdb51",
    summary="The same on HMDB51; may start from UCF101",
    reported=(
        Reported(_TABLE_5, "HMDB51, mean of 3 splits", 66.4, note=_START),
    ),
)

SCRATCH = dataclasses.replace(
    st_multiplier.SCRATCH,
    name="st_resnet_scratch",
    summary="The same, tiny backbones, 112 pixels: for your own videos",
    network=st_multiplier.network("STResNet", backbone="tiny", dropout=0.5),
)

RECIPES = (UCF101, HMDB51, SCRATCH)
