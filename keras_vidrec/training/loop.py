"""Trains a network by calls of `fit`, from its last backup to the end of the
schedule."""

import contextlib
import logging
import time
import typing

import keras

from keras_vidrec.applications.parts import head
from keras_vidrec.applications.parts import model_file
from keras_vidrec.data import pipeline
from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.data.clips import feature_reader
from keras_vidrec.specs import checks
from keras_vidrec.specs import files
from keras_vidrec.training import classifiers
from keras_vidrec.training import network
from keras_vidrec.training import notes
from keras_vidrec.training.callbacks import users
from keras_vidrec.training.callbacks.averages import Averages
from keras_vidrec.training.callbacks.backup import Backup
from keras_vidrec.training.callbacks.draws import Draws
from keras_vidrec.training.callbacks.interruption import Interruption
from keras_vidrec.training.callbacks.log_file import LogFile
from keras_vidrec.training.callbacks.progress import Progress
from keras_vidrec.training.callbacks.stop_on_nan import StopOnNaN
from keras_vidrec.training.callbacks.stop_on_nan import check_weights
from keras_vidrec.training.callbacks.users import Failure
from keras_vidrec.training.callbacks.users import UsersCallbacks
from keras_vidrec.training.callbacks.validation import BestModel
from keras_vidrec.training.callbacks.validation import EarlyStop
from keras_vidrec.training.callbacks.validation import Plateau
from keras_vidrec.training.objectives import class_weights
from keras_vidrec.training.objectives import losses
from keras_vidrec.training.objectives import thresholds
from keras_vidrec.training.optimizers import section as optimizers
from keras_vidrec.training.phases import Phases
from keras_vidrec.training.rematerialization import rematerialize
from keras_vidrec.training.streams import Streams

logger = logging.getLogger("keras_vidrec")


class Length(typing.NamedTuple):
    """The length of a training.

    Attributes:
        steps_per_pass: int. Batches in a pass over the training part.
        passes: int. Passes in an epoch.
        epochs: int. Epochs of the training.
    """

    steps_per_pass: int
    passes: int
    epochs: int

    @property
    def steps_per_epoch(self):
        return self.passes * self.steps_per_pass

    @classmethod
    def of(cls, recipe, num_videos):
        """The length of a recipe's training on `num_videos` videos."""
        steps = pipeline.steps_per_epoch(
            num_videos, recipe.optimizer.batch_size
        )
        passes = recipe.schedule.passes
        epochs = optimizers.num_epochs(
            recipe.schedule, recipe.optimizer, passes * steps
        )
        return cls(steps, passes, epochs)


class Loop:
    """A network in training, from the last backup to the end of the schedule.

    Args:
        data: `Dataset` with its recipe.
        run: `Run`.
        devices: `distribution.Devices`.
        verbose: as in `fit`. Only the chief shows progress.

    Attributes:
        model: keras.Model in the form in which it is saved.
    """

    def __init__(self, data, run, devices, verbose):
        self._recipe = recipe = data.recipe
        self._data = data
        self._run = run
        self._devices = devices
        self._verbose = verbose if devices.is_chief else 0
        self._length = Length.of(recipe, len(data.train))
        self._time = _Time()
        self._last = {}
        self._phases = self._phase = None
        self._class_weights = class_weights.of(data)
        with devices.scope():
            built = network.build(recipe, data.source.classes)
            self._sigmoid = head.predictions_layer(built).multi_label
            head.predictions_layer(built).test_protocol = recipe.test
            with checks.inside("optimizer."):
                devices.prepare(built, recipe.optimizer)
            # `fit` trains the part up to the logits.
            self._trained = devices.trainable(head.clip_logits_model(built))
            if recipe.rematerialize:
                rematerialize(self._trained)
            self._optimizer = optimizers.build(
                recipe.optimizer,
                recipe.schedule,
                self._length.steps_per_epoch,
                built,
            )
            self._averages = None
            if recipe.optimizer.ema is not None:
                self._averages = Averages(self._optimizer)
            # Compiled before any phase freezes layers, so that the optimizer
            # has all weights and serves all phases.
            self._compile()
            if recipe.schedule.phases_of(self._length.epochs):
                self._phases = Phases(
                    built,
                    recipe.schedule,
                    recipe.optimizer,
                    self._length.epochs,
                )
        self.model = head.inference_model(built)

    def check_callbacks(self, callbacks):
        """Checks that callbacks of the user can set the learning rate, if they
        would.

        Raises:
            ArgumentError: if the recipe's schedule sets it.
        """
        recipe = self._recipe
        rate = optimizers.learning_rate(
            recipe.schedule, recipe.optimizer, self._length.steps_per_epoch
        )
        if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
            users.check_no_rates(callbacks, recipe.schedule.kind)

    def check_continues(self):
        """Checks that a finished run can be continued for more epochs, before
        anything of it is changed.

        Raises:
            ValueError: if it has no backup, or was ended by its early stop or a
                callback, and would be again.
        """
        backup = Backup(self._run.backup, is_chief=self._devices.is_chief)
        states = backup.states()
        self._check_backup(backup)
        early_stop = self._validation_callbacks().get("early_stop")
        if early_stop is not None:
            early_stop.set_state(states["early_stop"])
        if states["users"]["has_stopped"] or (
            early_stop is not None and early_stop.has_stopped
        ):
            raise ValueError(
                "Expected a run that has come to the end of its epochs, to "
                f"continue it. Received: {self._run.path}, which its early "
                "stop or a callback has ended after "
                f"{checks.counted(backup.position.epoch, 'epoch')}. A new run "
                "can start from its network: "
                f"`initialization.weights={self._run.path}`"
            )

    def train(self, videos, backup_steps, callbacks=(), tensorboard=True):
        """Trains from the last backup on, and saves the trained network.

        Args:
            videos: `RunVideos`, whose fingerprint is stored in backups.
            backup_steps: `None` or int, as for `Backup`.
            callbacks: sequence of the user's `keras.callbacks.Callback`.
                Defaults to `()`.
            tensorboard: bool. Whether to write TensorBoard files. Defaults to
                `True`.

        Returns:
            dict of numbers by name: `epochs`, `seconds`, `accuracy` (in
            training, of the last epoch), and with a validation part
            `validation_accuracy` and `best_epoch` (from 1). With several labels
            per video these are `mean_average_precision` and
            `validation_mean_average_precision`. `None` if the training had
            already ended.

        Raises:
            Exception: the exception of a callback; progress is saved.
        """
        run, devices = self._run, self._devices
        validation = self._validation_callbacks()
        users = UsersCallbacks(callbacks)
        stateful = {
            **validation,
            "videos": videos,
            "time": self._time,
            "users": users,
        }
        backup = Backup(run.backup, stateful, backup_steps, devices.is_chief)
        with devices.scope():
            start = backup.restore(self._trained)
        interruption = Interruption(backup, _notice(run, devices))
        devices.agree_on(start)

        def is_over():
            stop = validation.get("early_stop")
            done = backup.position.epoch >= self._length.epochs
            return done or users.has_stopped or (stop and stop.has_stopped)

        if is_over() and run.is_finished:
            why = ""
            if backup.position.epoch < self._length.epochs:
                why = " (by its early stop, or a callback)"
            logger.warning("%s is already fully trained%s.", run.path, why)
            return None
        if run.is_finished and devices.is_chief:
            self._continue(backup)
        is_new = (start.epoch, start.step) == (0, 0)
        if is_new and self._recipe.initialization.classifier != "random":
            classifiers.fit(self.model, self._data)
        streams = Streams(
            self._recipe,
            self._data,
            head.describe(self.model).clip_spec,
            self._trained,
            devices,
        )
        called = [StopOnNaN(start, backup), *validation.values()]
        if self._averages is not None:
            called.append(self._averages)
        if devices.is_chief:
            called.append(LogFile(run.log_file, start.epoch))
        if devices.is_chief and tensorboard:
            called.append(keras.callbacks.TensorBoard(run.tensorboard))
        if keras.backend.backend() == "torch":
            steps = self._length.steps_per_epoch
            called.append(Draws(self._recipe.seed, backup, steps))
        # The backup stores the state of the callbacks before it.
        called += [users] if callbacks else []
        called += [backup, Failure(users, backup), interruption]
        with (
            users.raising(),
            interruption.listening(),
            streams.clear_errors(),
            run.writing(),
        ):
            while not is_over():
                self._fit(backup.position, streams, called)
        users.end()
        if devices.is_chief:
            self._save(backup)
        if users.failure is not None:
            raise users.failure
        outcome = self._outcome(backup.position.epoch, validation)
        if self._verbose:
            notes.note_end(self._data, outcome)
        return outcome

    def _continue(self, backup):
        """Renames the network of a finished run that is continued."""
        self._check_backup(backup)
        done = backup.position.epoch
        kept = self._run.set_aside(done)
        logger.warning(
            "%s continues from %d to %d epochs, with the learning rates of "
            "a training of %d. The earlier network is kept: %s.",
            self._run.path,
            done,
            self._length.epochs,
            self._length.epochs,
            ", ".join(path.name for path in kept),
        )

    def _check_backup(self, backup):
        if not backup.position.epoch:
            raise ValueError(
                "Expected the backup of the finished run, to continue from, "
                f"or another directory. Received: {self._run.backup}, which "
                "has none"
            )

    def _fit(self, position, streams, callbacks):
        """Calls `fit` once: to the end of the phase or, if `position` is within
        an epoch, to the end of that epoch."""
        epoch, step = position
        length, phase = self._length, None
        end = length.epochs
        if self._phases:
            number = self._phases.at(epoch)
            end, phase = self._phases.end(number), self._begin_phase(number)
        progress = Progress(
            self._recipe.optimizer,
            steps_per_epoch=length.steps_per_epoch,
            epochs=length.epochs,
            initial_epoch=epoch,
            initial_step=step,
            phase=phase,
            end=end,
            num_devices=self._devices.num_replicas,
            verbose=self._verbose,
        )
        self._trained.fit(
            streams.training(
                epoch * length.passes + step // length.steps_per_pass,
                step % length.steps_per_pass,
                progress.timed,
            ),
            steps_per_epoch=length.steps_per_epoch - step,
            initial_epoch=epoch,
            epochs=length.epochs,
            validation_data=streams.validation(),
            verbose=0,  # `Progress` shows it
            shuffle=False,  # the pipeline shuffles
            callbacks=[progress, *callbacks, Until(epoch + 1 if step else end)],
        )
        self._last = progress.last

    def _begin_phase(self, number):
        """Freezes the layers that a phase does not train, compiles the model,
        and returns a description of the phase."""
        if number != self._phase:
            self._phase = number
            with self._devices.scope():
                self._phases.freeze(number)
                self._optimizer.move_only(self._trained.trainable_variables)
                self._compile()
        return self._phases.describe(number)

    def _compile(self):
        losses.compile_logits(
            self._trained,
            self._optimizer,
            self._recipe.loss,
            sigmoid=self._sigmoid,
            several=label_sets.are_sets(self._data.source.labels),
            class_weights=self._class_weights,
        )

    def _validation_callbacks(self):
        """The callbacks that use validation results, as a dict by name; empty
        without a validation part."""
        if not (self._data.validation and self._length.epochs):
            return {}
        schedule = self._recipe.schedule
        monitor = f"val_{losses.accuracy_name(self._trained)}"
        callbacks = {}
        if self._devices.is_chief:
            callbacks["best_model"] = BestModel(
                self.model, self._run.best_file, monitor, self._as_saved
            )
        if schedule.kind == "plateau":
            callbacks["plateau"] = Plateau(
                monitor,
                schedule.factor,
                schedule.patience,
                schedule.min_learning_rate,
            )
        if schedule.early_stop:
            callbacks["early_stop"] = EarlyStop(monitor, schedule.early_stop)
        return callbacks

    @contextlib.contextmanager
    def _as_saved(self):
        """A context for saving the network: layers are not frozen by a phase,
        and weights have their averaged values, if the optimizer averages."""
        with contextlib.ExitStack() as held:
            if self._phases:
                held.enter_context(self._phases.released())
            if self._averages is not None:
                held.enter_context(self._averages.shown())
            yield

    def _save(self, backup):
        """Saves the network of the run: the best one if there is a validation
        part, else the last one."""
        run, data = self._run, self._data
        if data.validation:
            run.check_best()
        of_features = feature_reader.are_features(data.source)
        trained_file = run.head_file if of_features else run.model_file
        with run.writing(), self._as_saved():
            if data.validation:
                if self._sigmoid:
                    thresholds.complete(run.best_file, data)
                # A run with a network is finished, so its origin comes first.
                run.note_origin(_trained_origin(self.model, run.best_file))
                run.best_file.replace(trained_file)
                files.sync_directory(run.path)
            else:
                check_weights(self.model, backup)
                model_file.sign(self.model)
                run.note_origin(head.describe(self.model).origin)
                model_file.save(self.model, trained_file)
                if self._sigmoid:
                    logger.warning(
                        "There is no validation part to choose thresholds "
                        "on: a class is present if its probability is at "
                        "least 0.5."
                    )

    def _outcome(self, num_epochs, validation):
        outcome = {"epochs": num_epochs, "seconds": self._time.seconds}
        measure = self._trained.measure
        accuracy = self._last.get(losses.accuracy_name(self._trained))
        if accuracy is not None:
            outcome[measure] = float(accuracy)
        best = validation.get("best_model")
        if best is not None:
            outcome[f"validation_{measure}"] = best.accuracy
            outcome["best_epoch"] = best.epoch + 1
        return outcome


class _Time:
    """The time in seconds that a run has been trained, over all starts."""

    def __init__(self):
        self._before = 0.0
        self._since = time.monotonic()

    @property
    def seconds(self):
        return self._before + time.monotonic() - self._since

    def get_state(self):
        return self.seconds

    def set_state(self, state):
        self._before = state


class Until(keras.callbacks.Callback):
    """Ends a call of `fit` when `epochs` epochs are done."""

    def __init__(self, epochs):
        super().__init__()
        self._epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self._epochs:
            self.model.stop_training = True


def _trained_origin(model, path):
    """The `Origin` of the best network, which is saved at `path`."""
    origin = head.describe(model).origin
    if origin.fingerprint is None:
        # The best network was saved by an earlier start of the run.
        origin = head.describe(model_file.load(path)).origin
    return origin


def _notice(run, devices):
    """The file by which workers notify each other to end; `None` with a single
    worker. A file of an earlier start is removed."""
    if devices.num_workers == 1:
        return None
    notice = run.backup / "notice.json"
    if devices.is_chief:
        notice.unlink(missing_ok=True)
    return notice
