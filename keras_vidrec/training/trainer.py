"""From a recipe to a trained network in a run directory."""

import collections.abc
import contextlib
import logging
import pathlib
import typing

import keras

from keras_vidrec.applications.parts import head
from keras_vidrec.data import leaks
from keras_vidrec.data.clips import feature_reader
from keras_vidrec.data.prepared import storage
from keras_vidrec.specs import Origin
from keras_vidrec.specs import checks
from keras_vidrec.training import dataset as datasets
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
    """Trains a recipe to its end; goes on where an interrupted run stopped.

    A run keeps its lists of videos (`Run.videos`). While it goes on, the
    classes and the videos that it is trained on must be the same; what was
    added is not used. A finished run goes on for more epochs where the recipe
    differs in nothing but a larger `schedule.epochs`: its network is kept as
    `model-100-epochs.keras`, the rate goes on as the longer schedule says, and
    the `Origin` names what was continued.

    Args:
        recipe: `Recipe`; the name of one that comes with the package, or the
            path of a YAML file, as `recipes.get` takes them; or a dict of its
            sections, as `Recipe.from_dict` takes it.
        out: path of the run directory: new, empty, an interrupted run of the
            same recipe, or a finished one of fewer epochs.
        data: `None` (what the recipe says), or path or URL of the dataset:
            `data.directory` of the recipe. Defaults to `None`.
        callbacks: list of `keras.callbacks.Callback`. Each sees one training:
            `on_train_begin` once a start, `on_train_end` once at the end,
            before the network is saved. Their `model` is the network in
            training, to its logits; the logs are those of `log.csv`.
            `model.stop_training = True` ends the training for good. One that
            raises ends it with its own exception behind the step or epoch,
            which a backup keeps: the same call goes on from there. What they
            count outlives an interruption if they have `get_state()`, which
            returns what JSON holds, and `set_state(state)`, called behind
            `on_train_begin`; so it does for Keras' `EarlyStopping` (but for
            the weights of the best epoch), `ReduceLROnPlateau` and
            `ModelCheckpoint`. On several machines each calls its own.
            Defaults to `()`.
        log: `None` (where it was followed before; of a new run TensorBoard),
            or list of names: where the training can be followed beside
            `log.csv`. `"tensorboard"` (the directory `tensorboard/` of the
            run), `"wandb"` (Weights & Biases), `"mlflow"`, or `"csv"`, which
            alone is `log.csv` and no more. Defaults to `None`.
        verbose: `"auto"`, 0 (silent), 1 (a progress bar, and a line an
            epoch), or 2 (the lines alone). `"auto"` is 1 on a terminal, else
            2.
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
        Exception: what one of the `callbacks` raises; nothing is lost.
    """
    callbacks = users.checked(callbacks)
    if log is None:
        log = Run(out).followed or ("tensorboard",)
    log = trackers.checked(log)
    recipe = _recipe(recipe, data)
    if backup_steps is not None:
        checks.count("backup_steps", backup_steps)
    if deterministic:
        # Before devices are looked for: JAX begins then.
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
            notes.note_sampling(dataset, head.describe(loop.model).clip_spec)
            _claim(run, dataset, loop.model, kept, devices.is_chief, held, log)
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
    """A recipe, with its data, that can be repeated from anywhere."""
    recipe = recipes.get(recipe)
    if directory is not None:
        if not storage.is_url(str(directory)):
            directory = pathlib.Path(directory)
        recipe = recipe.with_data(directory=directory)
    return recipe.with_absolute_paths()


def _check(data):
    """Refuses data that there is nothing to learn from, and an augmentation
    that they cannot go through."""
    augmentation = data.recipe.augmentation
    augmentation.check_registered()
    if feature_reader.are_features(data.source):
        augmentation.check_features()
    where = data.recipe.data.directory
    if not data.train:
        raise ValueError(
            f"Expected videos to train on. Received: {where}, of whose "
            f"{len(data.source.videos)} videos none is in the training part"
        )
    if len(data.source.classes) == 1:
        raise ValueError(
            "Expected videos of several classes: one leaves nothing to learn. "
            f"Received: {where}, whose videos are all of "
            f"{data.source.classes[0]!r}"
        )


def _tell(data, is_told):
    """Says what is not as one may expect, and what there is."""
    for problem in (*data.problems, *data.changes):
        logger.warning("%s", problem)
    notes.note_learning_rate(data.recipe.optimizer, data.recipe.schedule)
    if is_told:
        notes.note_data(data)


class _Kept(typing.NamedTuple):
    """What a run keeps from its first start on: its `RunVideos`, the `Origin`
    noted then (`None` if this is the first), the epochs after which a finished
    run is continued (`None` if it is not), and whether leaks are allowed."""

    videos: RunVideos
    origin: object
    epochs: int | None
    allow_leak: bool


def _claim(run, data, model, kept, is_chief, held, log):
    """Notes what the network is made from, and keeps the run from others until
    `held` is closed.

    Raises:
        ValueError: as `_origin`.
    """
    origin, remarks = _origin(model, data, run.path, kept)
    if is_chief:
        for line in remarks:
            logger.warning("%s", line)
        held.enter_context(run.held())
        run.claim(data.recipe, kept.videos, origin, log)


def _origin(model, data, where, kept):
    """What a network is made from, as noted at the first start, which goes
    into its last layer; and lines on what may leak.

    Raises:
        ValueError: if videos of the test leak, or the features of a run that
            goes on were made by other networks than before.
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
