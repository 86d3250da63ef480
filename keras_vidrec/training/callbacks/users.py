"""Calls the user's callbacks in a training."""

import contextlib
import json
import logging

import keras

from keras_vidrec.specs import checks

logger = logging.getLogger("keras_vidrec")

# Attributes that are the state of Keras' own callbacks, which have no methods
# to save and restore it.
_COUNTERS = {
    keras.callbacks.EarlyStopping: ("best", "best_epoch", "wait"),
    keras.callbacks.ModelCheckpoint: ("best", "epochs_since_last_save"),
    keras.callbacks.ReduceLROnPlateau: ("best", "wait", "cooldown_counter"),
}

# Callbacks of Keras that set the learning rate.
_OF_RATES = (
    keras.callbacks.LearningRateScheduler,
    keras.callbacks.ReduceLROnPlateau,
)


def checked(callbacks):
    """Checks the callbacks of a user. Returns them as a tuple.

    Raises:
        ArgumentError: if one is not a `keras.callbacks.Callback`.
    """
    checks.check(
        isinstance(callbacks, (list, tuple))
        and all(isinstance(c, keras.callbacks.Callback) for c in callbacks),
        "callbacks",
        "a list of `keras.callbacks.Callback`",
        callbacks,
    )
    return tuple(callbacks)


def check_no_rates(callbacks, kind):
    """Raises an error if a callback is one of Keras' that set the learning
    rate, before it fails in the middle of the training.

    Args:
        callbacks: sequence of the user's callbacks.
        kind: str. The schedule of the recipe, which sets the learning rate.

    Raises:
        ArgumentError: with the names of the callback and of the setting.
    """
    for callback in callbacks:
        checks.check(
            not isinstance(callback, _OF_RATES),
            "callbacks",
            "none that sets the learning rate, which the recipe's schedule "
            f"sets (schedule.kind={kind}; with schedule.kind=constant and "
            "schedule.warmup=null a callback can)",
            type(callback).__name__,
        )


class Stopped(Exception):
    """A callback of the user has raised an exception, which is
    `UsersCallbacks.failure`. This class is used until the end of `fit`, so that
    handlers of other exceptions do not catch it.
    """


class UsersCallbacks(keras.callbacks.Callback):
    """Calls the callbacks of a user as for a single training, although `fit`
    may be called several times: `on_train_begin` once per start, `on_train_end`
    once at the end.

    If a callback raises an exception, training ends after the current step or
    epoch, see `Failure`. The callback is not called again; the others are.

    The state of a callback is kept over an interruption if it has
    `get_state()`, which returns JSON values, and `set_state(state)`, which is
    called after `on_train_begin`; also for `EarlyStopping`,
    `ReduceLROnPlateau` and `ModelCheckpoint`.

    Must come before the backup, and after callbacks that add to the logs.

    Args:
        callbacks: sequence of `keras.callbacks.Callback`.

    Attributes:
        has_stopped: bool. Whether one of them has ended the training
            (`self.model.stop_training = True`).
        failure: `None`, or the first exception that one of them has raised.
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
        """A context that raises the exception of the callback in place of
        `Stopped`."""
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
        """Calls `on_train_end`. Call it before the network is saved, because a
        callback may restore weights."""
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
        """Restores the states of a backup. Must come after `on_train_begin`, in
        which most callbacks reset their state."""
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
        # Callbacks of this package set `stop_training` to end a call of `fit`;
        # those of the user end the training.
        if self.model is not None and self.model.stop_training and not before:
            self.has_stopped = True

    def _fail(self, name, where, error):
        self._failed.add(name)
        if self.failure is None:
            error.add_note(f"Raised by callback {name} in {where}.")
            self.failure = error


class Failure(keras.callbacks.Callback):
    """Saves a backup and raises `Stopped` after a callback of the user has
    raised an exception.

    Args:
        users: `UsersCallbacks`.
        backup: `Backup`. It must come earlier in the list of callbacks.
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
    """The callbacks by their names in backups: the name of the class, with a
    number if there are several of the class."""
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
    """The state of a callback as JSON values; `None` if it has none."""
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
    """Converts a NumPy number to a Python number."""
    return value.item() if hasattr(value, "item") else value
