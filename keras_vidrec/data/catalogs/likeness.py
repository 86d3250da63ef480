"""Finds videos that are identical or look like cuts of one recording, so that
an automatic split keeps them in the same part."""

import collections
import concurrent.futures
import contextlib
import hashlib
import json
import os
import re
import typing

import av
import cv2
import numpy as np
import tqdm

from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.data.catalogs.video_tree import some_of
from keras_vidrec.specs import documents
from keras_vidrec.specs import files
from keras_vidrec.videos import opening

_CACHE = ".vidrec-looks.json"
# Positions of the compared frames, as shares of a video's duration.
_SHARES = (0.1, 0.5, 0.9)
# The largest number of different bits, of 3 * 64, in videos that look alike. It
# was tested on 324 real clips, of which 180 were cut from a few recordings of
# the same place: all pairs with at most 10 different bits were of one
# recording; with 12, two pairs were not.
_MOST_DIFFERENT = 10
# The least standard deviation of 9 x 8 gray values. Frames with less are nearly
# uniform, such as black ones, and all look alike.
_LEAST_CONTRAST = 8
# How many videos are compared with all others at once.
_BLOCK = 256


class Joined(typing.NamedTuple):
    """Groups after those of clips that look alike were joined.

    Args:
        groups: tuple of str. The group of each clip.
        alike: tuple of tuples of str. Sets of files that are identical or look
            alike, and were in different groups before.
        problems: tuple of str. Messages for the user about them.
    """

    groups: tuple
    alike: tuple
    problems: tuple


def join(root, names, groups, labels):
    """Joins the groups of clips whose files are identical or look alike.

    A few frames of each file are decoded, and a fingerprint of them is cached
    beside the files, if the directory is writable. The groups of clips that
    look alike are not joined if one group would then contain all clips of a
    class that had several groups, because that class could not be tested. The
    groups of identical files are always joined.

    Args:
        root: `pathlib.Path`. Directory of the files.
        names: sequence of str. The file of each clip, below `root`.
        groups: sequence of str. The group of each clip.
        labels: sequence. The label of each clip, as in `split.split_groups`.

    Returns:
        `Joined`.
    """
    unique = sorted(set(names))
    group_of = dict(zip(names, groups))
    same = list(_same_content(root, unique))
    similar = list(_similar(unique, _looks(root, unique)))
    by_content = _components((group_of[a], group_of[b]) for a, b in same)
    joined = _components(
        (group_of[a], group_of[b]) for a, b in (*same, *similar)
    )
    too_many = _whole_classes(groups, labels, by_content, joined)
    final = {
        group: by_content.get(group, group) if top in too_many else top
        for group, top in joined.items()
    }
    sets = collections.defaultdict(set)
    for name, group in group_of.items():
        if group in final:
            sets[final[group]].add(name)
    alike = sorted(
        tuple(sorted(found & {x for pair in (*same, *similar) for x in pair}))
        for found in sets.values()
        if len({group_of[name] for name in found}) > 1
    )
    problems = []
    if alike:
        count = sum(map(len, alike))
        problems.append(
            f"{count} videos are identical to others or look like cuts of "
            "one recording, and are kept on the same side of the split: "
            f"{some_of([' = '.join(found) for found in alike])}."
        )
    if too_many:
        problems.append(
            "All clips of a class look like cuts of one recording. The "
            "split separates them anyway, so that the class can be tested: "
            f"{some_of(sorted(too_many))}."
        )
    return Joined(
        tuple(final.get(group, group) for group in groups),
        tuple(alike),
        tuple(problems),
    )


def _same_content(root, names):
    """Yields pairs of files with the same bytes."""
    by_size = collections.defaultdict(list)
    for name in names:
        with contextlib.suppress(OSError):
            by_size[os.path.getsize(root / name)].append(name)
    by_size.pop(0, None)
    for candidates in by_size.values():
        first = {}
        for name in candidates if len(candidates) > 1 else ():
            with contextlib.suppress(OSError), open(root / name, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").digest()
                other = first.setdefault(digest, name)
                if other != name:
                    yield other, name


def _looks(root, names):
    """Returns a dict from each file that exists to its `look`, read from the
    cache if the file has not changed."""
    path = root / _CACHE
    try:
        known = documents.read_json(path)
    except (OSError, ValueError):
        known = {}
    entries, todo = {}, []
    for name in names:
        try:
            status = os.stat(root / name)
        except OSError:
            continue
        key = [status.st_size, status.st_mtime_ns]
        entry = known.get(name) if isinstance(known, dict) else None
        if _is_look(entry) and entry[:2] == key:
            entries[name] = entry
        elif status.st_size:
            todo.append((name, key))
    if todo:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
            looks = threads.map(look, [root / name for name, _ in todo])
            bar = tqdm.tqdm(
                looks,
                total=len(todo),
                unit="video",
                desc="likeness",
                disable=None,
            )
            for (name, key), found in zip(todo, bar):
                entries[name] = [*key, found]
        # The cache only saves time.
        with contextlib.suppress(OSError):
            files.write_text(path, json.dumps(entries))
    return {name: entry[2] for name, entry in entries.items()}


def _is_look(entry):
    """Whether a value of the cache is a valid entry: size, time, `look`."""
    if not (isinstance(entry, list) and len(entry) == 3):
        return False
    pattern = rf"([0-9a-f]{{{16 * len(_SHARES)}}})?"
    return isinstance(entry[2], str) and re.fullmatch(pattern, entry[2])


def look(path) -> str:
    """Computes a fingerprint of what a video looks like: 48 hexadecimal digits.

    Each bit says whether a pixel of one of three small gray frames is brighter
    than its left neighbor. The result is empty if frames cannot be decoded, or
    one has almost no contrast."""
    bits = []
    try:
        with opening.opened(path) as (container, stream):
            for share in _SHARES:
                if container.duration:
                    container.seek(int(share * container.duration))
                frame = next(container.decode(stream))
                gray = frame.reformat(format="gray").to_ndarray()
                small = cv2.resize(gray, (9, 8), interpolation=cv2.INTER_AREA)
                if small.std() < _LEAST_CONTRAST:
                    return ""
                bits.append(small[:, 1:] > small[:, :-1])
    except (ValueError, StopIteration, av.FFmpegError):
        return ""
    return np.packbits(bits).tobytes().hex()


def _similar(names, looks):
    """Yields pairs of names whose fingerprints differ in few bits."""
    names = [name for name in names if looks.get(name)]
    if len(names) < 2:
        return
    table = np.frombuffer(
        bytes.fromhex("".join(looks[name] for name in names)), np.uint64
    ).reshape(len(names), len(_SHARES))
    for start in range(0, len(names), _BLOCK):
        block = table[start : start + _BLOCK]
        different = sum(
            np.bitwise_count(block[:, None, i] ^ table[None, start:, i]).astype(
                np.uint8
            )
            for i in range(len(_SHARES))
        )
        for i, j in zip(*np.nonzero(different <= _MOST_DIFFERENT)):
            if i < j:
                yield names[start + i], names[start + j]


def _components(pairs):
    """Returns a dict from each member of the pairs to the first member, in
    alphabetical order, of the set of members that pairs connect it to."""
    parents = {}

    def top(item):
        while parents.setdefault(item, item) != item:
            parents[item] = parents[parents[item]]
            item = parents[item]
        return item

    for one, other in pairs:
        first, last = sorted((top(one), top(other)))
        parents[last] = first
    return {item: top(item) for item in list(parents)}


def _whole_classes(groups, labels, before, after):
    """The groups after joining that contain all clips of a class which had
    several groups before.

    `before` and `after` are dicts from the original groups to joined ones."""
    old, new = collections.defaultdict(set), collections.defaultdict(set)
    for group, label in zip(groups, labels):
        for one in label_sets.as_set(label):
            old[one].add(before.get(group, group))
            new[one].add(after.get(group, group))
    return {
        group
        for label, found in new.items()
        if len(found) == 1 < len(old[label])
        for group in found
    }
