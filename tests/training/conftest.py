import itertools

import pytest

from keras_vidrec.training.callbacks.stop_on_nan import StopOnNaN
from keras_vidrec.training.trainer import train


@pytest.fixture
def at_step(monkeypatch):
    """Trains, and does something in a step, counted from the start."""
    look = StopOnNaN.on_train_batch_end

    def train_and(number, action, *arguments, **options):
        steps = itertools.count()

        def look_and_act(callback, batch, logs=None):
            look(callback, batch, logs)
            if next(steps) == number:
                action()

        monkeypatch.setattr(StopOnNaN, "on_train_batch_end", look_and_act)
        try:
            train(*arguments, verbose=0, **options)
        finally:
            monkeypatch.setattr(StopOnNaN, "on_train_batch_end", look)

    return train_and
