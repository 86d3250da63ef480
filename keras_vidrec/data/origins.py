"""What datasets say of where they come from."""

import cv2

from keras_vidrec.specs import Origin
from keras_vidrec.specs import fingerprint
from keras_vidrec.version import __version__
from keras_vidrec.videos import decoder


def of(
    kind, names, labels, classes, contents, settings=None, **fields
) -> Origin:
    """The `Origin` of videos.

    Args:
        kind: `None`, or str: what they lie in, as of `Origin`.
        names: sequence of str. The name of each video, in any order.
        labels: sequence of int. The class of each, -1 if unknown.
        classes: sequence of str. The names of the classes.
        contents: sequence of str or `None`, as `Source.contents` has them.
        settings: `None`, or plain data: how what is stored of them was made.
            Defaults to `None`.
        **fields: others of `Origin`.
    """
    shown = [None if label < 0 else classes[label] for label in labels]
    rows = sorted(zip(names, shown, contents), key=lambda row: row[0])
    known = any(content is not None for _, _, content in rows)
    return Origin(
        kind,
        fingerprint=fingerprint([rows, settings]),
        videos=fingerprint([row[:2] for row in rows]),
        content=fingerprint([row[2] for row in rows]) if known else None,
        **fields,
    )


def decoded() -> dict:
    """The fields of the `Origin` of what is decoded here and now: `versions`
    and `decoder`."""
    return {
        "versions": {"keras_vidrec": __version__, "opencv": cv2.__version__},
        "decoder": decoder.version(),
    }
