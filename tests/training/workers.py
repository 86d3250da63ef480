"""Starts the processes of a training on several machines, here on one."""

import contextlib
import json
import os
import socket
import subprocess
import sys

# Quiet, and on one processor each: that is all there may be.
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}


def addresses(number):
    """Addresses of this machine that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


def tensorflow_environments(number):
    """What tells each of some processes of the others."""
    cluster = {"worker": addresses(number)}
    return [
        {
            "TF_CONFIG": json.dumps(
                {"cluster": cluster, "task": {"type": "worker", "index": index}}
            )
        }
        for index in range(number)
    ]


def jax_environments(number):
    """The same for JAX, with one device each."""
    (address,) = addresses(1)
    return [
        {
            "KERAS_BACKEND": "jax",
            "JAX_NUM_CPU_DEVICES": "1",
            "KERAS_DISTRIBUTION_JOB_ADDRESSES": address,
            "KERAS_DISTRIBUTION_NUM_PROCESSES": str(number),
            "KERAS_DISTRIBUTION_PROCESS_ID": str(index),
        }
        for index in range(number)
    ]


def start(module, arguments, environment):
    """Starts `python -m module` in another process.

    Args:
        module: str.
        arguments: sequence.
        environment: dict of environment variables to add.

    Returns:
        `subprocess.Popen` with its output in `stdout`, errors included.
    """
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        env={**os.environ, **_QUIET, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(processes, seconds):
    """Waits for processes and ends those that take longer than `seconds`.

    Returns:
        List of (exit status, output).
    """
    try:
        outputs = [each.communicate(timeout=seconds)[0] for each in processes]
    finally:
        for each in processes:
            each.kill()
            each.wait()
    return [(each.returncode, text) for each, text in zip(processes, outputs)]
