"""Makes random numbers on PyTorch reproducible after an interruption."""

import keras
import numpy as np


class Draws(keras.callbacks.Callback):
    """Makes the random numbers of a step on PyTorch, such as dropout masks, a
    pure function of the seed and the number of steps done.

    Layers of Keras store the state of their random numbers in variables, which
    backups contain. On PyTorch, `Dropout` uses the generator of the process
    instead, which is not saved.

    Args:
        seed: int. Seed of the training.
        backup: `Backup`, which has the position.
        steps_per_epoch: int. Steps in an epoch.
    """

    def __init__(self, seed, backup, steps_per_epoch):
        super().__init__()
        self._seed = seed
        self._backup = backup
        self._steps_per_epoch = steps_per_epoch

    def on_train_batch_begin(self, batch, logs=None):
        import torch

        epoch, step = self._backup.position
        done = epoch * self._steps_per_epoch + step
        (drawn,) = np.random.SeedSequence((self._seed, done)).generate_state(1)
        torch.manual_seed(int(drawn))
