"""Temporal Segment Networks (Wang et al., 2016)."""

import dataclasses

from keras_vidrec.specs import PROTOCOLS
from keras_vidrec.training.recipes import reported
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.recipes.sections import Fusion
from keras_vidrec.training.recipes.sections import Initialization
from keras_vidrec.training.recipes.sections import Network
from keras_vidrec.training.recipes.sections import Optimizer
from keras_vidrec.training.recipes.sections import Schedule

PAPER = "Temporal Segment Networks (Wang et al., 2016)"

# Section 3.3, on the scores before softmax. It tells of no weight of
# differences.
_FUSION = {
    "rgb": Fusion(weights={"rgb": 1.0, "flow": 1.5}),
    "rgb_diff": Fusion(),
    "flow": Fusion(weights={"rgb": 1.0, "flow": 1.5}),
    "warped_flow": Fusion(
        weights={"rgb": 1.0, "flow": 1.0, "warped_flow": 0.5}
    ),
}

# The authors' 4 GPUs saw 32 clips each, and the bound is one of their mean
# gradient. Biases learn twice as fast.
_RGB_CODE = Optimizer(
    name="sgd",
    learning_rate=1e-3,
    momentum=0.9,
    weight_decay=5e-4,
    clip_norm=40.0,
    batch_size=32,
    accumulate=4,
    learning_rate_multipliers={"bias": 2.0},
    reference_batch=128,
)
# The first convolution of flow learns 5 times as fast, its bias 10 times.
_FLOW_CODE = dataclasses.replace(
    _RGB_CODE,
    learning_rate=5e-3,
    clip_norm=20.0,
    learning_rate_multipliers={"bias": 2.0, "first_convolution": 5.0},
)
# The authors' PyTorch program has the only solver for differences.
_RGB_DIFF_CODE = dataclasses.replace(
    _RGB_CODE, name="sgd_torch", clip_norm=40.0
)
# Section 4.1. Decay, bounds and multipliers, of which it does not tell, are
# those of the code when it had these batches: 2 of 32 on each of 4 GPUs, and
# the bounds 40 and 20 for the sum of the 2.
_RGB_PAPER, _FLOW_PAPER = (
    dataclasses.replace(
        code, accumulate=8, reference_batch=256, clip_norm=code.clip_norm / 2
    )
    for code in (_RGB_CODE, _FLOW_CODE)
)
# What it says of temporal networks is taken for differences too. Their first
# convolution learns no faster in the code.
_RGB_DIFF_PAPER = dataclasses.replace(
    _FLOW_PAPER, learning_rate_multipliers={"bias": 2.0}
)


def _steps(steps, *boundaries):
    return Schedule(steps=steps, kind="step", boundaries=boundaries)


_RGB_DIFF_EPOCHS = Schedule(epochs=180, kind="step", boundaries=(80, 160))
# There is no solver for differences of HMDB51: that of UCF101 serves.
_SCHEDULES = {
    ("ucf101", "paper"): {
        "rgb": (_RGB_PAPER, _steps(4500, 2000, 4000)),
        "rgb_diff": (_RGB_DIFF_PAPER, _steps(20000, 12000, 18000)),
        "flow": (_FLOW_PAPER, _steps(20000, 12000, 18000)),
        "warped_flow": (_FLOW_PAPER, _steps(20000, 12000, 18000)),
    },
    ("ucf101", "code"): {
        "rgb": (_RGB_CODE, _steps(3500, 1500, 3000)),
        "rgb_diff": (_RGB_DIFF_CODE, _RGB_DIFF_EPOCHS),
        "flow": (_FLOW_CODE, _steps(18000, 10000, 16000)),
        "warped_flow": (_FLOW_CODE, _steps(18000, 10000, 16000)),
    },
    ("hmdb51", "code"): {
        "rgb": (_RGB_CODE, _steps(2500, 1000, 2000)),
        "rgb_diff": (_RGB_DIFF_CODE, _RGB_DIFF_EPOCHS),
        "flow": (_FLOW_CODE, _steps(7000, 4000, 6000)),
        "warped_flow": (_FLOW_CODE, _steps(7000, 4000, 6000)),
    },
}


def _recipe(modality, dataset, source, optimizer, schedule):
    arguments = {"backbone": "bn_inception", "modality": modality}
    clip, num_segments = {}, 3
    if (modality, source) == ("rgb_diff", "code"):
        num_segments = 7
        arguments["dropout"], clip["num_segments"] = 0.8, num_segments
    whose = "the paper's" if source == "paper" else "the authors'"
    summary = f"TSN, {modality}, {num_segments} segments, {whose} schedule"
    if dataset == "hmdb51":
        summary += "; may start from UCF101"
    name = f"tsn_{modality}_{dataset}_{source}"
    return Recipe(
        name=name,
        summary=summary,
        clip=clip,
        network=Network(application="TSN", arguments=arguments),
        initialization=Initialization(partial_batch_norm=True),
        optimizer=optimizer,
        schedule=schedule,
        test=PROTOCOLS["25x10"].test,
        fusion=_FUSION[modality],
        reported=reported.of(name),
    )


RECIPES = tuple(
    _recipe(modality, dataset, source, *row)
    for (dataset, source), rows in _SCHEDULES.items()
    for modality, row in rows.items()
)

# Table 1, of two-stream networks without segments: what `--set` takes for each
# of its settings, by modality, FILE being a network with ImageNet weights.
# Accuracy of rgb, flow and both, UCF101 split 1: 48.7, 81.7, 82.9; 84.1, 81.7,
# 90.0; 84.1, 86.6, 91.5; 84.5, 87.2, 92.0. Dropout came with the last one.
_PLAIN = (
    "clip.num_segments=1",
    "initialization.partial_batch_norm=false",
    "network.arguments.dropout=0.0",
)
_RANDOM = (*_PLAIN, "initialization.weights=null")
_PRETRAINED = (*_PLAIN, "initialization.weights=FILE")
_PARTIAL = ("clip.num_segments=1", "initialization.weights=FILE")
TABLE_1 = {
    "from_scratch": {"rgb": _RANDOM, "flow": _RANDOM},
    "pretrain_spatial": {"rgb": _PRETRAINED, "flow": _RANDOM},
    "cross_modality": {
        "rgb": _PRETRAINED,
        "flow": (*_PRETRAINED, "initialization.inflation=avg"),
    },
    "partial_batch_norm": {
        "rgb": _PARTIAL,
        "flow": (*_PARTIAL, "initialization.inflation=avg"),
    },
}
