"""The `Origin` of scores, and remarks about leaks."""

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
    """The `Origin` of a network, with the fingerprint of its present weights,
    which may differ from the stored one."""
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
        allow_leak: bool. Whether to allow videos that anything in the origin of
            the network was trained on. They are marked then. Defaults to
            `True`.
        what: str. Name of the network in errors. Defaults to `""`: the name of
            the model.

    Returns:
        `Origin` without a fingerprint, which needs the scores.

    Raises:
        ValueError: if videos leak, as for `leaks.check`.
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
    """The origin of a whole dataset, if it is stored with it. `None` for other
    datasets, for which all files would have to be read.
    """
    is_stored = source.kind in ("prepared", "features")
    return source.origin() if is_stored else None


def remarks(model: keras.Model, path) -> tuple:
    """Returns a remark if a network, or anything it was made from, was trained
    on a video: its prediction is not meaningful then.

    Args:
        model: keras.Model.
        path: path of the video, as for `storage.as_path`. Its content is
            compared, and the ends of the path with the names of videos in
            datasets: at least a directory and the file, as the name of a file
            alone says nothing.

    Returns:
        tuple of str, empty or with one remark.

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
