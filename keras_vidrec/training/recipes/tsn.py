"""Temporal Segment Networks (Wang et al., 2016)."""

from keras_vidrec.training.recipe import Recipe
from keras_vidrec.training.recipe_sections import Network
from keras_vidrec.training.recipe_sections import Optimiser
from keras_vidrec.training.recipe_sections import Reported
from keras_vidrec.training.recipe_sections import Schedule

# The authors' released solver of the rgb network on UCF101. Their 4 GPUs saw
# 32 clips each: so do 4 accumulated batches of one device.
TSN = Recipe(
    name="tsn",
    summary="TSN, BN-Inception, rgb, 3 segments, the authors' schedule",
    network=Network(
        application="TSN",
        arguments={"backbone": "bn_inception", "modality": "rgb"},
    ),
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
    reported=(
        Reported(
            source="TSN, tables 3 and 4",
            dataset="UCF101 split 1",
            accuracy=85.7,
            note="from ImageNet weights, with partial batch normalisation",
        ),
    ),
)

RECIPES = (TSN,)
