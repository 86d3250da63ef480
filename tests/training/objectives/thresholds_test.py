import itertools

import numpy as np
import sklearn.metrics

from keras_vidrec.training.objectives import thresholds


def best_f1(values, shown):
    """Over all the ways to say it from some probability on."""
    limits = [*np.unique(values), np.inf]
    return max(
        sklearn.metrics.f1_score(shown, values >= limit, zero_division=0.0)
        for limit in limits
    )


def test_the_best_f1_of_each_class():
    """By trying all thresholds, with probabilities that tie."""
    for seed, digits in itertools.product(range(5), (1, 6)):
        rng = np.random.default_rng(seed)
        values = rng.uniform(size=(12, 4)).round(digits)
        shown = (rng.uniform(size=values.shape) < 0.4).astype(int)
        shown[:, 3] = 0
        found = thresholds.choose(values, shown)
        for one in range(3):
            said = values[:, one] >= found[one]
            f1 = sklearn.metrics.f1_score(shown[:, one], said)
            assert f1 == best_f1(values[:, one], shown[:, one])
        assert found[3] == 0.5


def test_midway_between_what_is_and_what_is_not():
    values = np.array([[0.9, 0.2], [0.6, 0.3], [0.5, 0.1]])
    shown = np.array([[1, 1], [1, 1], [0, 1]])
    np.testing.assert_allclose(thresholds.choose(values, shown), [0.55, 0.05])
