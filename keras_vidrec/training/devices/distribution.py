"""Chooses the devices to train on."""

import os

import keras
import tensorflow as tf

from keras_vidrec.specs import checks
from keras_vidrec.training.devices.data_parallel import DataParallel
from keras_vidrec.training.devices.devices import Devices
from keras_vidrec.training.devices.devices import Replicas
from keras_vidrec.training.devices.multi_worker import MultiWorker

# Values of the argument `distribute`, and the backend that each needs.
_BACKENDS = {
    "auto": None,
    "none": None,
    "mirrored": "tensorflow",
    "multi-worker": "tensorflow",
    "data-parallel": "jax",
}


def choose(distribute="auto"):
    """Chooses the devices to train on. Call it before any computation: several
    machines can only be connected then.

    Args:
        distribute: str.
            `"auto"`: all GPUs of this machine, or one device without GPUs.
            PyTorch always trains on one device.
            `"none"`: one device.
            `"mirrored"`: all GPUs of this machine, or all logical CPUs if it
            has no GPU (TensorFlow).
            `"multi-worker"`: all GPUs of the machines in `TF_CONFIG`
            (TensorFlow).
            `"data-parallel"`: all devices of this machine, or of the machines
            in the variables `data_parallel.VARIABLES` (JAX).
            Defaults to `"auto"`.

    Returns:
        `Devices`.

    Raises:
        ValueError: if the name is unknown or needs another backend, or the
            environment variables of several machines are missing or malformed.
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
    """Makes the backend deterministic: the same seed gives the same weights, to
    the last bit, on the same machine.

    Operations compute in the same order each time, which is slower on GPUs. The
    setting holds until the process ends.

    On JAX it sets `XLA_FLAGS`, and must be called before the first computation;
    on CPUs JAX is always deterministic. On PyTorch, operations without a
    deterministic implementation raise an error; for cuBLAS on GPUs it sets
    `CUBLAS_WORKSPACE_CONFIG`, also before the first computation.
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
        # The default is for GPUs, and logs a warning on CPUs.
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )


def _has_accelerators() -> bool:
    """Returns whether JAX has several GPUs or TPUs."""
    devices = keras.distribution.list_devices()
    return len(devices) > 1 and not devices[0].startswith("cpu")
