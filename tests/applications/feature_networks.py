"""What tests of networks over sequences of features need."""

import itertools

import numpy as np

CLASSES = 5
FEATURES = 16
# Small networks.
SMALL = {"classes": CLASSES, "features": FEATURES}


def features(num_steps=25, batch=3, size=FEATURES, seed=0):
    """Random features by stream, positive as those of a network are."""
    rng = np.random.default_rng(seed)
    return {
        stream: rng.gamma(1.0, size=(batch, num_steps, size)).astype("float32")
        for stream in ("rgb", "flow")
    }


def of_steps(inputs, order):
    """The same steps in another order."""
    return {stream: x[:, order] for stream, x in inputs.items()}


def normalized(x, gamma, beta, mean, variance):
    """Batch normalization in inference."""
    return (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta


def ordered_events(num_videos, num_steps, seed):
    """Videos of which only the order tells the class.

    Each video shows the same three events, as constant features with noise,
    for a third each, more or less; the class is the order of them.

    Returns:
        Pair of features by stream and of the class of each video, one of 6.
    """
    rng = np.random.default_rng(seed)
    events = np.random.default_rng(0).gamma(1.0, size=(3, 2 * FEATURES))
    orders = np.array([*itertools.permutations(range(3))])
    labels = np.arange(num_videos) % len(orders)
    changes = num_steps * np.array([1, 2]) / 3
    changes = changes + rng.uniform(-0.06, 0.06, (num_videos, 2)) * num_steps
    third = (np.arange(num_steps) >= changes[..., np.newaxis]).sum(axis=1)
    x = events[np.take_along_axis(orders[labels], third, axis=1)]
    x = (x + rng.normal(0, 0.3, x.shape)).astype("float32")
    return {"rgb": x[..., :FEATURES], "flow": x[..., FEATURES:]}, labels
