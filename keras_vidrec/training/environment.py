"""Describes the machine and the software that a training runs on."""

import datetime
import importlib.metadata
import pathlib
import platform
import subprocess
import sys

import keras
import tensorflow as tf

from keras_vidrec.version import __version__

# Some libraries are distributed under several names.
_DISTRIBUTIONS = {
    "keras": ("keras",),
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
    "jax": ("jax",),
    "torch": ("torch",),
    "numpy": ("numpy",),
    "opencv": (
        "opencv-python",
        "opencv-python-headless",
        "opencv-contrib-python",
        "opencv-contrib-python-headless",
    ),
}
_PACKAGE = pathlib.Path(__file__).resolve().parents[1]
_GIT_TIMEOUT_S = 10


def describe():
    """Versions, backend, devices, state of the code, command line and time.

    On JAX this starts the backend, so `jax.distributed.initialize` must be
    called first.

    Returns:
        dict that JSON can represent: `time` (ISO 8601), `command` (list of
        str), `versions` (as `versions` returns them), `backend`, `platform`,
        `devices` (list of str), and `git`: a dict of the `commit` and whether
        there are uncommitted `changes`, or None if the package is not in a
        checkout of its repository.
    """
    return {
        "time": datetime.datetime.now().astimezone().isoformat("T", "seconds"),
        "command": list(sys.argv),
        "versions": versions(),
        "backend": keras.backend.backend(),
        "platform": platform.platform(),
        "devices": _devices(),
        "git": _git_state(),
    }


def versions():
    """Versions of this package, Python and the libraries.

    Returns:
        dict of str by name; the value is None for libraries that are not
        installed.
    """
    return {
        "keras_vidrec": __version__,
        "python": platform.python_version(),
        **{name: _version(name) for name in _DISTRIBUTIONS},
    }


def has_accelerator():
    """Returns whether the backend computes on a GPU or a TPU."""
    backend = keras.backend.backend()
    if backend == "torch":
        import torch

        return torch.cuda.is_available()
    if backend == "jax":
        return not keras.distribution.list_devices()[0].startswith("cpu")
    return bool(tf.config.list_logical_devices("GPU"))


def _version(name: str) -> str | None:
    for distribution in _DISTRIBUTIONS[name]:
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def _devices() -> list[str]:
    backend = keras.backend.backend()
    if backend == "torch":
        import torch

        gpus = range(torch.cuda.device_count())
        return ["cpu", *map(torch.cuda.get_device_name, gpus)]
    if backend == "jax":
        return keras.distribution.list_devices()
    # Physical devices: listing logical ones initializes TensorFlow's runtime,
    # which must not happen before several machines have been connected.
    details = tf.config.experimental.get_device_details
    return [
        " ".join(
            filter(None, (device.name, details(device).get("device_name")))
        )
        for device in tf.config.list_physical_devices()
    ]


def _git_state() -> dict | None:
    # The package may be installed inside the checkout of another project,
    # which does not track the package's files.
    if _git("ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    changes = _git("status", "--porcelain", "--untracked-files=no", ".")
    return {"commit": _git("rev-parse", "HEAD"), "changes": bool(changes)}


def _git(*arguments: str) -> str | None:
    """The output of a git command; None if it fails or git is missing."""
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=_PACKAGE,
            capture_output=True,
            text=True,
            check=True,
            timeout=_GIT_TIMEOUT_S,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
