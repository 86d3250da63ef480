"""TS-LSTM and Temporal-Inception (Ma et al., 2017), over features."""

from keras_vidrec.training.recipe import Recipe
from keras_vidrec.training.sections import Network
from keras_vidrec.training.sections import Optimiser
from keras_vidrec.training.sections import Reported
from keras_vidrec.training.sections import Schedule
from keras_vidrec.training.sections import Test

_START = "features of two ResNet-101 trained on each stream"
_PAPER = "TS-LSTM and Temporal-Inception"
# The 25 frames of the grid, all that is stored of a video.
_TEST = Test(num_segments=25, crops="centre")

# Section 3.4.1 of the paper; the batch, the bound and the epochs are those of
# the authors' code, whose rate is twice as high.
TS_LSTM = Recipe(
    name="ts_lstm",
    summary="TS-LSTM over features of rgb and flow, 3 segments, max pooling",
    network=Network(application="TSLSTM"),
    optimiser=Optimiser(
        name="adam",
        learning_rate=5e-5,
        weight_decay=0.0,
        clip_value=5.0,
        batch_size=64,
    ),
    schedule=Schedule(epochs=100),
    test=_TEST,
    reported=(
        Reported(f"{_PAPER}, table 3", "UCF101 split 1", 94.3, note=_START),
        Reported(
            f"{_PAPER}, table 5",
            "UCF101, mean of 3 splits",
            94.1,
            note=_START,
        ),
        Reported(
            f"{_PAPER}, table 5",
            "HMDB51, mean of 3 splits",
            69.0,
            note=_START,
        ),
    ),
)

# Section 3.4.1; the batch, the epochs and their boundaries are those of the
# authors' code, whose rate is half as high. There biases and batch
# normalisation decay too.
TEMPORAL_INCEPTION = Recipe(
    name="temporal_inception",
    summary="Temporal-Inception over features of rgb and flow, 4 modules",
    network=Network(application="TemporalInception"),
    optimiser=Optimiser(
        name="adam", learning_rate=1e-4, weight_decay=0.1, batch_size=16
    ),
    schedule=Schedule(epochs=30, kind="step", boundaries=(10, 20)),
    test=_TEST,
    reported=(
        Reported(f"{_PAPER}, table 4", "UCF101 split 1", 94.2, note=_START),
        Reported(
            f"{_PAPER}, table 5",
            "UCF101, mean of 3 splits",
            93.9,
            note=_START,
        ),
        Reported(
            f"{_PAPER}, table 5",
            "HMDB51, mean of 3 splits",
            67.5,
            note=_START,
        ),
    ),
)

RECIPES = (TS_LSTM, TEMPORAL_INCEPTION)
