"""Labels of videos: one class each, or a set of classes each (multi-label).

All labels of a dataset are of the same kind: a tuple of int, -1 if the class is
not known, or a tuple of tuples of ascending int, `()` for a video of none of
the classes.
"""

import numpy as np


def are_sets(labels) -> bool:
    """Whether the labels of a dataset are sets of classes."""
    return any(isinstance(label, tuple) for label in labels)


def as_set(label) -> tuple:
    """The class indices of one label of either kind, as a tuple."""
    if isinstance(label, (tuple, list)):
        return tuple(label)
    return (label,) if label >= 0 else ()


def unknown(labels, num_classes) -> list:
    """The class indices in labels that are not from 0 to `num_classes - 1`."""
    return [
        one
        for label in labels
        for one in (label if isinstance(label, tuple) else (label,))
        if not 0 <= one < num_classes
    ]


def of_json(label):
    """Converts a label that was read from JSON: lists become tuples."""
    return tuple(label) if isinstance(label, list) else label


def names(label, classes) -> tuple:
    """The class names of one label of either kind: tuple of str."""
    return tuple(classes[one] for one in as_set(label))


def multi_hot(labels, num_classes) -> np.ndarray:
    """Labels of either kind as a float32 array `(videos, classes)`: 1 for the
    classes of a video, else 0."""
    rows = np.zeros((len(labels), num_classes), np.float32)
    for row, label in zip(rows, labels):
        row[list(as_set(label))] = 1
    return rows


class Arrays:
    """The labels of videos as arrays for training, by the index of the video:
    int32 `()`, or, if labels are sets, float32 `(classes,)` of 0 and 1.

    Args:
        labels: tuple. The labels of a dataset.
        num_classes: int.
    """

    def __init__(self, labels, num_classes):
        self._labels = labels
        self.dtype, self.shape = np.int32, ()
        if are_sets(labels):
            self.dtype, self.shape = np.float32, (num_classes,)

    def __getitem__(self, index):
        label = self._labels[index]
        if not self.shape:
            return self.dtype(label)
        return multi_hot([label], *self.shape)[0]

    @property
    def none(self):
        """An array of zeros like a label, for positions without a video."""
        return np.zeros(self.shape, self.dtype)[()]
