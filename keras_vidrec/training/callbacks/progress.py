"""Shows the progress and the speed of a training, and its wait for input."""

import sys
import time

import keras
import tensorflow as tf
import tqdm

from keras_vidrec.specs.checks import counted
from keras_vidrec.training.callbacks import words
from keras_vidrec.training.objectives import losses

# Share of the time from which on the wait for input is shown. A few late
# batches give less.
_IS_SLOW = 0.1


class Progress(keras.callbacks.Callback):
    """Shows the effective batch and a line per epoch, and adds the learning
    rate, the speed and the wait for input to the logs of `fit`.

    After each step and each epoch the logs contain:

    - `clips_per_second`: of all devices together.
    - `input_wait`: share of the time of the steps, from 0 to 1, in which the
      devices were idle because the next clips had not been read. Near 0 the
      speed is limited by the devices, near 1 by reading and decoding.

    After each epoch they also contain `learning_rate`, that of its last update.

    The first two are measured over the epoch so far. The first step of a call
    of `fit`, in which the network is compiled, is not included, and neither in
    the estimate of the time left. With several machines, each measures its own
    input.

    Must be the first callback, so that the others find the values in the logs.

    Args:
        optimizer: section `Optimizer` of a recipe.
        steps_per_epoch: int. Steps in an epoch.
        epochs: int. Epochs of the whole training.
        initial_epoch: int. Epoch at which `fit` starts. Defaults to `0`.
        initial_step: int. Steps of this epoch that are done. Defaults to `0`.
        phase: `None`, or str: a line about the phase of the training. Defaults
            to `None`.
        end: `None` (`epochs`), or int: epochs done at the end of `fit`.
            Defaults to `None`.
        num_devices: int. Devices that share a batch, on all machines.
            Defaults to `1`.
        verbose: 0 (silent), 1 (a progress bar, and a line per epoch), 2 (only
            the lines), or `"auto"`: 1 on a terminal, else 2. The logs contain
            the values in any case. Defaults to `"auto"`.

    Attributes:
        last: dict, the logs of the last epoch; empty before its end.
    """

    def __init__(
        self,
        optimizer,
        *,
        steps_per_epoch,
        epochs,
        initial_epoch=0,
        initial_step=0,
        phase=None,
        end=None,
        num_devices=1,
        verbose="auto",
    ):
        super().__init__()
        self.last = {}
        self._optimizer = optimizer
        self._steps_per_epoch = steps_per_epoch
        self._epochs = epochs
        self._initial_epoch = initial_epoch
        self._initial_step = initial_step
        self._phase = phase
        self._end = end or epochs
        self._num_devices = num_devices
        self._shown = verbose != 0
        if verbose == "auto":
            verbose = 1 if sys.stdout.isatty() else 2
        self._has_bar = verbose == 1
        self._bar = None
        # The times at which the clips of steps had been read, by step.
        self._read_at = {}
        self._step = 0
        self._timed_since = None

    def timed(self, dataset):
        """Returns a dataset that records when each of its batches was read.

        Batches may be read ahead of their steps, by any number of threads. The
        wait of a step is the time from its start until its batch was read.

        Args:
            dataset: `tf.data.Dataset` for `fit`, before it is distributed.

        Returns:
            `tf.data.Dataset` of the same batches.
        """

        def note(index):
            self._read_at[int(index)] = time.perf_counter()
            return True

        # With deterministic operations, "stateful" functions are not run in
        # parallel. A stateless function is only run if its result is used.
        def is_noted(index, _batch):
            noted = tf.numpy_function(note, [index], tf.bool, stateful=False)
            return tf.ensure_shape(noted, ())

        return (
            dataset.enumerate()
            .filter(is_noted)
            .map(lambda _index, batch: batch)
        )

    def on_train_begin(self, logs=None):
        self._step = 0
        self._timed_since = None
        # Keras' loop on JAX reads clips one step ahead, to copy them to an
        # accelerator during a step. On PyTorch it reads them before a step
        # starts.
        backend = keras.backend.backend()
        self._ahead = int(
            backend == "jax" and keras.distribution.distribution() is None
        )
        self._asks_before = backend == "torch"
        if self._shown:
            self._show(self._plan())
            if self._phase:
                self._show(self._phase)

    def on_epoch_begin(self, epoch, logs=None):
        if self._has_bar:
            self._bar = tqdm.tqdm(
                total=self._steps_per_epoch,
                initial=self._initial_step,
                desc=f"epoch {epoch + 1} of {self._epochs}",
                unit="step",
                file=sys.stdout,
                leave=False,
            )
        self._initial_step = 0
        self._start_counting()
        self._asked_at = self._counted_since

    def on_train_batch_begin(self, batch, logs=None):
        if not self._asks_before:
            self._asked_at = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self._add_wait()
        self._asked_at = time.perf_counter()
        self._step += 1
        self._counted += 1
        self._add_figures(logs)
        if self._bar is not None:
            self._bar.set_postfix_str(
                words.figures(logs, self._accuracy), refresh=False
            )
            self._bar.update()
        if self._timed_since is None:
            self._timed_since = time.perf_counter()
            if self._steps_per_epoch > 1:
                self._start_counting()

    def on_epoch_end(self, epoch, logs=None):
        logs.update(self._figures)
        rate = words.rate_of(self.model)
        if rate is not None:
            logs["learning_rate"] = rate
        self.last = dict(logs)
        self._close_bar()
        if self._shown:
            self._show(self._line(epoch, logs))

    def on_train_end(self, logs=None):
        self._close_bar()

    def _close_bar(self):
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _start_counting(self):
        self._counted = 0
        self._waited = 0.0
        self._counted_since = time.perf_counter()

    def _add_wait(self):
        for index in sorted(self._read_at):
            if index > self._step + self._ahead:
                break
            read_at = self._read_at.pop(index)
            self._waited += max(0.0, read_at - self._asked_at)

    def _add_figures(self, logs):
        seconds = time.perf_counter() - self._counted_since
        self._figures = {
            "clips_per_second": (
                self._counted * self._optimizer.batch_size / seconds
            ),
            "input_wait": min(self._waited / seconds, 1.0),
        }
        logs.update(self._figures)

    def _plan(self):
        section, devices = self._optimizer, self._num_devices
        parts = [f"{counted(section.batch_size // devices, 'clip')}"]
        if section.accumulate > 1:
            parts.append(f"{section.accumulate} steps accumulated")
        if devices > 1:
            parts.append(f"{devices} devices")
        product = f" = {' x '.join(parts)}" if len(parts) > 1 else ""
        steps = f"{self._steps_per_epoch} step"
        epochs = f"{self._epochs} epoch"
        plan = (
            f"effective batch {section.effective_batch}{product}; "
            f"{steps}{'' if self._steps_per_epoch == 1 else 's'} an epoch, "
            f"{epochs}{'' if self._epochs == 1 else 's'}"
        )
        if self._initial_epoch:
            plan += f", from epoch {self._initial_epoch + 1} on"
        return plan

    def _line(self, epoch, logs):
        """The line that is shown for an epoch."""
        parts = [words.figures(logs, self._accuracy)]
        if "learning_rate" in logs:
            parts.append(f"rate {logs['learning_rate']:.3g}")
        speed = logs["clips_per_second"]
        parts.append(f"{speed:.{0 if speed >= 10 else 1}f} clips a second")
        if logs["input_wait"] >= _IS_SLOW:
            wait = 100 * logs["input_wait"]
            parts.append(f"waits for clips {wait:.0f} % of the time")
        left = self._end - epoch - 1
        if left and self._step > 1:
            # Other phases have steps of other lengths.
            which = "" if self._end == self._epochs else " in this phase"
            seconds = self._seconds_left(left)
            parts.append(f"{words.duration(seconds)} left{which}")
        return f"epoch {epoch + 1} of {self._epochs}: {', '.join(parts)}"

    def _seconds_left(self, epochs_left):
        """An estimate of the seconds for `epochs_left` epochs, including
        validation and backups."""
        seconds = time.perf_counter() - self._timed_since
        per_step = seconds / (self._step - 1)
        return per_step * epochs_left * self._steps_per_epoch

    @property
    def _accuracy(self):
        return losses.accuracy_name(self.model)

    def _show(self, line):
        print(line, flush=True)
