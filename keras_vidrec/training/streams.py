"""Makes the datasets that `fit` reads, for all devices."""

import contextlib

import tensorflow as tf

from keras_vidrec.data import pipeline
from keras_vidrec.data.failures import Failures
from keras_vidrec.specs import checks
from keras_vidrec.training.objectives import losses


class Streams:
    """The data that `fit` reads: batches of clips with their labels,
    distributed over the devices.

    Args:
        recipe: `Recipe`.
        data: `Dataset`.
        spec: `ClipSpec` of the network.
        model: keras.Model that `fit` is called on.
        devices: `distribution.Devices`.
    """

    def __init__(self, recipe, data, spec, model, devices):
        self._recipe = recipe
        self._data = data
        self._spec = spec
        self._model = model
        self._devices = devices
        self._failures = Failures(len(data.train))
        self._unseen = Failures(len(data.validation))

    def training(self, number, step, timed):
        """Returns endless batches of the training part, pass after pass.

        Args:
            number: int. The pass to start with.
            step: int. The step of this pass to start with.
            timed: callable that takes a `tf.data.Dataset` and returns one of
                the same batches that measures the time spent on input.
        """
        return self._make(
            self._data.train,
            timed,
            training=True,
            seed=self._recipe.seed,
            initial_epoch=number,
            initial_step=step,
            augmentation=self._recipe.augmentation,
            sampling=self._recipe.data.sampling,
            failures=self._failures,
        )

    def validation(self):
        """Returns the batches of the validation part; `None` if there is no
        validation part."""
        if not self._data.validation:
            return None
        return self._make(
            self._data.validation,
            lambda clips: clips,
            training=False,
            pad_tail=True,
            failures=self._unseen,
        )

    @contextlib.contextmanager
    def clear_errors(self):
        """A context in which unreadable videos raise a clear error, in place of
        the backend's error about its input.

        Raises:
            TooManyFailures: if over 5 % of the videos cannot be read.
        """
        try:
            yield
        except tf.errors.OpError as error:
            fatal = self._failures.fatal or self._unseen.fatal
            if fatal is not None:
                raise fatal from error
            raise

    def _make(self, videos, then, **options):
        def stream(shard):
            with checks.names(sampling="data.sampling"):
                clips = pipeline.make(
                    self._data.source,
                    self._spec,
                    videos,
                    batch_size=self._recipe.optimizer.batch_size,
                    shard=shard,
                    **options,
                )
            return then(losses.label_outputs(self._model, clips))

        return self._devices.distribute(stream)
