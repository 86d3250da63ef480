"""Finds classes that have many more videos than others."""

import collections

from keras_vidrec.data.catalogs import label_sets

# The ratio between the numbers of videos of two classes above which there is a
# warning.
_MOST = 10


def counts(source, videos) -> dict:
    """Counts the videos of each class.

    Args:
        source: `Source` or `Catalog`.
        videos: sequence of int. Indices of the videos that are counted.

    Returns:
        dict from the name of each class to int, in the order of the classes. A
        video of several classes is counted in each of them.
    """
    found = collections.Counter(
        label
        for video in videos
        for label in label_sets.as_set(source.labels[video])
    )
    return {name: found[label] for label, name in enumerate(source.classes)}


def remedy(several: bool) -> str:
    """Returns a sentence about settings that help rare classes.

    Args:
        several: bool. Whether videos may have several classes.
    """
    if several:
        return (
            "Training with loss.kind=focal gives the labels that are hard to "
            "recognize more weight."
        )
    return (
        "Training with data.sampling=balanced (or sqrt), or "
        "loss.class_weights=auto, gives rare classes more weight."
    )


def remarks(counts, unit, remedy) -> tuple:
    """Returns a warning if one class has over 10 times as many videos as
    another.

    Args:
        counts: dict from the name of a class to its number of videos. Classes
            without videos are ignored, because there are other messages about
            them.
        unit: str. What is counted, such as `"videos to train on"`.
        remedy: str. A sentence about what the user can do.

    Returns:
        Tuple of one str, or `()`.
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
        f"Class {most!r} has {there[most]} {unit}, class {least!r} "
        f"{there[least]}: the rare class will be recognized less often. "
        f"{remedy}",
    )
