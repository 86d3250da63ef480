"""The contract every layer is held to: Keras' own layer test.

The only place that reaches into Keras' private modules.
"""

import warnings

import keras
from keras.src import testing


def check_layer(layer_class, init_kwargs, **expected):
    """Config and JSON round trip, `build` alone builds everything, symbolic
    shape equals eager shape, one training step, mixed precision, and the
    counts of weights stated in `expected`."""
    case = testing.TestCase()
    case.setUp()
    with warnings.catch_warnings():
        # Keras' test feeds `fit` from a generator and trains layers without
        # weights, and Keras itself warns of both.
        warnings.filterwarnings("ignore", message="`shuffle=True` was passed")
        warnings.filterwarnings("ignore", message=".*any trainable weights")
        case.run_layer_test(layer_class, init_kwargs=init_kwargs, **expected)
    key = keras.saving.get_registered_name(layer_class)
    assert key == f"keras_vidrec>{layer_class.__name__}"
