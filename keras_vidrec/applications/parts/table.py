"""The applications there are."""

import inspect

from keras_vidrec import applications


def builders():
    """Applications that can be built by themselves.

    Returns:
        dict of callables by name, such as `"TSN"`, without those made of
        trained networks.
    """
    named = {name: getattr(applications, name) for name in applications.__all__}
    return {
        name: builder
        for name, builder in named.items()
        if "classes" in inspect.signature(builder).parameters
    }
