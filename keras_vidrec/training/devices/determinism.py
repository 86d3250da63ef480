"""The same weights to the last bit from the same seed on the same machine."""

import os

import keras


def enable():
    """Makes the backend compute in the same order each time, which is slower
    on GPUs. Cannot be turned off again: it holds for the process.

    On JAX it takes effect only before the first computation, through
    `XLA_FLAGS`; on CPUs JAX is deterministic anyway.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    else:
        flag = "--xla_gpu_deterministic_ops=true"
        flags = os.environ.get("XLA_FLAGS", "")
        if flag not in flags:
            os.environ["XLA_FLAGS"] = f"{flags} {flag}".strip()
