import json

import numpy as np
import pytest

from keras_vidrec.training.callbacks.validation import EarlyStop


class Model:
    stop_training = False


def make():
    callback = EarlyStop("val_accuracy", patience=2)
    callback.set_model(Model())
    return callback


def last_epoch(callback, accuracies, first=0):
    """The number of the epoch that training ends with."""
    callback.on_train_begin()
    for epoch, accuracy in enumerate(accuracies, first):
        assert not callback.has_stopped
        callback.on_epoch_end(epoch, {"val_accuracy": np.float32(accuracy)})
        assert callback.has_stopped == callback.model.stop_training
        if callback.has_stopped:
            break
    return epoch


@pytest.mark.parametrize(
    "accuracies, last",
    [
        ([0.1, 0.2, 0.3, 0.4], 3),
        ([0.4, 0.4, 0.4, 0.5], 2),
        ([0.4, 0.3, 0.5, 0.4, 0.4, 0.6], 4),
    ],
)
def test_ends_when_the_accuracy_rises_no_more(accuracies, last):
    assert last_epoch(make(), accuracies) == last
    # The same with an interruption anywhere.
    for stop in range(1, last + 1):
        before, after = make(), make()
        last_epoch(before, accuracies[:stop])
        after.set_state(json.loads(json.dumps(before.get_state())))
        assert last_epoch(after, accuracies[stop:], stop) == last
