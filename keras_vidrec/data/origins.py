"""What datasets say of where they come from."""

import cv2

from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.specs import Origin
from keras_vidrec.specs import fingerprint
from keras_vidrec.version import __version__
from keras_vidrec.videos import decoder


def of(
    kind, names, labels, classes, contents, settings=None, **fields
) -> Origin:
    """The `Origin` of videos.

    Args:
        kind: `None`, or str: what they are in, as of `Origin`.
        names: sequence of str. The name of each video, in any order.
        labels: sequence of int, the class of each, -1 if unknown; or of
            tuples of int (`label_sets`).
        classes: sequence of str. The names of the classes.
        contents: sequence of str or `None`, as `Source.contents` has them.
        settings: `None`, or plain data: how what is stored of them was made.
            Defaults to `None`.
        **fields: others of `Origin`.
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
    if label_sets.are_sets((label,)):
        return list(label_sets.names(label, classes))
    return None if label < 0 else classes[label]


def made_here() -> dict:
    """The field of the `Origin` of what is made here and now: `versions`."""
    versions = {"keras_vidrec": __version__, "opencv": cv2.__version__}
    return {"versions": versions}


def decoded() -> dict:
    """The fields of the `Origin` of what is decoded here and now, too:
    `versions` and `decoder`."""
    return {**made_here(), "decoder": decoder.version()}
