"""Spatio-Temporal Fusion Networks (Cho and Foroosh, 2018), in two stages."""

import dataclasses

from keras_vidrec.specs import PROTOCOLS
from keras_vidrec.training.recipes import reported
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.recipes.sections import Initialization
from keras_vidrec.training.recipes.sections import Network
from keras_vidrec.training.recipes.sections import Optimizer
from keras_vidrec.training.recipes.sections import Validation
from keras_vidrec.training.recipes.two_streams import plateau

PAPER = "Spatio-Temporal Fusion Networks (Cho and Foroosh, 2018)"

_VALIDATION = Validation(fraction=0.1)
# Section 4.2: frame k of the 5 of each segment makes sequence k.
_TEST = PROTOCOLS["5_sequences"].test


# Section 4.2 of the paper, which tells of the batch for the second stage and
# of no decay. Features of 35 frames on a uniform grid hold the 5 of each of 7
# segments.
STAGE1_UCF101 = Recipe(
    name="stfn_stage1_ucf101",
    summary="STFN over features of rgb and flow, 7 segments, average fusion",
    network=Network(application="STFN", arguments={"num_segments": 7}),
    optimizer=Optimizer(
        name="rmsprop",
        learning_rate=1e-4,
        weight_decay=0.0,
        batch_size=32,
        reference_batch=32,
    ),
    schedule=plateau(1e-7, num_rates=4),
    validation=_VALIDATION,
    test=_TEST,
)

STAGE1_HMDB51 = dataclasses.replace(
    STAGE1_UCF101,
    name="stfn_stage1_hmdb51",
    summary="The same on HMDB51; may start from UCF101",
)

# From end to end, with the training of the two networks that it starts from,
# of which no last rate is stated. Clips of 7 segments are seen 4 at a time, 32
# an update. The flow network must have been trained on 10 images.
STAGE2_UCF101 = Recipe(
    name="stfn_stage2_ucf101",
    summary="STFN with its two ResNet-101, end to end, after stage 1",
    network=Network(
        application="STFN",
        arguments={"num_segments": 7, "backbone": "resnet101_caffe"},
    ),
    # There is no second stage without the first.
    initialization=Initialization(
        weights={"rgb": None, "flow": None, "network": None}
    ),
    optimizer=Optimizer(
        name="sgd",
        learning_rate=1e-3,
        momentum=0.9,
        weight_decay=0.0,
        batch_size=4,
        accumulate=8,
        reference_batch=32,
    ),
    schedule=plateau(1e-5, num_rates=3),
    validation=_VALIDATION,
    test=_TEST,
    reported=reported.of("stfn_stage2_ucf101"),
)

STAGE2_HMDB51 = dataclasses.replace(
    STAGE2_UCF101,
    name="stfn_stage2_hmdb51",
    summary="The same on HMDB51, after its stage 1",
    reported=reported.of("stfn_stage2_hmdb51"),
)

RECIPES = (STAGE1_UCF101, STAGE2_UCF101, STAGE1_HMDB51, STAGE2_HMDB51)
