"""Small networks that train from random weights on a laptop."""

import dataclasses

from keras_vidrec.data.clips.reader import Augmentation
from keras_vidrec.specs import PROTOCOLS
from keras_vidrec.specs import TestProtocol
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.recipes.sections import Network
from keras_vidrec.training.recipes.sections import Optimizer
from keras_vidrec.training.recipes.sections import Schedule

PAPER = "Small networks that train from random weights on a laptop"


# As large as the generated videos are.
_FRAME = {"size": "short64"}


def _network(modality, dropout):
    arguments = {"backbone": "tiny", "modality": modality, "dropout": dropout}
    return Network(application="TSN", arguments=arguments)


QUICKSTART_RGB = Recipe(
    name="quickstart_rgb",
    summary="TSN, tiny backbone, 64 pixels: for the generated videos",
    clip={"size": 64, "frame": _FRAME, "crop": {"scales": [1.0, 0.875]}},
    # Left and right are classes of the generated videos.
    augmentation=Augmentation(flip=False),
    network=_network("rgb", dropout=0.3),
    optimizer=Optimizer(
        name="adam", learning_rate=3e-3, weight_decay=0.0, batch_size=16
    ),
    schedule=Schedule(epochs=12, kind="cosine"),
    # Snippets between those of training would show the order of events.
    test=TestProtocol(num_segments=3, crops="center"),
)

QUICKSTART_RGB_DIFF = dataclasses.replace(
    QUICKSTART_RGB,
    name="quickstart_rgb_diff",
    summary="The same on differences of neighboring frames",
    clip={"size": 64, "frame": _FRAME, "crop": {"scales": [1.0]}},
    network=_network("rgb_diff", dropout=0.3),
    schedule=Schedule(epochs=14, kind="cosine"),
)

QUICKSTART_FLOW = dataclasses.replace(
    QUICKSTART_RGB_DIFF,
    name="quickstart_flow",
    summary="The same on optical flow, by the quick method DIS",
    clip={
        "size": 64,
        "frame": _FRAME,
        "crop": {"scales": [1.0]},
        "flow": {"method": "dis"},
    },
    network=_network("flow", dropout=0.3),
)

# Over the features of both streams; three moments of each third of a video.
QUICKSTART_TS_LSTM = Recipe(
    name="quickstart_ts_lstm",
    summary="TS-LSTM over the features of both: it remembers the order",
    network=Network(
        application="TSLSTM",
        arguments={"num_segments": 9, "units": [64], "dropout": 0.3},
    ),
    optimizer=Optimizer(
        name="adam", learning_rate=2e-3, weight_decay=0.0, batch_size=32
    ),
    schedule=Schedule(epochs=20, kind="cosine"),
    test=TestProtocol(num_segments=9, crops="center"),
)

SCRATCH = Recipe(
    name="scratch",
    summary="TSN, tiny backbone, 112 pixels: for your own videos",
    clip={"size": 112},
    network=_network("rgb", dropout=0.5),
    optimizer=Optimizer(
        name="adam", learning_rate=1e-3, weight_decay=1e-4, batch_size=8
    ),
    schedule=Schedule(epochs=120, kind="cosine"),
    test=PROTOCOLS["25x1"].test,
)

RECIPES = (
    QUICKSTART_RGB,
    QUICKSTART_RGB_DIFF,
    QUICKSTART_FLOW,
    QUICKSTART_TS_LSTM,
    SCRATCH,
)
