"""Getting the libraries up without their chatter."""

import contextlib
import sys

from keras_vidrec.specs import files


def load_backend(find_devices=True):
    """Imports Keras and its backend.

    TensorFlow's libraries write to the error stream before their log level
    can be set. What they write is held back, and shown only if they fail.
    TensorFlow cannot join other machines any more once it has found its
    devices: `find_devices` is `False` before that.
    """
    with files.held_back():
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            if find_devices:
                tf.config.list_logical_devices()
        else:
            with contextlib.suppress(ImportError):
                import tensorflow as tf  # the input pipeline's

                tf.config.list_logical_devices()


def progress():
    """What `fit` shows: a progress bar on a terminal, else a line per epoch."""
    return 1 if sys.stdout.isatty() else 2
