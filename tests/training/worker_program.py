"""One worker of a training on several machines: what tests start in processes
of its own.

Usage: python -m tests.training.worker_program DISTRIBUTE OUT [SECONDS A STEP]
"""

import pathlib
import sys
import time

import keras
import numpy as np

from keras_vidrec.data import pipeline
from keras_vidrec.layers import BatchNormalization
from keras_vidrec.specs import ClipSpec
from keras_vidrec.training.callbacks.backup import Backup
from keras_vidrec.training.devices import distribution
from keras_vidrec.training.objectives import losses
from keras_vidrec.training.optimizers import section as optimizers
from keras_vidrec.training.recipes.schedule import Schedule
from keras_vidrec.training.recipes.sections import Optimizer
from tests.data.memory_source import MemorySource

OPTIMIZER = Optimizer(
    learning_rate=0.1, batch_size=8, accumulate=2, clip_norm=0.2
)
SCHEDULE = Schedule(epochs=2)
STEPS = 5
# Of a validation part: the last batch has 5 of them.
UNSEEN = 21


class Watched(MemorySource):
    """Tells which videos were read."""

    def __init__(self, num_videos):
        super().__init__(num_videos)
        self.seen = []

    def read(self, index, modality, indices):
        self.seen.append(index)
        return super().read(index, modality, indices)


class Slowly(keras.callbacks.Callback):
    """Waits after each step."""

    def __init__(self, seconds):
        super().__init__()
        self._seconds = seconds

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(self._seconds)


def network():
    inputs = keras.Input((3, 16, 16, 3))
    x = keras.layers.Rescaling(1 / 16)(inputs)
    x = keras.layers.GlobalAveragePooling3D()(x)
    x = keras.layers.Dense(4, use_bias=False)(x)
    x = keras.layers.ReLU()(BatchNormalization(momentum=0.5)(x))
    return keras.Model(inputs, keras.layers.Dense(2)(x))


def main(distribute, out, seconds=0.0):
    """Trains, and writes what has come of it to `out/worker<number>.npz`."""
    devices = distribution.choose(distribute)
    out = pathlib.Path(out)
    keras.utils.set_random_seed(1)
    source, unseen = Watched(STEPS * OPTIMIZER.batch_size), Watched(UNSEEN)

    def clips(source, **arguments):
        return devices.distribute(
            lambda shard: pipeline.make(
                source,
                ClipSpec(size=16),
                range(len(source.videos)),
                batch_size=OPTIMIZER.batch_size,
                shard=shard,
                **arguments,
            )
        )

    def validation():
        pad_tail = devices.num_replicas > 1
        return clips(unseen, training=False, pad_tail=pad_tail)

    with devices.scope():
        model = network()
        devices.prepare(model, OPTIMIZER)
        trained = devices.trainable(model)
        losses.compile_logits(
            trained, optimizers.build(OPTIMIZER, SCHEDULE, STEPS, model)
        )
        backup = Backup(out / "backup", is_chief=devices.is_chief)
        start = backup.restore(trained)
    devices.agree_on(start)
    trained.fit(
        clips(source, training=True, initial_epoch=start.epoch),
        validation_data=validation(),
        steps_per_epoch=STEPS,
        epochs=SCHEDULE.epochs,
        initial_epoch=start.epoch,
        verbose=0,
        shuffle=False,
        callbacks=[Slowly(seconds), backup],
    )
    seen = sorted(unseen.seen)
    logs = trained.evaluate(validation(), verbose=0, return_dict=True)
    for name, value in logs.items():
        np.testing.assert_allclose(
            trained.history.history[f"val_{name}"][-1], value, rtol=1e-6
        )
    np.savez(out / f"worker{devices.worker}.npz", *model.get_weights(), **logs)
    np.savetxt(out / f"seen{devices.worker}.txt", seen, "%d")


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(float, sys.argv[3:]))
