"""Spatiotemporal multiplier networks (Feichtenhofer et al., 2017), and
spatiotemporal residual networks (Feichtenhofer et al., 2016)."""

import dataclasses

from keras_vidrec.data.clip_reader import Augmentation
from keras_vidrec.training.recipe import Recipe
from keras_vidrec.training.sections import Network
from keras_vidrec.training.sections import Optimiser
from keras_vidrec.training.sections import Reported
from keras_vidrec.training.sections import Schedule
from keras_vidrec.training.sections import Test

_START = "two ResNets trained on each stream from ImageNet weights"
_ST_RESNET = "ST-ResNet, as table 5 of ST-Multiplier quotes it"


def _network(application, **arguments):
    return Network(
        application=application,
        arguments={
            "auxiliary_outputs": True,
            "snippet_length": 10,
            **arguments,
        },
    )


# Sections 4.1 and 4.2 of the paper. It does not tell when training ends: the
# last rate is kept as long as the one before. Batch normalisation sees 4 of
# the 128 videos at a time, as in the authors' code.
ST_MULTIPLIER = Recipe(
    name="st_multiplier",
    summary="Spatiotemporal multiplier, ResNet-50, motion gates appearance",
    clip={"stride": [5, 35]},
    augmentation=Augmentation(crop="corner_jitter"),
    network=_network(
        "SpatiotemporalMultiplier", backbone="resnet50", dropout=0.8
    ),
    optimiser=Optimiser(
        name="sgd",
        learning_rate=1e-3,
        momentum=0.9,
        weight_decay=5e-4,
        batch_size=4,
        accumulate=32,
    ),
    schedule=Schedule(epochs=40, kind="step", boundaries=(20, 30)),
    test=Test(num_segments=25, stride=15, crops="frame_and_mirror"),
    reported=(
        Reported(
            "ST-Multiplier, table 3",
            "UCF101 split 1",
            94.0,
            note=_START,
        ),
        Reported(
            "ST-Multiplier, table 3",
            "HMDB51 split 1",
            69.02,
            note=_START,
        ),
        Reported(
            "ST-Multiplier, table 5",
            "UCF101, mean of 3 splits",
            94.2,
            note=f"{_START}; flow by ResNet-152",
        ),
        Reported(
            "ST-Multiplier, table 5",
            "HMDB51, mean of 3 splits",
            68.9,
            note=f"{_START}; flow by ResNet-152",
        ),
    ),
)

# The later paper's comparison of additive connections, with its training.
ST_RESNET = dataclasses.replace(
    ST_MULTIPLIER,
    name="st_resnet",
    summary="Spatiotemporal ResNet-50: motion is added to appearance",
    network=_network("STResNet", backbone="resnet50", dropout=0.8),
    reported=(
        Reported(_ST_RESNET, "UCF101, mean of 3 splits", 93.4, note=_START),
        Reported(_ST_RESNET, "HMDB51, mean of 3 splits", 66.4, note=_START),
    ),
)

ST_MULTIPLIER_SCRATCH = Recipe(
    name="st_multiplier_scratch",
    summary="The multiplier, tiny backbones, 112 pixels: for your own videos",
    clip={"size": 112},
    network=_network("SpatiotemporalMultiplier", backbone="tiny", dropout=0.5),
    optimiser=Optimiser(
        name="adam", learning_rate=1e-3, weight_decay=1e-4, batch_size=8
    ),
    schedule=Schedule(epochs=120, kind="cosine"),
    test=Test(num_segments=25, crops="centre"),
)

ST_RESNET_SCRATCH = dataclasses.replace(
    ST_MULTIPLIER_SCRATCH,
    name="st_resnet_scratch",
    summary="ST-ResNet, tiny backbones, 112 pixels: for your own videos",
    network=_network("STResNet", backbone="tiny", dropout=0.5),
)

RECIPES = (ST_MULTIPLIER, ST_RESNET, ST_MULTIPLIER_SCRATCH, ST_RESNET_SCRATCH)
