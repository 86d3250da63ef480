"""Closes iterators of the input pipeline that are still open when a program
exits."""

import gc

import tensorflow as tf


def close():
    """Closes all open iterators over datasets of TensorFlow.

    Their threads call Python. While the interpreter shuts down, it ends each
    thread that acquires its lock, in the middle of TensorFlow's code. Then the
    process aborts (`terminate called without an active exception`, status 134)
    or waits for the thread forever. Deleting an iterator before that waits for
    its threads to finish.
    """
    for one in gc.get_objects():
        # `isinstance` would load lazy modules.
        kind = type(one)
        if issubclass(kind, tf.data.Iterator) or kind.__name__ == _DEVICES:
            vars(one).clear()


# An iterator for several devices, which has no public name.
_DEVICES = "OwnedMultiDeviceIterator"
