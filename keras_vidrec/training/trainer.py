"""From a recipe to a trained network in a run directory."""

import csv
import functools
import io
import logging

import keras
import tensorflow as tf

from keras_vidrec import files
from keras_vidrec.applications import model_file
from keras_vidrec.applications.head import clip_logits_model
from keras_vidrec.applications.head import describe
from keras_vidrec.applications.head import inference_model
from keras_vidrec.data import pipeline
from keras_vidrec.training import dataset as datasets
from keras_vidrec.training import distribution
from keras_vidrec.training import losses
from keras_vidrec.training import network
from keras_vidrec.training import optimiser
from keras_vidrec.training.backup import Backup
from keras_vidrec.training.best_model import BestModel
from keras_vidrec.training.run import Run
from keras_vidrec.training.stop_on_nan import StopOnNaN

logger = logging.getLogger("keras_vidrec")


def train(recipe, directory, verbose="auto"):
    """Trains a recipe to its end; goes on where an interrupted run stopped.

    Args:
        recipe: `Recipe`.
        directory: path of the run directory: new, empty, or an interrupted
            run of the same recipe.
        verbose: as in `fit`: `"auto"`, 0 (silent), 1 (progress bar) or 2 (a
            line an epoch).

    Returns:
        `Run`, whose `model_file` holds the trained network.

    Raises:
        ValueError: on a recipe that does not fit the data, or a directory
            that holds something else.
        LossIsNaN: if training diverges.
        TooManyFailures: if over 5 % of the videos cannot be read.
    """
    data = datasets.load(recipe)
    recipe = data.recipe
    for problem in data.problems:
        logger.warning("%s", problem)
    run = Run(directory)
    run.claim(recipe)
    keras.utils.set_random_seed(recipe.seed)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(recipe.precision)
    try:
        _fit(recipe, data, run, verbose)
    finally:
        keras.config.set_dtype_policy(policy)
        data.source.save()
    return run


def _fit(recipe, data, run, verbose):
    batch_size = recipe.optimiser.batch_size
    steps = pipeline.steps_per_epoch(len(data.train), batch_size)
    epochs = optimiser.num_epochs(recipe.schedule, recipe.optimiser, steps)
    model, trained = _compiled(recipe, data.source.classes, steps)

    stateful = {}
    if data.validation:
        monitor = f"val_{losses.accuracy_name(trained)}"
        stateful["best_model"] = BestModel(model, run.best_file, monitor)
    backup = Backup(run.backup, stateful)
    initial_epoch = backup.restore(trained)
    if initial_epoch >= epochs and run.model_file.exists():
        logger.warning("%s is trained to its end already.", run.path)
        return
    _trim_log(run.log_file, initial_epoch)

    failures = pipeline.Failures(len(data.train))
    make = functools.partial(
        pipeline.make,
        data.source,
        describe(model).clip_spec,
        batch_size=batch_size,
    )
    clips = make(
        data.train,
        training=True,
        seed=recipe.seed,
        initial_epoch=initial_epoch,
        augmentation=recipe.augmentation,
        failures=failures,
    )
    validation, unseen = None, pipeline.Failures(len(data.validation))
    if data.validation:
        validation = losses.label_outputs(
            trained, make(data.validation, training=False, failures=unseen)
        )

    log = keras.callbacks.CSVLogger(run.log_file, append=True)
    try:
        trained.fit(
            losses.label_outputs(trained, clips),
            steps_per_epoch=steps,
            epochs=epochs,
            initial_epoch=initial_epoch,
            validation_data=validation,
            verbose=verbose,
            shuffle=False,  # the pipeline has done it
            callbacks=[
                StopOnNaN(),
                log,
                keras.callbacks.TensorBoard(run.tensorboard),
                *stateful.values(),
                backup,  # last: it keeps what the others have done
            ],
        )
    except tf.errors.OpError as error:
        fatal = failures.fatal or unseen.fatal
        if fatal is not None:
            raise fatal from error
        raise
    finally:
        if log.csv_file is not None:  # Keras leaves it open after an error
            log.csv_file.close()

    if data.validation:
        run.best_file.replace(run.model_file)
    else:
        model_file.save(model, run.model_file)


def _compiled(recipe, classes, steps_per_epoch):
    """The network as it is saved, and the same up to its logits, compiled."""
    strategy = distribution.strategy()
    with distribution.scope(strategy):
        model = network.build(recipe, classes)
        distribution.synchronize_batch_norm(model, strategy)
        trained = clip_logits_model(model)
        losses.compile_logits(
            trained,
            optimiser.build(recipe.optimiser, recipe.schedule, steps_per_epoch),
        )
    return inference_model(model), trained


def _trim_log(path, initial_epoch):
    """Drops what an interruption cut off, and epochs that will be repeated."""
    if not path.exists():
        return
    with open(path, newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    kept = [
        row
        for row in rows
        if len(row) == len(header) and int(row[0]) < initial_epoch
    ]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(
        [header, *kept] if kept else []
    )
    files.write_text(path, text.getvalue())
