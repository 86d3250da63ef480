"""The networks of single frames and of flow that the other papers start
from, as each of them trained its own."""

import dataclasses

from keras_vidrec.data.clips.reader import Augmentation
from keras_vidrec.specs import PROTOCOLS
from keras_vidrec.training.recipes import reported
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.recipes.sections import Fusion
from keras_vidrec.training.recipes.sections import Initialization
from keras_vidrec.training.recipes.sections import Network
from keras_vidrec.training.recipes.sections import Optimizer
from keras_vidrec.training.recipes.sections import Schedule
from keras_vidrec.training.recipes.sections import Validation

PAPER = "Two-stream baselines, each as the paper that builds on it has them"

_PATIENCE = 5


def plateau(min_learning_rate, num_rates, epochs=100):
    """The schedule of a rate that falls to a tenth "when the validation
    saturates". No paper tells how long that takes to see, nor when training
    ends: after 5 epochs without a gain, and after as many for each rate.

    Args:
        min_learning_rate: float. The last rate.
        num_rates: int. How many rates there are.
        epochs: int. Where training ends at the latest. Defaults to `100`.

    Returns:
        `Schedule`.
    """
    return Schedule(
        epochs=epochs,
        kind="plateau",
        patience=_PATIENCE,
        min_learning_rate=min_learning_rate,
        early_stop=_PATIENCE * num_rates,
    )


def _optimizer(learning_rate, weight_decay, batch_size, accumulate, **rates):
    return Optimizer(
        name="sgd",
        learning_rate=learning_rate,
        momentum=0.9,
        weight_decay=weight_decay,
        batch_size=batch_size,
        accumulate=accumulate,
        learning_rate_multipliers=rates,
        reference_batch=batch_size * accumulate,
    )


# The ResNets that `keras.applications` has ImageNet weights for.
_NAMES = {"resnet50": "resnet50_caffe", "resnet101": "resnet101_caffe"}

# What was done to clips beside the crops; TS-LSTM does not tell how strong its
# jitter is.
_PLAIN = Augmentation()
_COLORS = Augmentation(color_jitter=0.4)

# By backbone and modality: dropout, optimizer, schedule, crops, augmentation.
_TRAINING = {
    # Two-stream fusion, section 3.5; dropout of flow, batches, crops, decay and
    # multipliers are those of the authors' program. The rate is not readable
    # there ("50 to the -4"), and the last one not stated: both are choices.
    ("vgg16", "rgb"): (
        0.85,
        _optimizer(5e-4, 5e-4, 32, 8, bias=2.0),
        plateau(5e-6, 3),
        "jitter25",
        _PLAIN,
    ),
    ("vgg16", "flow"): (
        0.9,
        _optimizer(5e-4, 5e-4, 32, 4, bias=2.0),
        plateau(5e-6, 3),
        "multi_scale_regular",
        _PLAIN,
    ),
    # ST-Multiplier, section 4.1; dropout of rgb, decay and multipliers are of
    # the authors' program. The smaller batches of which it tells are a choice.
    ("resnet50", "rgb"): (
        0.0,
        _optimizer(1e-2, 5e-4, 32, 8, gamma=2.0),
        plateau(1e-4, 3),
        "jitter25",
        _PLAIN,
    ),
    ("resnet50", "flow"): (
        0.8,
        _optimizer(1e-2, 5e-4, 32, 4, gamma=2.0),
        plateau(1e-4, 3),
        "multi_scale_regular",
        _PLAIN,
    ),
    # TS-LSTM and Temporal-Inception, section 3.4.1, without dropout. It does
    # not tell how often the rate falls.
    ("resnet101", "rgb"): (
        0.0,
        _optimizer(5e-6, 1e-4, 16, 4),
        plateau(5e-8, 3),
        "inception",
        _COLORS,
    ),
    ("resnet101", "flow"): (
        0.0,
        _optimizer(5e-3, 1e-4, 16, 4),
        plateau(5e-5, 3),
        "inception",
        _PLAIN,
    ),
    # STFN, section 4.2, which tells of no decay, no dropout and no last rate.
    **dict.fromkeys(
        (("inception_v3", "rgb"), ("inception_v3", "flow")),
        (
            0.0,
            _optimizer(1e-3, 0.0, 32, 1),
            plateau(1e-5, 3),
            "multi_scale_regular",
            _PLAIN,
        ),
    ),
}

# How the papers fuse the two; ST-Multiplier, section 5.3, for HMDB51.
_EVENLY = Fusion(weights={"rgb": 1.0, "flow": 1.0})
_ON_PROBABILITIES = dataclasses.replace(_EVENLY, scores="probabilities")
_FUSION = {
    ("resnet50", "hmdb51"): Fusion(weights={"rgb": 1.0, "flow": 3.0}),
    ("resnet101", "ucf101"): _ON_PROBABILITIES,
    ("resnet101", "hmdb51"): _ON_PROBABILITIES,
}


# How each paper tests: ST-Multiplier, sections 4.2 and 5.3; two-stream fusion
# as it does in its authors' program (`denseEval`), 25 frames being those of
# section 3.5; TS-LSTM, section 3.4.1. STFN does not tell: TSN's.
_TESTS = {
    "vgg16": PROTOCOLS["25xframe"].test.replace(pooling_window=None),
    "resnet50": PROTOCOLS["25xframe"].test,
    "resnet101": PROTOCOLS["25x1"].test,
    "inception_v3": PROTOCOLS["25x10"].test,
}


def _recipe(backbone, modality, dataset):
    row = _TRAINING[backbone, modality]
    dropout, optimizer, schedule, crop, augmentation = row
    arguments = {
        "backbone": _NAMES.get(backbone, backbone),
        "modality": modality,
        "dropout": dropout,
    }
    # All of these papers keep the aspect, unlike TSN: STFN does not tell.
    clip = {"num_segments": 1, "frame": {"size": "short256"}, "crop": crop}
    seen = "single frames"
    if modality == "flow":
        arguments["snippet_length"] = 10
        seen = "stacks of 10 flow images"
    validates = schedule.kind == "plateau"
    summary = f"{backbone} on {seen}, from ImageNet weights"
    if dataset == "hmdb51":
        summary = f"{backbone} on {seen}; may start from UCF101"
    name = f"two_stream_{backbone}_{modality}_{dataset}"
    return Recipe(
        name=name,
        summary=summary,
        clip=clip,
        augmentation=augmentation,
        network=Network(application="TSN", arguments=arguments),
        # Mean kernels for flow, as in the authors' programs; STFN does not
        # tell. The ResNet-101 of TS-LSTM was one of PyTorch's style.
        initialization=Initialization(weights="imagenet", inflation="avg"),
        optimizer=optimizer,
        schedule=schedule,
        validation=Validation(fraction=0.1 if validates else 0.0),
        test=_TESTS[backbone],
        fusion=_FUSION.get((backbone, dataset), _EVENLY),
        reported=reported.of(name),
    )


RECIPES = tuple(
    _recipe(backbone, modality, dataset)
    for dataset in ("ucf101", "hmdb51")
    for backbone, modality in _TRAINING
)
