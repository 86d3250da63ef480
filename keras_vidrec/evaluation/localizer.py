"""Testing a network on the segments of long videos."""

import contextlib
import logging
import typing

import keras
import tqdm

from keras_vidrec.data.catalogs import video_list
from keras_vidrec.data.catalogs.catalog import Catalog
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.catalogs.video_tree import some_of
from keras_vidrec.data.failures import Failures
from keras_vidrec.data.prepared import storage
from keras_vidrec.data.sources.video_files import VideoFiles
from keras_vidrec.evaluation import origins
from keras_vidrec.evaluation import segments
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.evaluation.scores import localization
from keras_vidrec.specs import Origin
from keras_vidrec.specs import checks
from keras_vidrec.videos.video import VideoError

logger = logging.getLogger("keras_vidrec")


class Localized(typing.NamedTuple):
    """What a test on segments found.

    Args:
        figures: `localization.Localization`.
        found: dict from the name of each video that was read to a tuple of
            `segments.Segment`.
        origin: `Origin` of the figures, with their marks.
        num_segments: int. True segments that were looked for.
    """

    figures: localization.Localization
    found: dict
    origin: Origin
    num_segments: int


def localize(
    model: keras.Model,
    truth,
    root=None,
    *,
    protocol=None,
    window: float = 2.0,
    stride: float = 1.0,
    merging: segments.Merging | None = None,
    allow_leak: bool = False,
    what: str = "",
    verbose: bool = True,
) -> Localized:
    """Tests how well a network finds when something happens: its windows are
    merged into segments, which are compared with those of a list.

    Args:
        model: keras.Model of this package.
        truth: path of a list of segments: columns path, label, start and end
            in seconds, or another form of `catalog.from_list`. With a column
            split the rows of the test part.
        root: `None` (the directory of the list), or path of the directory of
            the videos.
        protocol: how a window is shown, as of `Predictor`. Defaults to `None`.
        window: float. Seconds. Defaults to `2.0`.
        stride: float. Seconds from window to window. Defaults to `1.0`.
        merging: as `how` of `segments.merge`. Defaults to `None`.
        allow_leak: bool. Whether videos pass that the network was trained on;
            the figures are marked. Defaults to `False`.
        what: str. What an error calls the network. Defaults to its name.
        verbose: bool. Whether to show a progress bar on a terminal. Defaults
            to `True`.

    Returns:
        `Localized`. Classes that the network does not have, and videos that
        cannot be read, are listed and left out.

    Raises:
        ValueError: if the list cannot be read, a row has no start and end in
            seconds, the network has none of the classes, or videos leak.
        TooManyFailures: if over 5 % of the videos cannot be read.
    """
    predictor = Predictor(model, protocol)
    merging = merging or segments.Merging()
    catalog = read(truth, root)
    wanted = _known(_truth(catalog), predictor.classes, merging.background)
    source = VideoFiles(catalog)
    try:
        origin = origins.of_test(
            model,
            source,
            range(len(catalog.videos)),
            allow_leak=allow_leak,
            what=what,
        )
    finally:
        source.save()
    failures = Failures(len(wanted))
    found = {}
    for video in tqdm.tqdm(
        wanted, "test", unit="video", disable=None if verbose else True
    ):
        with _noting(failures, video):
            path = storage.below(catalog.root, video)
            with storage.opened(path) as file:
                windows = [
                    *predictor.windows(predictor.stream(file), window, stride)
                ]
            found[video] = segments.merge(windows, predictor.classes, merging)
    wanted = {video: wanted[video] for video in found}
    figures = localization.localization(wanted, found)
    return Localized(figures, found, origin, sum(map(len, wanted.values())))


def read(truth, root=None) -> Catalog:
    """The `Catalog` of a list of segments, all in the test part.

    Args:
        truth: as of `localize`; so is `root`.

    Raises:
        ValueError: as `localize`.
    """
    truth = storage.as_path(truth)
    root = storage.as_path(truth.parent if root is None else root)
    with checks.about(truth):
        listed = video_list.read(truth, root)
        chosen = [
            i
            for i, part in enumerate(listed.parts)
            if not listed.has_parts or part == "test"
        ]
        if not chosen:
            raise ValueError(
                "Expected rows of the test part. Received: a column split "
                "without any"
            )
        for i in chosen:
            segment = listed.segments[i]
            if segment is None or None in segment or segment[2] != "seconds":
                raise ValueError(
                    "Expected a start and an end in seconds of each row. "
                    f"Received: {listed.videos[i]!r} with segment {segment}"
                )
    for problem in listed.problems:
        logger.warning("%s", problem)
    everything = Split((), tuple(range(len(chosen))))
    return Catalog(
        root,
        tuple(listed.videos[i] for i in chosen),
        tuple(listed.labels[i] for i in chosen),
        tuple(listed.groups[i] for i in chosen),
        listed.classes,
        {1: everything},
        listed.problems,
        files=tuple(listed.files[i] for i in chosen),
        segments=tuple(listed.segments[i] for i in chosen),
    )


def _truth(catalog):
    """Segments by file."""
    truth = {}
    rows = zip(catalog.files, catalog.segments, catalog.labels)
    for file, (start, end, _), label in rows:
        name = catalog.classes[label]
        truth.setdefault(file, []).append(
            segments.Segment(name, float(start), float(end), 1.0)
        )
    return truth


def _known(truth, classes, background):
    """The segments of classes of the network; videos without such
    stay: what is found there is a false alarm."""
    names = {s.name for some in truth.values() for s in some} - {background}
    unknown = sorted(names.difference(classes))
    if names and names <= {*unknown}:
        raise ValueError(
            "Expected segments of classes of the network, such as "
            f"{some_of(classes)}. Received: {some_of(unknown)}"
        )
    if unknown:
        logger.warning(
            "Classes that the network does not have are left out: %s.",
            some_of(unknown),
        )
    left_out = {*unknown, background}
    return {
        video: [s for s in some if s.name not in left_out]
        for video, some in truth.items()
    }


@contextlib.contextmanager
def _noting(failures, video):
    try:
        yield
    except (VideoError, OSError) as error:
        failures.add(video, error)
