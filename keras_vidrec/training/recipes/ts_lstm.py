"""TS-LSTM and Temporal-Inception (Ma et al., 2017), over features."""

import dataclasses

from keras_vidrec.specs import PROTOCOLS
from keras_vidrec.training.recipes import reported
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.recipes.sections import Network
from keras_vidrec.training.recipes.sections import Optimizer
from keras_vidrec.training.recipes.sections import Schedule

PAPER = "TS-LSTM and Temporal-Inception (Ma et al., 2017)"

# The 25 frames of the grid, all that is stored of a video.
_TEST = PROTOCOLS["25x1"].test


# Section 3.4.1 of the paper; the batch, the bound and the epochs are those of
# the authors' code, whose rate is twice as high.
TS_LSTM_UCF101 = Recipe(
    name="ts_lstm_ucf101",
    summary="TS-LSTM over features of rgb and flow, 3 segments, max pooling",
    network=Network(application="TSLSTM"),
    optimizer=Optimizer(
        name="adam",
        learning_rate=5e-5,
        weight_decay=0.0,
        clip_value=5.0,
        batch_size=64,
        reference_batch=64,
    ),
    schedule=Schedule(epochs=100),
    test=_TEST,
    reported=reported.of("ts_lstm_ucf101"),
)

# Section 4: what was found on UCF101, fine-tuned from there.
TS_LSTM_HMDB51 = dataclasses.replace(
    TS_LSTM_UCF101,
    name="ts_lstm_hmdb51",
    summary="The same on HMDB51; may start from UCF101, as the paper's",
    reported=reported.of("ts_lstm_hmdb51"),
)

# Section 3.4.1; the batch, the epochs and their boundaries are those of the
# authors' code, whose rate is half as high. There biases and batch
# normalization decay too.
TEMPORAL_INCEPTION_UCF101 = Recipe(
    name="temporal_inception_ucf101",
    summary="Temporal-Inception over features of rgb and flow, 4 modules",
    network=Network(application="TemporalInception"),
    optimizer=Optimizer(
        name="adam",
        learning_rate=1e-4,
        weight_decay=0.1,
        decay_multipliers={"bias": 1.0, "gamma": 1.0, "beta": 1.0},
        batch_size=16,
        reference_batch=16,
    ),
    schedule=Schedule(epochs=30, kind="step", boundaries=(10, 20)),
    test=_TEST,
    reported=reported.of("temporal_inception_ucf101"),
)

TEMPORAL_INCEPTION_HMDB51 = dataclasses.replace(
    TEMPORAL_INCEPTION_UCF101,
    name="temporal_inception_hmdb51",
    summary="The same on HMDB51; may start from UCF101, as the paper's",
    reported=reported.of("temporal_inception_hmdb51"),
)

RECIPES = (
    TS_LSTM_UCF101,
    TS_LSTM_HMDB51,
    TEMPORAL_INCEPTION_UCF101,
    TEMPORAL_INCEPTION_HMDB51,
)
