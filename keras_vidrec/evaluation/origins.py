"""What the scores of a test were made from."""

import pathlib

import keras

from keras_vidrec.applications.parts import feature_tower
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.applications.parts.head import inference_model
from keras_vidrec.data import leaks
from keras_vidrec.specs import Origin
from keras_vidrec.specs import VideoSet
from keras_vidrec.training import environment
from keras_vidrec.videos import content


def of_network(model: keras.Model) -> Origin:
    """The `Origin` of a network, with the fingerprint of its weights as they
    are now, whatever it says itself."""
    origin = describe(model).origin or Origin()
    return origin.replace(
        kind="network",
        fingerprint=feature_tower.fingerprint(inference_model(model)),
    )


def of_test(
    model: keras.Model,
    source,
    indices,
    *,
    split: int | None = None,
    allow_leak: bool = True,
    what: str = "",
) -> Origin:
    """The `Origin` of the scores that a network gives to videos.

    Args:
        model: keras.Model.
        source: `Source`.
        indices: sequence of int. The videos.
        split: `None`, or int: number of their split.
        allow_leak: bool. Whether videos pass that anything in the origin of
            the network was trained on, with a mark. Defaults to `True`.
        what: str. What an error calls the network. Defaults to its name.

    Returns:
        `Origin`; its fingerprint comes with the scores.

    Raises:
        ValueError: if videos leak, as `leaks.check`.
    """
    network, dataset = of_network(model), source.origin(indices)
    marks = leaks.check(
        network, source, indices, allow=allow_leak, what=what or model.name
    )
    known = leaks.marks(network)
    versions = environment.versions()
    return Origin(
        "scores",
        videos=dataset.videos,
        content=dataset.content,
        split=split,
        parents={"network": network, "dataset": _whole(source) or dataset},
        versions={name: v for name, v in versions.items() if v is not None},
        decoder=dataset.decoder,
        marks=tuple(mark for mark in marks if mark not in known),
    )


def _whole(source):
    """The origin of a dataset if it is stored; if files must be read for it,
    only that of the test videos.
    """
    is_stored = source.kind in ("prepared", "features")
    return source.origin() if is_stored else None


def remarks(model: keras.Model, path) -> tuple:
    """Lines about a single video that a network, or what it was made from, was
    trained on, so that its prediction is not meaningful.

    Args:
        model: keras.Model.
        path: path of the video, as of `storage.as_path`. Its last parts may be
            its name in a dataset; that of the file alone says nothing.

    Raises:
        OSError: if the video cannot be read.
    """
    origin = describe(model).origin
    if origin is None:
        return ()
    parts = pathlib.PurePosixPath(str(path).replace("\\", "/")).parts
    names = ["/".join(parts[start:]) for start in range(len(parts) - 1)]
    for what, videos in (
        ("this video", VideoSet.of([""], [content.fingerprint(path)])),
        ("a video of this name", VideoSet.of(names)),
    ):
        found = origin.leaks(videos)
        if () in found:
            return (f"The network was trained on {what}",)
        if found:
            ways = ", ".join(map(leaks.way, found))
            return (
                (
                    f"A network that it was made from ({ways}) was trained on "
                    f"{what}"
                ),
            )
    return ()
