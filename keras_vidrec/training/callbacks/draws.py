import keras
import numpy as np


class Draws(keras.callbacks.Callback):
    """Makes what PyTorch draws in a step, such as what is dropped out, a pure
    function of the seed and of the steps done.

    Layers of Keras keep the states of their draws in variables, which a backup
    holds; on PyTorch, `Dropout` draws from the generator of the process
    instead, which is not saved.

    Args:
        seed: int. Of the training.
        backup: `Backup`, which has the position.
        steps_per_epoch: int.
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
