"""What is compared of runs."""

import csv

import keras
import numpy as np

# Columns of the log that tell of the machine, not of the network.
SPEED = {"clips_per_second", "input_wait"}


def log_of(run):
    """Rows as dicts, of the columns that are equal in every run."""
    with open(run.log_file, newline="") as file:
        return [
            {name: row[name] for name in row.keys() - SPEED}
            for row in csv.DictReader(file)
        ]


def weights_of(run):
    return keras.models.load_model(run.model_file).get_weights()


def assert_equal(one, two):
    """The same weights to the last bit, and the same log."""
    for a, b in zip(weights_of(one), weights_of(two), strict=True):
        np.testing.assert_array_equal(a, b)
    assert log_of(one) == log_of(two)
