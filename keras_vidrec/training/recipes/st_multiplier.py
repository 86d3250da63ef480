"""Spatiotemporal multiplier networks (Feichtenhofer et al., 2017)."""

import dataclasses

from keras_vidrec.specs import PROTOCOLS
from keras_vidrec.training.recipes import reported
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.recipes.sections import Fusion
from keras_vidrec.training.recipes.sections import Initialization
from keras_vidrec.training.recipes.sections import Network
from keras_vidrec.training.recipes.sections import Optimizer
from keras_vidrec.training.recipes.sections import Schedule

PAPER = "Spatiotemporal multiplier networks (Feichtenhofer et al., 2017)"


def network(application, **arguments):
    """The section `network` of networks of this kind, with a loss a stream."""
    return Network(
        application=application,
        arguments={
            "auxiliary_outputs": True,
            "snippet_length": 10,
            **arguments,
        },
    )


# Sections 4.1 and 4.2 of the paper. It does not tell when training ends: the
# last rate is kept as long as the one before. Batch normalization sees 4 of
# the 128 videos at a time and its scales learn twice as fast, as in the
# authors' code. Several devices that share larger batches see 4 videos at a
# time with `sub_batch=4`.
UCF101 = Recipe(
    name="st_multiplier_ucf101",
    summary="Spatiotemporal multiplier, ResNet-50, motion gates appearance",
    clip={"stride": [5, 35]},
    network=network(
        "SpatiotemporalMultiplier", backbone="resnet50_caffe", dropout=0.8
    ),
    # There is no such network without the two that it joins.
    initialization=Initialization(weights={"rgb": None, "flow": None}),
    optimizer=Optimizer(
        name="sgd",
        learning_rate=1e-3,
        momentum=0.9,
        weight_decay=5e-4,
        batch_size=4,
        accumulate=32,
        learning_rate_multipliers={"gamma": 2.0},
        reference_batch=128,
    ),
    schedule=Schedule(epochs=40, kind="step", boundaries=(20, 30)),
    test=PROTOCOLS["25xframe"].test,
    reported=reported.of("st_multiplier_ucf101"),
)

# Section 5.3 fuses its networks of one stream so.
HMDB51 = dataclasses.replace(
    UCF101,
    name="st_multiplier_hmdb51",
    summary="The same on HMDB51, flow counts thrice; may start from UCF101",
    fusion=Fusion(weights={"rgb": 1.0, "flow": 3.0}),
    reported=reported.of("st_multiplier_hmdb51"),
)

SCRATCH = Recipe(
    name="st_multiplier_scratch",
    summary="The same, tiny backbones, 112 pixels: for your own videos",
    clip={"size": 112, "crop": "tsn"},
    network=network("SpatiotemporalMultiplier", backbone="tiny", dropout=0.5),
    optimizer=Optimizer(
        name="adam", learning_rate=1e-3, weight_decay=1e-4, batch_size=8
    ),
    schedule=Schedule(epochs=120, kind="cosine"),
    test=PROTOCOLS["25x1"].test,
)

RECIPES = (UCF101, HMDB51, SCRATCH)
