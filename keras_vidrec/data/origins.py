"""The `Origin` of datasets."""

import cv2

from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.specs import Origin
from keras_vidrec.specs import fingerprint
from keras_vidrec.version import __version__
from keras_vidrec.videos import decoder


def of(
    kind, names, labels, classes, contents, settings=None, **fields
) -> Origin:
    """Makes the `Origin` of some videos.

    Args:
        kind: `None`, or str: the kind of dataset, a kind of `Origin`.
        names: sequence of str. The name of each video, in any order.
        labels: sequence of int, the class of each video, -1 if unknown; or of
            tuples of int (`label_sets`).
        classes: sequence of str. Class names by class index.
        contents: sequence of str or `None`: the content of each video, as in
            `Source.contents`.
        settings: `None`, or data for JSON: how the stored images or features
            were made. Defaults to `None`.
        **fields: other fields of `Origin`.
    """
    shown = [_shown(label, classes) for label in labels]
    rows = sorted(zip(names, shown, contents), key=lambda row: row[0])
    known = any(content is not None for _, _, content in rows)
    return Origin(
        kind,
        fingerprint=fingerprint([rows, settings]),
        videos=fingerprint([row[:2] for row in rows]),
        content=fingerprint([row[2] for row in rows]) if known else None,
        **fields,
    )


def _shown(label, classes):
    """The class names of a label as data for JSON; `None` if unknown."""
    if label_sets.are_sets((label,)):
        return list(label_sets.names(label, classes))
    return None if label < 0 else classes[label]


def made_here() -> dict:
    """Returns the fields for the `Origin` of data made by this process:
    `versions`."""
    versions = {"keras_vidrec": __version__, "opencv": cv2.__version__}
    return {"versions": versions}


def decoded() -> dict:
    """Returns the fields for the `Origin` of data for which this process
    decoded videos: `versions` and `decoder`."""
    return {**made_here(), "decoder": decoder.version()}
