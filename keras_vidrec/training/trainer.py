"""From a recipe to a trained network in a run directory."""

import logging

import keras

from keras_vidrec.applications.parts import head
from keras_vidrec.applications.parts import model_file
from keras_vidrec.data import pipeline
from keras_vidrec.data.clips import feature_reader
from keras_vidrec.specs import Origin
from keras_vidrec.specs import VideoSet
from keras_vidrec.specs import checks
from keras_vidrec.specs import fingerprint
from keras_vidrec.training import dataset as datasets
from keras_vidrec.training import environment
from keras_vidrec.training import joining
from keras_vidrec.training import losses
from keras_vidrec.training import network
from keras_vidrec.training import notes
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
):
    """Trains a recipe to its end; goes on where an interrupted run stopped.

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

    Returns:
        `Run`, whose `model_file` holds the trained network; of a training over
        features its `head_file` does, and the `model_file` that joined with
        the networks that made the features, see `joining.complete`.

    Raises:
        ValueError: on a recipe that does not fit the data or the devices, or
            a directory that holds something else.
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
    recipe = data.recipe
    run = Run(directory)
    run.check(recipe)
    data = datasets.without_damaged(data, verbose != 0 and devices.is_chief)
    for problem in data.problems:
        logger.warning("%s", problem)
    notes.note_learning_rate(recipe.optimizer)
    if verbose != 0 and devices.is_chief:
        notes.note_data(data)
    keras.utils.set_random_seed(recipe.seed)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(recipe.precision)
    try:
        _train(recipe, data, run, devices, backup_steps, verbose)
        if run.head_file.exists() and not run.model_file.exists():
            if devices.is_chief:
                joining.complete(run, data.source)
    finally:
        keras.config.set_dtype_policy(policy)
        if devices.is_chief:
            data.source.save()
    return run


def _train(recipe, data, run, devices, backup_steps, verbose):
    passes = recipe.schedule.passes
    a_pass = pipeline.steps_per_epoch(
        len(data.train), recipe.optimizer.batch_size
    )
    steps = passes * a_pass
    epochs = optimizers.num_epochs(recipe.schedule, recipe.optimizer, steps)
    model, trained = _compiled(recipe, data, steps, devices)
    if devices.is_chief:
        run.claim(recipe)
    validation = _validation_callbacks(
        recipe, data, run, devices, model, trained
    )
    backup = Backup(run.backup, validation, backup_steps, devices.is_chief)
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
    if not data.validation:
        check_weights(model, backup)
    backup.keep_last()
    of_features = feature_reader.are_features(data.source)
    trained_file = run.head_file if of_features else run.model_file
    with run.writing():
        if data.validation:
            run.best_file.replace(trained_file)
        else:
            model_file.save(model, trained_file)


def _compiled(recipe, data, steps_per_epoch, devices):
    """The network as it is saved, and the same up to its logits, compiled."""
    with devices.scope():
        model = network.build(recipe, data.source.classes)
        predictions = head.predictions_layer(model)
        predictions.test_protocol = recipe.test
        predictions.origin = _origin(data)
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


def _origin(data):
    """What the network is made from: the videos that it is trained on."""
    source = data.source
    videos = sorted(
        (source.videos[index], source.classes[source.labels[index]])
        for index in data.train
    )
    parents = {}
    if feature_reader.are_features(source):
        # "NAME FINGERPRINT"
        made_by = source.settings["networks"]
        parents = {
            stream: Origin("network", made_by[stream].split()[-1])
            for stream in made_by
        }
    versions = environment.versions()
    return Origin(
        "network",
        videos=fingerprint(videos),
        split=data.recipe.data.split,
        training_list=fingerprint([name for name, _ in videos]),
        trained_on=VideoSet.of(name for name, _ in videos),
        parents=parents,
        versions={name: v for name, v in versions.items() if v is not None},
    )


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
