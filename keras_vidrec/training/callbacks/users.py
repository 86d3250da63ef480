"""The callbacks that a user gives to a training."""

import contextlib
import json
import logging

import keras

from keras_vidrec.specs import checks

logger = logging.getLogger("keras_vidrec")

# What Keras' own callbacks count, which they neither keep nor give back.
_COUNTERS = {
    keras.callbacks.EarlyStopping: ("best", "best_epoch", "wait"),
    keras.callbacks.ModelCheckpoint: ("best", "epochs_since_last_save"),
    keras.callbacks.ReduceLROnPlateau: ("best", "wait", "cooldown_counter"),
}


def checked(callbacks):
    """The callbacks of a user as a tuple.

    Raises:
        ArgumentError: if these are none.
    """
    checks.check(
        isinstance(callbacks, (list, tuple))
        and all(isinstance(c, keras.callbacks.Callback) for c in callbacks),
        "callbacks",
        "a list of `keras.callbacks.Callback`",
        callbacks,
    )
    return tuple(callbacks)


class Stopped(Exception):
    """A callback of the user has raised: `UsersCallbacks.failure`, which is not
    caught by handlers of other exceptions.
    """


class UsersCallbacks(keras.callbacks.Callback):
    """Calls the callbacks of a user as one training, however many calls of
    `fit` it is made of: `on_train_begin` once a start, `on_train_end` once, at
    the end.

    A callback that raises ends the training behind the step, or the epoch, in
    which it did: see `Failure`. It is not called after that; the others are.

    What a callback counts outlives an interruption if it has `get_state()`,
    which returns what JSON holds, and `set_state(state)`, which is called
    behind `on_train_begin`; or if it is `EarlyStopping`, `ReduceLROnPlateau` or
    `ModelCheckpoint`.

    Must come before the backup, and behind what adds to the logs.

    Args:
        callbacks: sequence of `keras.callbacks.Callback`.

    Attributes:
        has_stopped: bool. Whether one of them has ended the training
            (`self.model.stop_training = True`).
        failure: `None`, or the exception that one of them has raised.
    """

    def __init__(self, callbacks):
        super().__init__()
        self.has_stopped = False
        self.failure = None
        self._callbacks = _named(callbacks)
        self._failed = set()
        self._has_begun = False
        self._states = {}

    @contextlib.contextmanager
    def raising(self):
        """Where `Stopped` becomes what the callback has raised."""
        try:
            yield
        except Stopped:
            raise self.failure from None

    def set_model(self, model):
        super().set_model(model)
        for callback in self._callbacks.values():
            callback.set_model(model)

    def set_params(self, params):
        super().set_params(params)
        for callback in self._callbacks.values():
            callback.set_params(params)

    def on_train_begin(self, logs=None):
        if self._has_begun:
            return
        self._has_begun = True
        self._call("on_train_begin", logs)
        self._give_back()
        if self.failure is not None:
            raise Stopped

    def end(self):
        """Calls `on_train_end`, before the network is saved, whose weights a
        callback may restore."""
        if self._has_begun:
            self._call("on_train_end", None)

    def on_epoch_begin(self, epoch, logs=None):
        self._call("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch, logs=None):
        self._call("on_epoch_end", epoch, logs)

    def on_train_batch_begin(self, batch, logs=None):
        self._call("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        self._call("on_train_batch_end", batch, logs)

    def on_test_begin(self, logs=None):
        self._call("on_test_begin", logs)

    def on_test_end(self, logs=None):
        self._call("on_test_end", logs)

    def on_test_batch_begin(self, batch, logs=None):
        self._call("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch, logs=None):
        self._call("on_test_batch_end", batch, logs)

    def get_state(self):
        states = {}
        for name, callback in self._callbacks.items():
            try:
                state = _state(callback)
                json.dumps(state, allow_nan=False)
            except Exception as error:
                self._fail(name, "get_state", error)
                continue
            if state is not None:
                states[name] = state
        return {"has_stopped": self.has_stopped, "states": states}

    def set_state(self, state):
        self.has_stopped = state["has_stopped"]
        self._states = dict(state["states"])
        for name in self._states.keys() - self._callbacks.keys():
            logger.warning(
                "The backup has a state of callback %s, which is no longer "
                "used.",
                name,
            )

    def _give_back(self):
        """The states of a backup, behind `on_train_begin`, in which most
        callbacks forget."""
        for name, state in self._states.items():
            if name in self._callbacks:
                try:
                    _set_state(self._callbacks[name], state)
                except Exception as error:
                    self._fail(name, "set_state", error)

    def _call(self, hook, *arguments):
        before = self.model is None or self.model.stop_training
        for name, callback in self._callbacks.items():
            if name in self._failed:
                continue
            try:
                getattr(callback, hook)(*arguments)
            except Exception as error:
                self._fail(name, hook, error)
        # Callbacks of this package stop each call of `fit`, these the training.
        if self.model is not None and self.model.stop_training and not before:
            self.has_stopped = True

    def _fail(self, name, where, error):
        self._failed.add(name)
        if self.failure is None:
            error.add_note(f"Raised by callback {name} in {where}.")
            self.failure = error


class Failure(keras.callbacks.Callback):
    """Raises `Stopped` when a callback of the user has raised, as soon as all
    that was trained is kept.

    Args:
        users: `UsersCallbacks`.
        backup: `Backup`, which comes before in the list of callbacks.
    """

    def __init__(self, users, backup):
        super().__init__()
        self._users = users
        self._backup = backup

    def on_train_batch_end(self, batch, logs=None):
        if self._users.failure is not None and self._backup.can_begin_here:
            self._raise()

    def on_epoch_end(self, epoch, logs=None):
        if self._users.failure is not None:
            self._raise()

    def _raise(self):
        self._backup.save()
        at = self._backup.position
        failure = self._users.failure
        logger.warning(
            "Stopped by a callback (%s) after %d epochs and %d steps, which "
            "are saved. Make the same call again to resume.",
            type(failure).__name__,
            at.epoch,
            at.step,
        )
        raise Stopped


def _named(callbacks):
    """Callbacks by what a backup calls them: their class, and a number where
    there are several of it."""
    named = {}
    for callback in callbacks:
        name = base = type(callback).__name__
        number = 1
        while name in named:
            number += 1
            name = f"{base}_{number}"
        named[name] = callback
    return named


def _state(callback):
    if hasattr(callback, "get_state") and hasattr(callback, "set_state"):
        return callback.get_state()
    for kind, names in _COUNTERS.items():
        if isinstance(callback, kind):
            return {name: _plain(getattr(callback, name)) for name in names}
    return None


def _set_state(callback, state):
    if hasattr(callback, "set_state"):
        callback.set_state(state)
        return
    for name, value in state.items():
        setattr(callback, name, value)


def _plain(value):
    """A number of NumPy as one of Python."""
    return value.item() if hasattr(value, "item") else value
