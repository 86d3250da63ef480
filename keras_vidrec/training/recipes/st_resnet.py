"""Spatiotemporal residual networks (Feichtenhofer et al., 2016), with the
training of the later paper that compares with them."""

import dataclasses

from keras_vidrec.training.recipes import reported
from keras_vidrec.training.recipes import st_multiplier

PAPER = "Spatiotemporal residual networks (Feichtenhofer et al., 2016)"

UCF101 = dataclasses.replace(
    st_multiplier.UCF101,
    name="st_resnet_ucf101",
    summary="Spatiotemporal ResNet-50: motion is added to appearance",
    network=st_multiplier.network("STResNet", backbone="resnet50", dropout=0.8),
    reported=reported.of("st_resnet_ucf101"),
)

HMDB51 = dataclasses.replace(
    UCF101,
    name="st_resnet_hmdb51",
    summary="The same on HMDB51; may start from UCF101",
    reported=reported.of("st_resnet_hmdb51"),
)

SCRATCH = dataclasses.replace(
    st_multiplier.SCRATCH,
    name="st_resnet_scratch",
    network=st_multiplier.network("STResNet", backbone="tiny", dropout=0.5),
)

RECIPES = (UCF101, HMDB51, SCRATCH)
