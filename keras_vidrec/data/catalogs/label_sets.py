"""Labels of videos: one class each, or a set of classes each (multi-label).

The labels of a dataset are one or the other as a whole: a tuple of int, -1
where the class is not known, or a tuple of tuples of ascending int, `()` where
none of the classes happens.
"""

import numpy as np


def are_sets(labels) -> bool:
    """Whether the videos of a dataset have several labels."""
    return any(isinstance(label, tuple) for label in labels)


def as_set(label) -> tuple:
    """The classes of one video, whichever kind its label is."""
    if isinstance(label, (tuple, list)):
        return tuple(label)
    return (label,) if label >= 0 else ()


def unknown(labels, num_classes) -> list:
    """The class indices among labels that no class has."""
    return [
        one
        for label in labels
        for one in (label if isinstance(label, tuple) else (label,))
        if not 0 <= one < num_classes
    ]


def of_json(label):
    """A label as it was before it was written as JSON."""
    return tuple(label) if isinstance(label, list) else label


def names(label, classes) -> tuple:
    """The names of the classes of one video: tuple of str."""
    return tuple(classes[one] for one in as_set(label))


def multi_hot(labels, num_classes) -> np.ndarray:
    """Labels of either kind as float32 `(videos, classes)`: 1 where a video is
    of a class, else 0."""
    rows = np.zeros((len(labels), num_classes), np.float32)
    for row, label in zip(rows, labels):
        row[list(as_set(label))] = 1
    return rows


class Arrays:
    """Labels as a network learns from them, by the index of a video: int32
    `()`, or of several a video float32 `(classes,)` of 0 and 1.

    Args:
        labels: those of a dataset.
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
        """What stands where there is no video."""
        return np.zeros(self.shape, self.dtype)[()]
