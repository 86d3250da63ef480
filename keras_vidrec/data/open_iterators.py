"""Iterators of the input pipeline that a program has left open at its end."""

import gc

import tensorflow as tf


def close():
    """Ends the reading of all iterators over datasets that are still open.

    Their threads call Python. While the interpreter shuts down, a thread that
    acquires its lock is ended in the middle of TensorFlow's code, which aborts
    the process (`terminate called without an active exception`, status 134) or
    waits for the thread forever. Letting go of an iterator waits for its own.
    """
    for one in gc.get_objects():
        # Not `isinstance`, which resolves lazy objects.
        kind = type(one)
        if issubclass(kind, tf.data.Iterator) or kind.__name__ == _DEVICES:
            vars(one).clear()


# An iterator for several devices, which has no public name.
_DEVICES = "OwnedMultiDeviceIterator"
