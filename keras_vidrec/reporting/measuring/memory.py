"""The largest memory that something takes."""

import contextlib
import pathlib
import sys

import keras

_STATUS = pathlib.Path("/proc/self/status")
# 5 forgets the peak so far.
_CLEAR = pathlib.Path("/proc/self/clear_refs")


class Peak:
    """What `peak` measures.

    Attributes:
        num_bytes: `None` (not known), or int.
    """

    num_bytes = None


@contextlib.contextmanager
def peak(device: str):
    """Measures the peak inside of a context.

    Args:
        device: str. `"cpu:0"`: the whole process, with its libraries and
            weights; on Linux alone the peak of the context and not of all that
            was before. Another one, such as `"gpu:0"`: what the backend has
            taken of it; of JAX since the process began.

    Yields:
        `Peak`, which knows it after the context.
    """
    found = Peak()
    if device.startswith("cpu"):
        forget, read = _forget_process, _of_process
    else:
        forget, read = _OF_DEVICES[keras.backend.backend()]
    forget(device)
    yield found
    found.num_bytes = read(device)


def _forget_process(_device):
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")


def _of_process(_device):
    try:
        for line in _STATUS.read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "VmHWM":
                return int(value.split()[0]) * 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _forget_tensorflow(device):
    import tensorflow as tf

    tf.config.experimental.reset_memory_stats(device.upper())


def _of_tensorflow(device):
    import tensorflow as tf

    return tf.config.experimental.get_memory_info(device.upper())["peak"]


def _forget_torch(_device):
    import torch

    torch.cuda.reset_peak_memory_stats()


def _of_torch(_device):
    import torch

    return torch.cuda.max_memory_allocated()


def _of_jax(_device):
    import jax

    known = jax.local_devices()[0].memory_stats() or {}
    return known.get("peak_bytes_in_use")


_OF_DEVICES = {
    "tensorflow": (_forget_tensorflow, _of_tensorflow),
    "torch": (_forget_torch, _of_torch),
    "jax": (lambda _device: None, _of_jax),
}
