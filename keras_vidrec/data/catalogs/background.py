"""The class `"background"`: clips of the parts of videos outside segments."""

import collections
import concurrent.futures
import dataclasses
import os
import statistics

import numpy as np

from keras_vidrec.data.catalogs import segments
from keras_vidrec.data.catalogs.catalog import Catalog
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.catalogs.video_tree import some_of
from keras_vidrec.data.prepared import storage
from keras_vidrec.specs.checks import counted
from keras_vidrec.videos.health_cache import HealthCache
from keras_vidrec.videos.video import VideoError

# The name of the class. Predictions make no segments of it.
NAME = "background"
# The least length of a part, as a share of the median length of segments.
_LEAST = 0.5


def add(catalog: Catalog) -> Catalog:
    """Adds the class `"background"`, as the last one, to a catalog: clips of
    the parts of files that no segment covers.

    Each such part is cut into clips of equal length, about the median length of
    segments; parts shorter than half of that are left out. The clips of a file
    have the group of its segments and are in the same part of each split. There
    is no randomness. Every file with segments is read once to find its length;
    the result is cached beside the files.

    Args:
        catalog: `Catalog` of video files; some of its clips are segments.

    Returns:
        `Catalog`: the clips of `catalog`, then those of background. Its
        `problems` say how many were added, and which files have none: those
        that cannot be read, and those whose segments are in several parts of a
        split.

    Raises:
        ValueError: if no clip is a segment, there already is a class of that
            name, or segments cover all files.
    """
    clips = collections.defaultdict(list)
    for index, segment in enumerate(catalog.segments):
        if segment is not None:
            clips[catalog.files[index]].append(index)
    if not clips:
        raise ValueError(
            "Background is made from the parts of files outside segments. "
            "Expected a list with columns start and end. Received: whole "
            "files only"
        )
    if NAME in catalog.classes:
        raise ValueError(
            f"Expected no class {NAME!r} in the list: it is added. "
            f"Received: {some_of(catalog.classes)}"
        )
    unit = next(s[2] for s in catalog.segments if s is not None)
    ends, unread = _ends(catalog, clips, unit)
    covered = {
        file: [_bounds(catalog.segments[i], ends[file]) for i in indices]
        for file, indices in clips.items()
        if file in ends
    }
    lengths = [b - a for spans in covered.values() for a, b in spans if b > a]
    usual = statistics.median(lengths or [float("inf")])
    found, torn = [], []
    for file, spans in covered.items():
        homes = _homes(catalog, clips[file])
        if homes is None:
            torn.append(file)
            continue
        found += [
            (file, span, clips[file][0], homes)
            for rest in _rests(spans, ends[file])
            for span in _pieces(rest, usual, unit)
        ]
    if not found:
        raise ValueError(
            "Expected files that are longer than their segments, for "
            f"background. Received: {some_of([*clips])}, which have no other "
            "parts"
        )
    problems = [
        f"Background: {counted(len(found), 'clip')} from "
        f"{len({f for f, *_ in found})} "
        f"files, of about {usual:g} {unit} each, the median length of segments."
    ]
    if unread:
        problems.append(
            f"Unreadable files, without background: {some_of(unread)}."
        )
    if torn:
        problems.append(
            "Files with segments in several parts of the split, without "
            f"background: {some_of(torn)}."
        )
    return _with(catalog, found, problems)


def _with(catalog, found, problems):
    """Returns a catalog with background clips added.

    `found` has one tuple for each clip: the file, the segment, the index of a
    clip of the same file, and the part in each split as `_homes` returns it.
    """
    number = len(catalog.videos)
    splits = {key: ([], []) for key in catalog.splits}
    validation = {key: [] for key in catalog.validation}
    for place, (*_, homes) in enumerate(found, number):
        for key, part in homes.items():
            into = validation[key] if part == 2 else splits[key][part]
            into.append(place)
    spans = [segment for _, segment, *_ in found]
    files = [file for file, *_ in found]
    label = len(catalog.classes)
    return dataclasses.replace(
        catalog,
        videos=(
            *catalog.videos,
            *(segments.name(file, span) for file, span in zip(files, spans)),
        ),
        labels=(*catalog.labels, *[label] * len(found)),
        groups=(*catalog.groups, *(catalog.groups[i] for *_, i, _ in found)),
        classes=(*catalog.classes, NAME),
        splits={
            key: Split(*(o + tuple(m) for o, m in zip(old, splits[key])))
            for key, old in catalog.splits.items()
        },
        problems=(*catalog.problems, *problems),
        files=(*catalog.files, *files),
        segments=(*catalog.segments, *spans),
        validation={
            key: (*old, *validation[key])
            for key, old in catalog.validation.items()
        },
    )


def _homes(catalog: Catalog, indices) -> dict | None:
    """Returns the part of each split that contains the clips `indices`: a dict
    from the key of the split to 0 (training), 1 (test) or 2 (validation). A
    split that does not use the clips is left out. Returns `None` if the clips
    are in several parts of one split."""
    homes = {}
    for key, split in catalog.splits.items():
        parts = (*split, catalog.validation.get(key, ()))
        own = {
            number
            for number, part in enumerate(map(set, parts))
            if part.intersection(indices)
        }
        if len(own) > 1:
            return None
        homes.update({key: number for number in own})
    return homes


def _ends(catalog, files, unit):
    """Returns a dict with the end of each file in `unit` (`"seconds"` or
    `"frames"`), and a list of the files that are unreadable or have no usable
    time stamps.
    """
    healths = HealthCache(
        catalog.root, find=lambda name: storage.below(catalog.root, name)
    )

    def end(file):
        try:
            health = healths[file]
            if unit == "frames":
                return health.num_frames
            times = healths.times(file)
        except (VideoError, OSError):
            return None
        if times is None:
            return None
        step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
        return round(health.begins + float(times[-1]) + step, 3)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(files, pool.map(end, files)))
    healths.save()
    ends = {file: end for file, end in found.items() if end is not None}
    return ends, [file for file in found if file not in ends]


def _bounds(segment: tuple, end):
    """The start and the end of a segment in a file that ends at `end`."""
    start, stop, _ = segment
    return start, end if stop is None else min(stop, end)


def _rests(spans, end):
    """Yields the `(start, end)` of the parts of a file that `spans` do not
    cover, in the order of time."""
    last = 0
    for start, stop in sorted(spans):
        if start > last:
            yield last, min(start, end)
        last = max(last, stop)
    if end > last:
        yield last, end


def _pieces(rest, usual, unit):
    """Yields segments of equal length, about `usual`, that cover the part
    `rest` of a file; none if it is too short."""
    start, end = rest
    if end - start < _LEAST * usual:
        return
    count = max(round((end - start) / usual), 1)
    step = (end - start) / count
    digits = 0 if unit == "frames" else 3
    cuts = [round(start + i * step, digits) for i in range(count)] + [end]
    # Whole numbers are ints, as from `segments.parse`, so that names are alike.
    cuts = [int(cut) if cut == int(cut) else cut for cut in cuts]
    for first, last in zip(cuts, cuts[1:]):
        if first < last:
            yield first, last, unit
