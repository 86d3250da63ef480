"""Spatio-Temporal Fusion Networks (Cho and Foroosh, 2018), in two stages."""

from keras_vidrec.training.recipe import Recipe
from keras_vidrec.training.sections import Initialisation
from keras_vidrec.training.sections import Network
from keras_vidrec.training.sections import Optimiser
from keras_vidrec.training.sections import Reported
from keras_vidrec.training.sections import Schedule
from keras_vidrec.training.sections import Test

_START = "two networks trained on each stream from ImageNet weights"
_BACKBONE = "resnet101"
# Section 4.2: frame k of the 5 of each segment makes sequence k.
_TEST = Test(num_segments=7, num_clips=5, sampling="uniform", crops="centre")

# Section 4.2 of the paper lowers the rate when the validation saturates; the
# epochs of each rate are a choice of this recipe, and so is the batch, which
# is told of the second stage. No decay is told of. Features of 35 frames on a
# uniform grid hold the 5 of each of 7 segments.
STFN_STAGE1 = Recipe(
    name="stfn_stage1",
    summary="STFN over features of rgb and flow, 7 segments, average fusion",
    network=Network(application="STFN", arguments={"num_segments": 7}),
    optimiser=Optimiser(
        name="rmsprop", learning_rate=1e-4, weight_decay=0.0, batch_size=32
    ),
    schedule=Schedule(epochs=40, kind="step", boundaries=(10, 20, 30)),
    test=_TEST,
)

# From end to end, with the training of the two networks that it starts from.
# The rate falls as in the first stage. Clips of 7 segments are seen 4 at a
# time, 32 an update. The flow network must have been trained on 10 images.
STFN_STAGE2 = Recipe(
    name="stfn_stage2",
    summary="STFN with its two ResNet-101, end to end, after stfn_stage1",
    network=Network(
        application="STFN",
        arguments={
            "num_segments": 7,
            "rgb_backbone": _BACKBONE,
            "flow_backbone": _BACKBONE,
        },
    ),
    # There is no second stage without the first.
    initialisation=Initialisation(
        weights={"rgb": None, "flow": None, "network": None}
    ),
    optimiser=Optimiser(
        name="sgd",
        learning_rate=1e-3,
        momentum=0.9,
        weight_decay=0.0,
        batch_size=4,
        accumulate=8,
    ),
    schedule=Schedule(epochs=30, kind="step", boundaries=(10, 20)),
    test=_TEST,
    reported=(
        Reported("STFN, table 6", "UCF101, mean of 3 splits", 94.3, _START),
        Reported("STFN, table 6", "HMDB51, mean of 3 splits", 71.2, _START),
        Reported(
            "STFN, table 6",
            "UCF101, mean of 3 splits",
            95.4,
            note=f"{_START}; Inception-V3",
        ),
        Reported(
            "STFN, table 6",
            "HMDB51, mean of 3 splits",
            72.1,
            note=f"{_START}; Inception-V3",
        ),
    ),
)

RECIPES = (STFN_STAGE1, STFN_STAGE2)
