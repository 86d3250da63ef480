import json

import keras
import numpy as np

from keras_vidrec.training.callbacks.validation import Plateau

ACCURACIES = [0.5, 0.5, 0.625, 0.625, 0.5, 0.625, 0.5, 0.75, 0.5, 0.5, 0.5]
# Epochs since the last rise:
#             0    1    0      1      2    1      2    0     1    2    1
RATES = [8, 8, 8, 8, 4, 4, 3, 3, 3, 3, 3]


def make(rate=8.0):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(rate), "mse")
    callback = Plateau("val_accuracy", 0.5, 2, min_learning_rate=3.0)
    callback.set_model(model)
    return callback, model


def epochs(callback, model, accuracies):
    """The learning rate after each epoch; what `fit` logs is the one before."""
    callback.on_train_begin()
    for epoch, accuracy in enumerate(accuracies):
        before, logs = float(model.optimizer.learning_rate.numpy()), {}
        logs["val_accuracy"] = np.float32(accuracy)
        callback.on_epoch_end(epoch, logs)
        assert logs["learning_rate"] == before
        yield float(model.optimizer.learning_rate.numpy())


def test_the_rate_falls_when_the_accuracy_saturates():
    assert list(epochs(*make(), ACCURACIES)) == RATES


def test_goes_on_after_an_interruption_anywhere():
    for stop in range(1, len(ACCURACIES)):
        callback, model = make()
        first = list(epochs(callback, model, ACCURACIES[:stop]))
        state = json.loads(json.dumps(callback.get_state()))
        callback, model = make(first[-1])
        callback.set_state(state)
        assert first + list(epochs(callback, model, ACCURACIES[stop:])) == RATES
