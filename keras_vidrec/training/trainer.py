"""From a recipe to a trained network in a run directory."""

import contextlib
import logging
import typing

import keras

from keras_vidrec.applications.parts import head
from keras_vidrec.applications.parts import model_file
from keras_vidrec.data import leaks
from keras_vidrec.data import pipeline
from keras_vidrec.data.clips import feature_reader
from keras_vidrec.specs import checks
from keras_vidrec.specs import files
from keras_vidrec.training import dataset as datasets
from keras_vidrec.training import joining
from keras_vidrec.training import losses
from keras_vidrec.training import network
from keras_vidrec.training import notes
from keras_vidrec.training import origin as origins
from keras_vidrec.training.callbacks.backup import Backup
from keras_vidrec.training.callbacks.interruption import Interruption
from keras_vidrec.training.callbacks.log_file import LogFile
from keras_vidrec.training.callbacks.progress import Progress
from keras_vidrec.training.callbacks.stop_on_nan import StopOnNaN
from keras_vidrec.training.callbacks.stop_on_nan import check_weights
from keras_vidrec.training.callbacks.validation import BestModel
from keras_vidrec.training.callbacks.validation import EarlyStop
from keras_vidrec.training.callbacks.validation import Plateau
from keras_vidrec.training.devices import distribution
from keras_vidrec.training.optimizers import section as optimizers
from keras_vidrec.training.rematerialization import rematerialize
from keras_vidrec.training.run import Run
from keras_vidrec.training.run_videos import RunVideos
from keras_vidrec.training.streams import Streams

logger = logging.getLogger("keras_vidrec")


def train(
    recipe,
    directory,
    *,
    verbose="auto",
    distribute="auto",
    backup_steps=None,
    deterministic=False,
    allow_leak=False,
):
    """Trains a recipe to its end; goes on where an interrupted run stopped.

    A run keeps its lists of videos (`Run.videos`). While it goes on, the
    classes and the videos that it is trained on must be the same; what was
    added is not used.

    Args:
        recipe: `Recipe`.
        directory: path of the run directory: new, empty, or an interrupted
            run of the same recipe.
        verbose: as in `fit`: `"auto"`, 0 (silent), 1 (progress bar) or 2 (a
            line an epoch).
        distribute: str. Devices to train on, see `distribution.choose`.
            Defaults to `"auto"`.
        backup_steps: `None` (a backup after each epoch), or int: one after so
            many steps of an epoch too.
        deterministic: bool. Whether the same seed gives the same weights to
            the last bit on the same machine, see
            `distribution.enable_determinism`. Defaults to `False`.
        allow_leak: bool. Whether what the network is made from (weights to
            start from, networks that made features) may have been trained on
            videos of the test. It is marked then in its `Origin`. Defaults to
            `False`.

    Returns:
        `Run`, whose `model_file` holds the trained network; of a training over
        features its `head_file` does, and the `model_file` that joined with
        the networks that made the features, see `joining.complete`.

    Raises:
        ValueError: on a recipe that does not fit the data or the devices, a
            directory that holds something else, or that another process
            trains in, data that have changed since the run began, or videos of
            the test that leak.
        LossIsNaN: if training diverges.
        TooManyFailures: if over 5 % of the videos cannot be read.
        OSError: if the run directory cannot be written: a full disk.
        SystemExit: with status 143 after a SIGTERM; nothing is lost.
    """
    if backup_steps is not None:
        checks.count("backup_steps", backup_steps)
    if deterministic:
        # Before devices are looked for: JAX begins then.
        distribution.enable_determinism()
    devices = distribution.choose(distribute)
    data = datasets.load(recipe)
    run = Run(directory)
    goes_on = run.check(data.recipe)
    videos = run.videos if goes_on else None
    if videos is not None:
        data = videos.to_train(data, run.path)
    if not data.train:
        raise ValueError(
            "Expected videos to train on. Received: "
            f"{recipe.data.directory}, of whose {len(data.source.videos)} "
            "videos none is in the training part"
        )
    if len(data.source.classes) == 1:
        raise ValueError(
            "Expected videos of several classes: one leaves nothing to learn. "
            f"Received: {recipe.data.directory}, whose videos are all of "
            f"{data.source.classes[0]!r}"
        )
    if devices.is_chief:
        run.check_free()
    recipe, videos = data.recipe, videos or RunVideos.of(data)
    data = datasets.without_damaged(data, verbose != 0 and devices.is_chief)
    for problem in (*data.problems, *data.changes):
        logger.warning("%s", problem)
    notes.note_learning_rate(recipe.optimizer)
    if verbose != 0 and devices.is_chief:
        notes.note_data(data)
    keras.utils.set_random_seed(recipe.seed)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(recipe.precision)
    try:
        before = run.origin if goes_on else None
        kept = _Kept(videos, before, allow_leak)
        with contextlib.ExitStack() as stack:
            _train(
                recipe, data, run, kept, devices, backup_steps, verbose, stack
            )
            if run.head_file.exists() and not run.model_file.exists():
                if devices.is_chief:
                    joining.complete(run, data.source)
    finally:
        keras.config.set_dtype_policy(policy)
        if devices.is_chief:
            data.source.save()
    return run


class _Kept(typing.NamedTuple):
    """What a run keeps from its first start on: its `RunVideos`, the `Origin`
    noted then (`None` if this is the first), and whether leaks are allowed."""

    videos: RunVideos
    origin: object
    allow_leak: bool


def _train(recipe, data, run, kept, devices, backup_steps, verbose, stack):
    """The run is held until `stack` is closed."""
    passes = recipe.schedule.passes
    a_pass = pipeline.steps_per_epoch(
        len(data.train), recipe.optimizer.batch_size
    )
    steps = passes * a_pass
    epochs = optimizers.num_epochs(recipe.schedule, recipe.optimizer, steps)
    model, trained = _compiled(recipe, data, steps, devices)
    origin, remarks = _origin(model, data, run.path, kept)
    if devices.is_chief:
        for line in remarks:
            logger.warning("%s", line)
        stack.enter_context(run.held())
        run.claim(recipe, kept.videos, origin)
    validation = _validation_callbacks(
        recipe, data, run, devices, model, trained
    )
    stateful = {**validation, "videos": kept.videos}
    backup = Backup(run.backup, stateful, backup_steps, devices.is_chief)
    with devices.scope():
        start = backup.restore(trained)
    interruption = Interruption(backup, _notice(run, devices))
    devices.agree_on(start)

    def is_over(position):
        stop = validation.get("early_stop")
        return position.epoch >= epochs or (stop and stop.has_stopped)

    if is_over(start) and run.is_finished:
        logger.warning("%s is trained to its end already.", run.path)
        return

    verbose = verbose if devices.is_chief else 0
    streams = Streams(
        recipe, data, head.describe(model).clip_spec, trained, devices
    )
    callbacks = [StopOnNaN(start, backup), *validation.values()]
    if devices.is_chief:
        callbacks.append(LogFile(run.log_file, start.epoch))
        callbacks.append(keras.callbacks.TensorBoard(run.tensorboard))
    # The backup keeps what those before it have done.
    callbacks += [backup, interruption]
    with interruption.listening(), streams.clear_errors(), run.writing():
        while not is_over(backup.position):
            epoch, step = backup.position
            progress = Progress(
                recipe.optimizer,
                steps_per_epoch=steps,
                epochs=epochs,
                initial_epoch=epoch,
                num_devices=devices.num_replicas,
                verbose=verbose,
            )
            # The rest of an epoch is a `fit` of its own.
            rest = [OneEpoch()] if step else []
            trained.fit(
                streams.training(
                    epoch * passes + step // a_pass,
                    step % a_pass,
                    progress.timed,
                ),
                steps_per_epoch=steps - step,
                initial_epoch=epoch,
                epochs=epochs,
                validation_data=streams.validation(),
                verbose=verbose,
                shuffle=False,  # the pipeline has done it
                callbacks=[progress, *callbacks, *rest],
            )

    if not devices.is_chief:
        return
    if data.validation:
        run.check_best()
    else:
        check_weights(model, backup)
    of_features = feature_reader.are_features(data.source)
    trained_file = run.head_file if of_features else run.model_file
    with run.writing():
        if data.validation:
            run.best_file.replace(trained_file)
            files.sync_directory(run.path)
        else:
            model_file.save(model, trained_file)
        run.note_origin(_trained_origin(model, trained_file))


def _compiled(recipe, data, steps_per_epoch, devices):
    """The network as it is saved, and the same up to its logits, compiled."""
    with devices.scope():
        model = network.build(recipe, data.source.classes)
        predictions = head.predictions_layer(model)
        predictions.test_protocol = recipe.test
        with checks.inside("optimizer."):
            devices.prepare(model, recipe.optimizer)
        trained = devices.trainable(head.clip_logits_model(model))
        if recipe.rematerialize:
            rematerialize(trained)
        losses.compile_logits(
            trained,
            optimizers.build(
                recipe.optimizer, recipe.schedule, steps_per_epoch, model
            ),
        )
    return head.inference_model(model), trained


def _origin(model, data, where, kept):
    """What a network is made from, as noted at the first start, which goes
    into its last layer; and lines on what may leak.

    Raises:
        ValueError: if videos of the test leak, or the features of a run that
            goes on were made by other networks than before.
    """
    layer = head.predictions_layer(model)
    origin = origins.of_training(data, layer.origin)
    if kept.origin is not None:
        origins.check_same_networks(
            kept.origin, origin, data.recipe.data.directory
        )
        origin = kept.origin
    origin = origin.without_repeats()
    # The same video under two names, in both parts: the dataset is so.
    copies = leaks.check(
        origin.replace(parents={}), data.source, data.test, allow=True
    )
    origin = origin.replace(marks=copies)
    marks = leaks.check(
        origin, data.source, data.test, allow=kept.allow_leak, what=str(where)
    )
    remarks = (*leaks.remarks(origin, str(where)), *marks)
    layer.origin = origin.replace(marks=marks)
    return layer.origin, remarks


def _trained_origin(model, path):
    """The origin in a file that was just saved."""
    origin = head.describe(model).origin
    if origin.fingerprint is None:  # the best network, of a start before
        origin = head.describe(model_file.load(path)).origin
    return origin


def _validation_callbacks(recipe, data, run, devices, model, trained):
    """By name, the callbacks that look at the validation part, if any."""
    if not data.validation:
        return {}
    schedule = recipe.schedule
    monitor = f"val_{losses.accuracy_name(trained)}"
    callbacks = {}
    if devices.is_chief:
        callbacks["best_model"] = BestModel(model, run.best_file, monitor)
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


class OneEpoch(keras.callbacks.Callback):
    """Ends a `fit` behind its first epoch."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = True


def _notice(run, devices):
    """The file by which workers notify each other to end. An old one is
    removed before they begin."""
    if devices.num_workers == 1:
        return None
    notice = run.backup / "notice.json"
    if devices.is_chief:
        notice.unlink(missing_ok=True)
    return notice
