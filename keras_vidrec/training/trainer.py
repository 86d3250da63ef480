"""Trains the network of a recipe in a run directory."""

import collections.abc
import contextlib
import logging
import pathlib
import typing

import keras

from keras_vidrec.applications.parts import head
from keras_vidrec.backbones.tower import check_channels_last
from keras_vidrec.data import leaks
from keras_vidrec.data.clips import feature_reader
from keras_vidrec.data.prepared import storage
from keras_vidrec.specs import Origin
from keras_vidrec.specs import checks
from keras_vidrec.training import dataset as datasets
from keras_vidrec.training import initialization
from keras_vidrec.training import joining
from keras_vidrec.training import notes
from keras_vidrec.training import origin as origins
from keras_vidrec.training import recipes
from keras_vidrec.training.callbacks import trackers
from keras_vidrec.training.callbacks import users
from keras_vidrec.training.devices import distribution
from keras_vidrec.training.loop import Loop
from keras_vidrec.training.objectives import losses
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.run import Run
from keras_vidrec.training.run_videos import RunVideos

logger = logging.getLogger("keras_vidrec")


def train(
    recipe: Recipe | dict | str | pathlib.Path,
    out: str | pathlib.Path,
    *,
    data: str | pathlib.Path | None = None,
    callbacks: collections.abc.Sequence = (),
    log: collections.abc.Sequence | None = None,
    verbose: int | str = "auto",
    distribute: str = "auto",
    backup_steps: int | None = None,
    deterministic: bool = False,
    allow_leak: bool = False,
) -> Run:
    """Trains a recipe, or resumes an interrupted run.

    A run keeps its lists of videos (`Run.videos`). A resumed run must have the
    same classes and training videos; added videos are not used. A finished run
    is continued if the recipe differs only in a larger `schedule.epochs`: its
    network is kept as `model-100-epochs.keras`, the learning rate follows the
    longer schedule, and the `Origin` records the earlier network.

    Args:
        recipe: `Recipe`; the name of one that comes with the package, or the
            path of a YAML file, as `recipes.get` takes them; or a dict of its
            sections, as `Recipe.from_dict` takes it.
        out: path of the run directory: new, empty, an interrupted run of the
            same recipe, or a finished one of fewer epochs.
        data: `None` (that of the recipe), or path or URL of the dataset,
            replacing `data.directory` of the recipe. Defaults to `None`.
        callbacks: list of `keras.callbacks.Callback`. Each sees a single
            training: `on_train_begin` is called once per start, `on_train_end`
            once at the end, before the network is saved. Their `model` is the
            training model, which outputs logits; the logs are those of
            `log.csv`. `model.stop_training = True` ends the training, and the
            run counts as finished. If a callback raises an exception, training
            ends with it after the current step or epoch; a backup is kept and
            the same call resumes from there. The state of a callback is kept
            over an interruption if it has `get_state()`, which returns JSON
            values, and `set_state(state)`, which is called after
            `on_train_begin`; also for Keras' `EarlyStopping` (except the
            weights of the best epoch), `ReduceLROnPlateau` and
            `ModelCheckpoint`. On several machines each calls its own callbacks.
            `ReduceLROnPlateau` and `LearningRateScheduler` need the recipe's
            `schedule.kind: constant`. Defaults to `()`.
        log: `None` (as before; for a new run TensorBoard), or list of trackers
            in addition to `log.csv`: `"tensorboard"` (the directory
            `tensorboard/` of the run), `"wandb"` (Weights & Biases),
            `"mlflow"`, or `"csv"`, which alone means only `log.csv`. Defaults
            to `None`.
        verbose: `"auto"`, 0 (silent), 1 (a progress bar, and a line per epoch),
            or 2 (only the lines). `"auto"` is 1 on a terminal, else 2.
        distribute: str. Devices to train on, see `distribution.choose`.
            Defaults to `"auto"`.
        backup_steps: `None` (a backup after each epoch), or int: also one after
            this many steps of an epoch.
        deterministic: bool. Whether the same seed gives the same weights to
            the last bit on the same machine, see
            `distribution.enable_determinism`. Defaults to `False`.
        allow_leak: bool. Whether the networks that it is made from (initial
            weights, networks that made features) may have been trained on test
            videos. The `Origin` of the network is then marked. Defaults to
            `False`.

    Returns:
        `Run`, whose `model_file` is the trained network. After training on
        features this is `head_file`, and `model_file` is it joined with the
        networks that made the features, see `joining.complete`.

    Raises:
        ValueError: on a recipe that does not fit the data or the devices, a
            directory that contains something else, or that another process
            trains in, data that have changed since the run started, or test
            videos that leak.
        LossIsNaN: if training diverges.
        TooManyFailures: if over 5 % of the videos cannot be read.
        OSError: if the run directory cannot be written: a full disk.
        SystemExit: with status 143 after a SIGTERM; progress is saved.
        Exception: what one of the `callbacks` raises; progress is saved.
    """
    check_channels_last()
    callbacks = users.checked(callbacks)
    if log is None:
        log = Run(out).followed or ("tensorboard",)
    log = trackers.checked(log)
    recipe = _recipe(recipe, data)
    if backup_steps is not None:
        checks.count("backup_steps", backup_steps)
    if deterministic:
        # Must come before devices are listed, which starts JAX.
        distribution.enable_determinism()
    devices = distribution.choose(distribute)
    dataset = losses.settled(datasets.load(recipe))
    run = Run(out)
    is_longer = run.is_shorter_than(dataset.recipe)
    goes_on = is_longer or run.check(dataset.recipe)
    videos = run.videos if goes_on else None
    if videos is not None:
        dataset = videos.to_train(dataset, run.path)
    _check(dataset)
    if devices.is_chief:
        run.check_free()
    kept = _Kept(
        videos or RunVideos.of(dataset),
        run.origin if goes_on else None,
        run.recipe.schedule.epochs if is_longer else None,
        allow_leak,
    )
    is_told = verbose != 0 and devices.is_chief
    dataset = datasets.without_damaged(dataset, is_told)
    _tell(dataset, is_told)
    keras.utils.set_random_seed(dataset.recipe.seed)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dataset.recipe.precision)
    try:
        with contextlib.ExitStack() as held:
            loop = Loop(dataset, run, devices, verbose)
            loop.check_callbacks(callbacks)
            notes.note_sampling(dataset, head.describe(loop.model).clip_spec)
            _claim(run, dataset, loop, kept, devices.is_chief, held, log)
            tracked = held.enter_context(
                trackers.following(
                    log if devices.is_chief else (),
                    run,
                    dataset.recipe,
                    head.predictions_layer(loop.model).origin,
                )
            )
            outcome = loop.train(
                kept.videos,
                backup_steps,
                (*callbacks, *tracked),
                "tensorboard" in log,
            )
            if run.head_file.exists() and not run.model_file.exists():
                if devices.is_chief:
                    joining.complete(run, dataset.source)
            for tracker in tracked:
                tracker.close(outcome)
    finally:
        keras.config.set_dtype_policy(policy)
        if devices.is_chief:
            dataset.source.save()
    return run


def _recipe(recipe, directory):
    """The recipe with its dataset and absolute paths, so that it does not
    depend on the working directory.

    Raises:
        ValueError: if there is no such recipe, or its initial weights do not
            exist.
    """
    recipe = recipes.get(recipe)
    initialization.check(recipe.initialization.weights)
    if directory is not None:
        if not storage.is_url(str(directory)):
            directory = pathlib.Path(directory)
        recipe = recipe.with_data(directory=directory)
    return recipe.with_absolute_paths()


def _check(data):
    """Raises an error if there are no training videos or only one class, or if
    the augmentation cannot be applied."""
    augmentation = data.recipe.augmentation
    augmentation.check_registered()
    if feature_reader.are_features(data.source):
        augmentation.check_features()
    where = data.recipe.data.directory
    if not data.train:
        raise ValueError(
            f"Expected videos to train on. Received: {where}, with "
            f"{len(data.source.videos)} videos, none of them in the training "
            "part"
        )
    if len(data.source.classes) == 1:
        raise ValueError(
            f"Expected videos of several classes. Received: {where}, whose "
            f"videos are all of class {data.source.classes[0]!r}"
        )


def _tell(data, is_told):
    """Logs remarks about the dataset and the learning rate. Also prints a
    summary of the dataset if `is_told`."""
    for problem in (*data.problems, *data.changes):
        logger.warning("%s", problem)
    notes.note_learning_rate(data.recipe.optimizer, data.recipe.schedule)
    if is_told:
        notes.note_data(data)


class _Kept(typing.NamedTuple):
    """Values that a run keeps from its first start.

    Attributes:
        videos: `RunVideos`.
        origin: `Origin` recorded at the first start; `None` at that start.
        epochs: int. Epochs of a finished run that is continued; `None` for
            other runs.
        allow_leak: bool. Whether leaks of test videos are allowed.
    """

    videos: RunVideos
    origin: object
    epochs: int | None
    allow_leak: bool


def _claim(run, data, loop, kept, is_chief, held, log):
    """Stores the origin of the network, and locks the run until `held` is
    closed.

    Raises:
        ValueError: as for `_origin` and `Loop.check_continues`.
    """
    origin, remarks = _origin(loop.model, data, run.path, kept)
    if is_chief:
        for line in remarks:
            logger.warning("%s", line)
        held.enter_context(run.held())
        if kept.epochs is not None:
            loop.check_continues()
        run.claim(data.recipe, kept.videos, origin, log)


def _origin(model, data, where, kept):
    """Determines the `Origin` of a network, or takes that of the first start,
    and stores it in the last layer. Returns it, and remarks about leaks.

    Raises:
        ValueError: if videos of the test leak, or the features of a run that is
            resumed were made by other networks than before.
    """
    layer = head.predictions_layer(model)
    origin = origins.of_training(data, layer.origin or Origin())
    if kept.origin is not None:
        origins.check_same_networks(
            kept.origin, origin, data.recipe.data.directory
        )
        origin = kept.origin
    if kept.epochs is not None:
        origin = origins.continued(origin, kept.epochs)
    origin = origin.without_repeats()
    # A dataset may contain the same video under two names in both parts. That
    # is marked, but is no error.
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
