"""Callbacks that use validation results. Their state is kept over several calls
of `fit` and over an interruption."""

import contextlib
import logging

import keras

from keras_vidrec.applications.parts import model_file

logger = logging.getLogger("keras_vidrec")


class BestModel(keras.callbacks.Callback):
    """Saves the network whenever its validation accuracy is the best so far. If
    the accuracy is the same, which is common with few videos, the smaller loss
    is better.

    Args:
        network: keras.Model to save. It has an activation, and shares its
            weights with the model in training.
        path: path of the `.keras` file.
        monitor: str. Name of the metric; larger values are better. Defaults to
            `"val_accuracy"`.
        saving: callable without arguments that returns the context in which to
            save the network. Defaults to `contextlib.nullcontext`.

    Attributes:
        accuracy: `None`, or float: the best value of the metric so far.
        loss: `None`, or float: the validation loss of the best epoch.
        epoch: `None`, or int: the best epoch, from 0.
    """

    _STATE = ("accuracy", "loss", "epoch")

    def __init__(
        self,
        network,
        path,
        monitor="val_accuracy",
        saving=contextlib.nullcontext,
    ):
        super().__init__()
        self._saving = saving
        self._network = network
        self._path = path
        self._monitor = monitor
        self.accuracy = self.loss = self.epoch = None

    def on_train_begin(self, logs=None):
        if self.accuracy is not None and not model_file.is_whole(self._path):
            logger.warning(
                "%s is missing or damaged: the best network is chosen from "
                "the remaining epochs.",
                self._path,
            )
            self.accuracy = self.loss = self.epoch = None

    def on_epoch_end(self, epoch, logs=None):
        value, loss = float(logs[self._monitor]), float(logs["val_loss"])
        if self.epoch is None or (value, -loss) > (self.accuracy, -self.loss):
            with self._saving():
                model_file.save(self._network, self._path)
            self.accuracy, self.loss, self.epoch = value, loss, epoch

    def get_state(self):
        return {name: getattr(self, name) for name in self._STATE}

    def set_state(self, state):
        for name in self._STATE:
            setattr(self, name, state[name])


class Plateau(keras.callbacks.ReduceLROnPlateau):
    """Lowers the learning rate when the validation accuracy stops rising.

    Epochs are counted over several calls of `fit` and over an interruption. The
    learning rate itself is a variable of the optimizer.

    Args:
        monitor: str. Name of the metric; larger values are better.
        factor: float in (0, 1). The learning rate is multiplied by it.
        patience: int. Number of epochs in a row without improvement after which
            the learning rate is lowered.
        min_learning_rate: float. Lower limit of the learning rate. Defaults to
            `0.0`.
    """

    def __init__(self, monitor, factor, patience, min_learning_rate=0.0):
        super().__init__(
            monitor,
            factor,
            patience,
            mode="max",
            min_delta=0,
            min_lr=min_learning_rate,
        )

    def on_train_begin(self, logs=None):
        """Keeps the state, which Keras would reset."""

    def get_state(self):
        return {"best": _number(self.best), "wait": self.wait}

    def set_state(self, state):
        self.best, self.wait = state["best"], state["wait"]


class EarlyStop(keras.callbacks.EarlyStopping):
    """Ends training when the validation accuracy stops rising.

    Epochs are counted over several calls of `fit` and over an interruption.

    Args:
        monitor: str. Name of the metric; larger values are better.
        patience: int. Number of epochs in a row without improvement after which
            training ends.

    Attributes:
        has_stopped: bool. Whether it has ended the training.
    """

    def __init__(self, monitor, patience):
        super().__init__(monitor, patience=patience, mode="max")

    @property
    def has_stopped(self):
        return self.wait >= self.patience

    def on_train_begin(self, logs=None):
        """Keeps the state, which Keras would reset."""

    def get_state(self):
        return {"best": _number(self.best), "wait": self.wait}

    def set_state(self, state):
        self.best, self.wait = state["best"], state["wait"]


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)
