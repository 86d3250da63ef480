"""Small networks that train from scratch on a laptop, for small data."""

import dataclasses

from keras_vidrec.data.clip_reader import Augmentation
from keras_vidrec.training.recipe import Recipe
from keras_vidrec.training.recipe_sections import Network
from keras_vidrec.training.recipe_sections import Optimiser
from keras_vidrec.training.recipe_sections import Schedule
from keras_vidrec.training.recipe_sections import Test

QUICKSTART_RGB = Recipe(
    name="quickstart_rgb",
    summary="TSN, tiny backbone from scratch, rgb, 64 pixels: minutes on a CPU",
    clip={"size": 64, "num_segments": 3, "sampling": "uniform"},
    # The motion classes of the generated set change their meaning when they
    # are mirrored.
    augmentation=Augmentation(crop="multi_scale", flip=False),
    network=Network(
        application="TSN",
        arguments={"backbone": "tiny", "modality": "rgb", "dropout": 0.2},
    ),
    optimiser=Optimiser(
        name="adam",
        learning_rate=2e-3,
        weight_decay=0.0,
        batch_size=16,
    ),
    schedule=Schedule(epochs=12, kind="cosine"),
    test=Test(num_segments=6, crops="centre"),
)

QUICKSTART_RGB_DIFF = dataclasses.replace(
    QUICKSTART_RGB,
    name="quickstart_rgb_diff",
    summary="The same on differences of 6 neighbouring frames",
    network=dataclasses.replace(
        QUICKSTART_RGB.network,
        arguments={
            **QUICKSTART_RGB.network.arguments,
            "modality": "rgb_diff",
        },
    ),
)

RECIPES = (QUICKSTART_RGB, QUICKSTART_RGB_DIFF)
