"""Tests a network on the segments of long videos."""

import collections.abc
import contextlib
import logging
import pathlib
import typing

import keras
import tqdm

from keras_vidrec.data.catalogs import video_list
from keras_vidrec.data.catalogs.catalog import Catalog
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.catalogs.video_tree import some_of
from keras_vidrec.data.failures import Failures
from keras_vidrec.data.prepared import storage
from keras_vidrec.data.preparing import parts
from keras_vidrec.data.sources.video_files import VideoFiles
from keras_vidrec.evaluation import origins
from keras_vidrec.evaluation import segments
from keras_vidrec.evaluation import spread
from keras_vidrec.evaluation.journal import Journal
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.evaluation.scores import localization
from keras_vidrec.specs import Origin
from keras_vidrec.specs import checks
from keras_vidrec.videos.video import VideoError

logger = logging.getLogger("keras_vidrec")


class Localized(typing.NamedTuple):
    """The result of a test on segments.

    Attributes:
        figures: `localization.Localization`.
        found: dict from the name of each video that was read to a tuple of
            `segments.Segment`.
        origin: `Origin` of the figures, with their marks.
        num_segments: int. Number of true segments in these videos.
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
    journal=None,
    runner: parts.Runner | None = None,
    verbose: bool = True,
) -> Localized:
    """Tests how well a network finds the times of actions: its windows are
    merged into segments, which are compared with those of a list.

    Args:
        model: keras.Model of this package.
        truth: path of a list of segments: columns path, label, start and end
            in seconds, or another form of `catalog.from_list`. If it has a
            column split, the rows of the test part are used.
        root: `None` (the directory of the list), or path of the directory of
            the videos. Defaults to `None`.
        protocol: as for `Predictor`. Defaults to `None`.
        window: float. Length of a window in seconds. Defaults to `2.0`.
        stride: float. Seconds from window to window. Defaults to `1.0`.
        merging: as `how` of `segments.merge`. Defaults to `None`.
        allow_leak: bool. Whether to allow videos that the network was trained
            on. The figures are marked then. Defaults to `False`.
        what: str. Name of the network in errors. Defaults to `""`: the name of
            the model.
        journal: `None`, or path of a file in which finished results are
            recorded, so that a killed test can be resumed. The caller deletes
            it after saving the result. Defaults to `None`.
        runner: `None` (this process), or `data.preparing.parts.Runner`, whose
            workers classify the windows. It needs a `journal` in a directory
            that all machines share. Defaults to `None`.
        verbose: bool. Whether to show a progress bar on a terminal. Defaults
            to `True`.

    Returns:
        `Localized`. Classes that the network does not have, and videos that
        cannot be read, are listed and left out.

    Raises:
        ValueError: as for `Merging.check`; or if there is a `runner` but no
            `journal`, the list cannot be read, a row has no start and end in
            seconds, the network has none of the classes, videos leak, or
            another process runs this test.
        TooManyFailures: if over 5 % of the videos cannot be read.
    """
    checks.check(
        runner is None or journal is not None,
        "journal",
        "the path of a file in a directory that the workers of `runner` share",
        journal,
    )
    predictor = Predictor(model, protocol)
    merging = merging or segments.Merging()
    merging.check(predictor.classes)
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
    settings = {
        "network": origin.parents["network"].fingerprint,
        "classes": predictor.classes,
        "test": predictor.test.to_dict(),
        "window": window,
        "stride": stride,
        "merging": merging.to_dict(),
        "videos": [origin.videos, origin.content],
    }
    failures = Failures(len(wanted))
    job = _Localizing(catalog.root, predictor.test, window, stride, merging)
    with contextlib.ExitStack() as stack:
        kept = None
        if journal is not None:
            kept = stack.enter_context(Journal(journal, settings))
        rows = kept.rows if kept else {}
        bar = stack.enter_context(
            tqdm.tqdm(
                desc="test",
                total=len(wanted),
                initial=len(rows),
                unit="video",
                disable=None if verbose else True,  # None: on a terminal
            )
        )

        def take(video, row, _arrays):
            if "unread" in row:
                failures.add(video, row["unread"])
            elif kept:
                kept.add(video, row)
            else:
                rows[video] = row
            bar.update()

        left = [video for video in wanted if video not in rows]
        if journal is not None:
            journal = pathlib.Path(journal)
            state = journal.with_name(f"{journal.stem}.parts")
            spread.clear(state)
        if runner is None:
            job.predict_with(predictor)
            for done in job.each(left):
                take(*done)
        else:
            spread.spread(runner, state, {"network": model}, job, left, take)
    found = {
        video: tuple(map(segments.Segment.from_dict, rows[video]["segments"]))
        for video in wanted
        if video in rows
    }
    wanted = {video: wanted[video] for video in found}
    figures = localization.localization(wanted, found)
    return Localized(figures, found, origin, sum(map(len, wanted.values())))


def read(truth, root=None) -> Catalog:
    """Reads a list of segments. Returns a `Catalog` with all of them in the
    test part.

    Args:
        truth: as for `localize`.
        root: as for `localize`. Defaults to `None`.

    Raises:
        ValueError: if the list cannot be read, or a row has no start and end in
            seconds.
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


def _truth(catalog: Catalog) -> dict:
    """The true segments as a dict of lists by file."""
    truth: dict[str, list[segments.Segment]] = {}
    rows = zip(catalog.files, catalog.segments, catalog.labels)
    for file, (start, end, _), label in rows:
        name = catalog.classes[label]
        truth.setdefault(file, []).append(
            segments.Segment(name, float(start), float(end), 1.0)
        )
    return truth


def _known(
    truth: dict, classes: collections.abc.Sequence[str], background: str
) -> dict:
    """The true segments without those of classes that the network does not
    have. Videos without other segments are kept: any segment found in them is a
    false alarm."""
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


class _Localizing(spread.Job):
    """The job of finding segments, in this process or by workers."""

    def __init__(self, root, test, window, stride, merging):
        self._root = root
        self._test = test
        self._window = window
        self._stride = stride
        self._merging = merging

    def open(self, models):
        """See `Job`."""
        (model,) = models.values()
        self.predict_with(Predictor(model, self._test))

    def predict_with(self, predictor):
        """As `open`, with an existing `Predictor`."""
        self._predictor = predictor

    def each(self, videos):
        """See `Job`. A row with `unread` has the reason why a video cannot be
        read."""
        for video in videos:
            try:
                found = self._segments(video)
            except (VideoError, OSError) as error:
                yield video, {"unread": str(error)}, {}
            else:
                yield video, {"segments": [s.to_dict() for s in found]}, {}

    def _segments(self, video):
        predictor = self._predictor
        path = storage.below(self._root, video)
        with storage.opened(path) as file:
            stream = predictor.stream(file)
            windows = [*predictor.windows(stream, self._window, self._stride)]
        return segments.merge(windows, predictor.classes, self._merging)
