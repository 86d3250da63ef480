"""What an export needs that the package does without."""

import importlib

import keras


def check_backend(what):
    """Raises a `ValueError` unless the backend is TensorFlow."""
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"{what} is written by the TensorFlow backend. Expected "
            "KERAS_BACKEND=tensorflow. Received: "
            f"{keras.backend.backend()!r}"
        )


def check_installed(extra, modules):
    """Checks that the libraries of an extra are there.

    Args:
        extra: str. Name of the extra.
        modules: sequence of str.

    Raises:
        ValueError: naming the extra, if one is not installed.
    """
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise ValueError(
                f"Expected the libraries of the extra {extra!r}: pip install "
                f"keras-vidrec[{extra}]. Received: {error}"
            ) from error


def check_no_flow(endpoint, what):
    """Raises a `ValueError` if the network makes flow inside, which a
    SavedModel alone can."""
    if endpoint.makes_flow:
        raise ValueError(
            f"Flow inside the network is for a SavedModel only. Expected "
            f"a network that is given its flow for {what}, such as a "
            "`LateFusion` without flow_from. Received: "
            f"model={endpoint.model.name!r}"
        )
