"""Imports the backend without its log lines."""

import contextlib
import sys

from keras_vidrec.specs import files


def load_backend(find_devices=True):
    """Imports Keras and its backend.

    TensorFlow's libraries write to stderr before their log level can be set.
    These lines are only printed if the import fails.

    Args:
        find_devices: bool. Whether TensorFlow also initializes its devices.
            `False` for training on several machines, which must be configured
            before. Defaults to `True`.
    """
    with files.held_back():
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            if find_devices:
                tf.config.list_logical_devices()
        else:
            with contextlib.suppress(ImportError):
                import tensorflow as tf  # for the input pipeline

                tf.config.list_logical_devices()


def progress() -> int:
    """Returns `verbose` for `fit`: 1, a progress bar, if stdout is a terminal,
    else 2, a line per epoch."""
    return 1 if sys.stdout.isatty() else 2
