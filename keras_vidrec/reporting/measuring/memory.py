"""Measures the peak of memory."""

import contextlib
import pathlib
import sys

import keras

_STATUS = pathlib.Path("/proc/self/status")
# Writing 5 to this file resets the peak.
_CLEAR = pathlib.Path("/proc/self/clear_refs")


class Peak:
    """The result of `peak`.

    Attributes:
        num_bytes: `None` (not known), or int. Peak of memory in bytes.
    """

    num_bytes = None


@contextlib.contextmanager
def peak(device: str):
    """Measures the peak of memory inside a context.

    Args:
        device: str. For `"cpu:0"`, the memory of the whole process is measured,
            including libraries and weights; on systems other than Linux, the
            peak since the start of the process. For another device, such as
            `"gpu:0"`, the memory that the backend has allocated there is
            measured; on JAX, the peak since the start of the process.

    Yields:
        `Peak`, whose `num_bytes` is set at the end of the context.
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
