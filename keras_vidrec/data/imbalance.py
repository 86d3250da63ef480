"""Classes of which there are many more videos than of others."""

import collections

import numpy as np

# The ratio between the numbers of videos of two classes from which on it is
# reported.
_MOST = 10


def counts(source, videos) -> dict:
    """How many of some videos each class has: dict from the name of a class to
    int, in the order of the classes; empty where a video may have several.

    Args:
        source: `Source`.
        videos: sequence of int.
    """
    labels = [source.labels[video] for video in videos]
    if not all(isinstance(label, (int, np.integer)) for label in labels):
        return {}
    found = collections.Counter(labels)
    return {name: found[label] for label, name in enumerate(source.classes)}


def remarks(counts, unit, remedy) -> tuple:
    """A line for people if one class has over 10 times as many videos as
    another, none otherwise.

    Args:
        counts: dict from the name of a class to its number of videos. Classes
            without any videos are reported elsewhere.
        unit: str. What is counted, such as `"videos to train on"`.
        remedy: str. What helps, as a sentence.

    Returns:
        Tuple of str.
    """
    there = {name: number for name, number in counts.items() if number > 0}
    if not there:
        return ()
    most, least = (
        max(there, key=there.__getitem__),
        min(there, key=there.__getitem__),
    )
    if there[most] <= _MOST * there[least]:
        return ()
    return (
        f"Of class {most!r} there are {there[most]} {unit}, of {least!r} "
        f"{there[least]}: the rare class will be recognized less often. "
        f"{remedy}",
    )
