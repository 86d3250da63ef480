"""Temporal Segment Networks (Wang et al., 2016)."""

import dataclasses

from keras_vidrec.training.recipe import Recipe
from keras_vidrec.training.sections import Network
from keras_vidrec.training.sections import Optimiser
from keras_vidrec.training.sections import Reported
from keras_vidrec.training.sections import Schedule

_DATASET = "UCF101 split 1"
_START = "from ImageNet weights, with partial batch normalisation"


def _network(modality):
    return Network(
        application="TSN",
        arguments={"backbone": "bn_inception", "modality": modality},
    )


# The authors' released solver of the rgb network on UCF101. Their 4 GPUs saw
# 32 clips each: so do 4 accumulated batches of one device.
TSN = Recipe(
    name="tsn",
    summary="TSN, BN-Inception, rgb, 3 segments, the authors' schedule",
    network=_network("rgb"),
    optimiser=Optimiser(
        name="sgd",
        learning_rate=1e-3,
        momentum=0.9,
        weight_decay=5e-4,
        clip_norm=40.0,
        batch_size=32,
        accumulate=4,
    ),
    schedule=Schedule(steps=3500, kind="step", boundaries=(1500, 3000)),
    reported=(Reported("TSN, tables 3 and 4", _DATASET, 85.7, note=_START),),
)

# Their solver of the flow network. It gives the first convolution 5 times the
# rate (its bias 10 times), which has no counterpart here.
TSN_FLOW = dataclasses.replace(
    TSN,
    name="tsn_flow",
    summary="The same on 5 images of TV-L1 flow, the authors' schedule",
    network=_network("flow"),
    optimiser=dataclasses.replace(
        TSN.optimiser, learning_rate=5e-3, clip_norm=20.0
    ),
    schedule=Schedule(steps=18000, kind="step", boundaries=(10000, 16000)),
    reported=(Reported("TSN, tables 3 and 4", _DATASET, 87.9, note=_START),),
)

TSN_WARPED_FLOW = dataclasses.replace(
    TSN_FLOW,
    name="tsn_warped_flow",
    summary="The same on flow without the motion of the camera",
    network=_network("warped_flow"),
    reported=(
        Reported(
            "TSN, table 2",
            _DATASET,
            86.9,
            note=f"{_START}; without segments",
        ),
    ),
)

# Of the authors' PyTorch release, which has a solver for differences.
TSN_RGB_DIFF = dataclasses.replace(
    TSN,
    name="tsn_rgb_diff",
    summary="The same on differences of frames, 7 segments",
    clip={"num_segments": 7},
    network=Network(
        application="TSN",
        arguments={
            "backbone": "bn_inception",
            "modality": "rgb_diff",
            "dropout": 0.8,
        },
    ),
    schedule=Schedule(epochs=180, kind="step", boundaries=(80, 160)),
    reported=(
        Reported(
            "TSN, table 2",
            _DATASET,
            83.8,
            note=f"{_START}; without segments",
        ),
    ),
)

RECIPES = (TSN, TSN_FLOW, TSN_WARPED_FLOW, TSN_RGB_DIFF)
