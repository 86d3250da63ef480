"""The choice of the devices to train on."""

import os

import keras
import tensorflow as tf

from keras_vidrec.specs import checks
from keras_vidrec.training.devices.data_parallel import DataParallel
from keras_vidrec.training.devices.devices import Devices
from keras_vidrec.training.devices.devices import Replicas
from keras_vidrec.training.devices.multi_worker import MultiWorker

# Of the argument `distribute`, and the backend of each.
_BACKENDS = {
    "auto": None,
    "none": None,
    "mirrored": "tensorflow",
    "multi-worker": "tensorflow",
    "data-parallel": "jax",
}


def choose(distribute="auto"):
    """The devices to train on. Call it before anything else that computes:
    several machines can be joined only then.

    Args:
        distribute: str.
            `"auto"`: all GPUs of this machine; one device without. PyTorch
            trains on one device always.
            `"none"`: one device.
            `"mirrored"`: all GPUs of this machine, or all logical CPUs where
            there is none (TensorFlow).
            `"multi-worker"`: all GPUs of several machines, which `TF_CONFIG`
            names (TensorFlow).
            `"data-parallel"`: all devices of this machine, or of those that
            `KERAS_DISTRIBUTION_JOB_ADDRESSES` and its like name (JAX).
            Defaults to `"auto"`.

    Returns:
        `Devices`.

    Raises:
        ValueError: on an unknown name, one of another backend, or a
            `TF_CONFIG` that is missing or malformed.
    """
    backend = keras.backend.backend()
    checks.choice("distribute", distribute, tuple(_BACKENDS))
    if _BACKENDS[distribute] not in (None, backend):
        raise ValueError(
            f"distribute={distribute!r} needs another backend. Expected "
            f"KERAS_BACKEND={_BACKENDS[distribute]}. Received: {backend}"
        )
    if distribute == "multi-worker":
        return MultiWorker()
    if distribute == "data-parallel":
        return DataParallel()
    if distribute == "none":
        return Devices()
    if backend == "jax":
        return DataParallel() if _has_accelerators() else Devices()
    if backend != "tensorflow":
        return Devices()
    gpus = tf.config.list_logical_devices("GPU")
    if len(gpus) > 1:
        return Replicas(tf.distribute.MirroredStrategy())
    cpus = tf.config.list_logical_devices("CPU")
    if distribute == "mirrored" and not gpus and len(cpus) > 1:
        return Replicas(_mirrored_cpus(cpus))
    return Devices()


def enable_determinism():
    """The same weights to the last bit from the same seed on the same machine.

    The backend computes in the same order each time, which is slower on GPUs.
    It cannot be turned off again: it holds for the process.

    On JAX it takes effect only before the first computation, through
    `XLA_FLAGS`; on CPUs JAX is deterministic anyway. On PyTorch an operation
    that cannot be deterministic fails with its name; on GPUs cuBLAS is
    configured by `CUBLAS_WORKSPACE_CONFIG`, also before the first computation.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        tf.config.experimental.enable_op_determinism()
    elif backend == "torch":
        import torch

        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    else:
        flag = "--xla_gpu_deterministic_ops=true"
        flags = os.environ.get("XLA_FLAGS", "")
        if flag not in flags:
            os.environ["XLA_FLAGS"] = f"{flags} {flag}".strip()


def _mirrored_cpus(cpus):
    return tf.distribute.MirroredStrategy(
        [device.name for device in cpus],
        # The default is for GPUs, and warns elsewhere.
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )


def _has_accelerators():
    """Whether there are several GPUs or TPUs to JAX."""
    devices = keras.distribution.list_devices()
    return len(devices) > 1 and not devices[0].startswith("cpu")
