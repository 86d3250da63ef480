import functools

import keras
import pytest


@pytest.fixture
def eager(monkeypatch):
    """Trainings of a few steps, each as it comes: to compile one takes longer
    than all of them."""
    monkeypatch.setattr(
        keras.Model,
        "compile",
        functools.partialmethod(keras.Model.compile, run_eagerly=True),
    )
