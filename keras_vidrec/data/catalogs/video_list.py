"""Reads lists of videos in any of the usual formats."""

import pathlib
import re
import typing

from keras_vidrec.data.catalogs import class_names
from keras_vidrec.data.catalogs import label_texts
from keras_vidrec.data.catalogs import list_columns
from keras_vidrec.data.catalogs import list_table
from keras_vidrec.data.catalogs import segments
from keras_vidrec.data.catalogs.listed_files import Finder
from keras_vidrec.data.catalogs.parts import is_part_or_none
from keras_vidrec.data.catalogs.parts import part_of
from keras_vidrec.data.catalogs.split import refuse_any
from keras_vidrec.data.catalogs.video_tree import some_of
from keras_vidrec.data.prepared import storage

_EXPECTED = (
    "columns path and label and, if wanted, group, split, start and end (or "
    "start_frame and end_frame), named in the first line; or, without names, "
    "lines `path,label` or `path label` whose files exist"
)


class _NoLabels(ValueError):
    """A list has paths of clips, but no labels."""


class Row(typing.NamedTuple):
    """A line of a list.

    Args:
        path: str. The path as it is written in the list.
        label: str. The content of the column of labels.
        group: str. Empty if there is none.
        part: `None` (in no part), or one of `parts.NAMES`.
        segment: `None` or tuple, as `segments.parse` returns it.
        file: `None` (not found), or str: path of the file below the directory
            of the clips.
        place: str. Name of the list and number of the line, for messages.
    """

    path: str
    label: str
    group: str
    part: str | None
    segment: tuple | None
    file: str | None
    place: str


class Listed(typing.NamedTuple):
    """The content of one or several lists.

    Args:
        videos, files, segments, groups: tuples. The name, the file, the segment
            and the group of each clip, in the order of the lists.
        labels: tuple. The label of each clip, see `label_sets`.
        parts: tuple. The part of each clip, one of `parts.NAMES` or `None`.
        classes: tuple of str. Class names by class index.
        has_parts: bool. Whether any clip is in a part.
        understood: str. One line about how the lists were understood.
        problems: tuple of str. Warnings for the user.
        missing: tuple of str. Listed paths without a file.
    """

    videos: tuple
    files: tuple
    segments: tuple
    labels: tuple
    groups: tuple
    parts: tuple
    classes: tuple
    has_parts: bool
    understood: str
    problems: tuple
    missing: tuple


def read(path, root, clips=None):
    """Reads a list, and the lists of other parts beside it (`val.csv` and
    `test.csv` beside `train.csv`).

    Args:
        path: `pathlib.Path` or `RemotePath` of the list.
        root: `pathlib.Path` or `RemotePath`. Directory of the clips.
        clips: as in `catalog.discover`. Defaults to `None`.

    Returns:
        `Listed`.

    Raises:
        ValueError: if the list cannot be read, a line is invalid, no file of it
            exists, a path leads out of the directory, or a clip is in several
            parts.
    """
    path = storage.as_path(path)
    finder = Finder(root, clips)
    lists = _with_parts(path)
    rows, said = [], []
    for part, file in list(lists.items()):
        try:
            read_rows, form = _read_one(file, part, finder)
        except _NoLabels:
            if file == path:
                raise
            # The labels of a test are often not published.
            said.append(f"{file.name} has no labels and is left out")
            del lists[part]
            continue
        rows += read_rows
        said.append(form)
    name = " and ".join(file.name for file in lists.values())
    labels = label_texts.read(rows)
    there = [row for row in rows if row.file is not None]
    missing = tuple(dict.fromkeys(r.path for r in rows if r.file is None))
    problems = []
    if not there:
        raise ValueError(
            f"All files of {name} are missing. Expected files below "
            f"{str(root)!r}. Received: {some_of(missing)}"
        )
    if missing:
        problems.append(
            f"{len(missing)} of {len({r.path for r in rows})} listed paths "
            f"have no file and are left out: {some_of(missing)}."
        )
    words = re.split("[^a-z]+", path.name.lower())
    called = {part_of(word) for word in words} & {"validation", "test"}
    if called and not any(row.part for row in rows):
        problems.append(
            f"{path.name} is named like a part of a split, but was given "
            "alone, and is split automatically. Pass the training list, or "
            "a list of all parts."
        )
    unique, found, again = {}, {}, []
    for row, names in zip(rows, labels.names):
        if row.file is None:
            continue
        clip = segments.name(row.file, row.segment)
        first = unique.setdefault(clip, row)
        if first.part != row.part:
            raise ValueError(
                "A clip is in two parts of the split. Expected each in one. "
                f"Received: {clip!r} ({first.place}: {first.part}; "
                f"{row.place}: {row.part})"
            )
        known = found.setdefault(clip, {})
        if row is not first and known.keys() >= {*names}:
            again.append(row.path)
        known.update(dict.fromkeys(names))
    if again:
        problems.append(
            f"{len(again)} lines repeat others and are left out: "
            f"{some_of(again)}."
        )
    rows = list(unique.values())
    said += labels.said
    indices, classes = _classes(found, unique, lists, said)
    if labels.several or any(len(names) > 1 for names in found.values()):
        counts = [len(names) for names in found.values()]
        none = f", {counts.count(0)} none" if 0 in counts else ""
        said.append(
            f"several labels per clip: {sum(n > 1 for n in counts)} of "
            f"{len(counts)} clips have more than one{none}"
        )
    else:
        indices = tuple(one for (one,) in indices)
    problems += _check_groups(rows)
    return Listed(
        tuple(unique),
        tuple(row.file for row in rows),
        tuple(row.segment for row in rows),
        indices,
        # Segments of one file are in one group.
        tuple(row.group or row.file for row in rows),
        tuple(row.part for row in rows),
        classes,
        any(row.part for row in rows),
        f"{name}: " + "; ".join(dict.fromkeys(said)),
        tuple(problems),
        missing,
    )


def _classes(found, rows, lists, said):
    """Returns the class indices of each clip, as a tuple of tuples, and the
    class names.

    Args:
        found: dict from the name of each clip to its labels.
        rows: dict from the name of each clip to its `Row`.
        lists: dict from parts to the paths of the lists.
        said: list of str. If a file of class names is found, a message about it
            is appended.
    """
    labels = [label for labels in found.values() for label in labels]
    if not labels:
        raise ValueError(
            "Expected clips with labels. Received: a list without any"
        )
    folders = [
        pathlib.PurePosixPath(rows[clip].file).parent.name
        for clip, labels in found.items()
        for _ in labels
    ]
    beside, names = class_names.find(lists[next(iter(lists))], labels)
    indices, classes = class_names.number(labels, names, folders)
    if beside is not None:
        said.append(f"class names of {beside.name}")
    rest = iter(indices)
    sets = [{next(rest) for _ in labels} for labels in found.values()]
    return tuple(tuple(sorted(one)) for one in sets), classes


def _check_groups(rows):
    """Raises a `ValueError` if a group is in several parts. Returns messages
    about files with segments in several parts."""
    groups, files = {}, {}
    for row in rows:
        if row.part is not None:
            files.setdefault(row.file, set()).add(row.part)
            if row.group:
                groups.setdefault(row.group, set()).add(row.part)
    refuse_any(
        sorted(group for group, parts in groups.items() if len(parts) > 1),
        "The list shares a group between its parts",
        "each group in one part",
    )
    shared = sorted(file for file, parts in files.items() if len(parts) > 1)
    if not shared:
        return []
    return [f"Files with segments in several parts: {some_of(shared)}."]


def _with_parts(path):
    """Returns a dict from parts to paths: the list, and the lists beside it
    whose names differ only in the part. The key is `None` for a list alone."""
    if isinstance(path, storage.RemotePath):
        return {None: path}  # directories of object stores are not searched
    words = re.split(r"([a-z]+)", path.name.lower())
    places = [i for i, word in enumerate(words) if part_of(word) == "train"]
    lists = {"train" if places else None: path}
    if len(places) == 1 and path.parent.is_dir():
        for beside in sorted(path.parent.iterdir()):
            others = re.split(r"([a-z]+)", beside.name.lower())
            if len(others) != len(words) or not beside.is_file():
                continue
            part = part_of(others[places[0]])
            others[places[0]] = words[places[0]]
            if part not in (None, "train") and others == words:
                lists.setdefault(part, beside)
    if len(lists) == 1:
        return {None: path}
    return lists


def _read_one(path, part, finder: Finder) -> tuple[list[Row], str]:
    """Returns the `Row`s of a list, and a text about how it was understood."""
    table, columns = _understand(path, finder)
    lines, numbers = table.fields, table.numbers
    if columns.header:
        lines, numbers = lines[1:], numbers[1:]
    if not lines:
        raise ValueError(
            f"{path.name} lists no videos. Expected a line for each video "
            "below the header. Received: the header only"
        )
    width = len(table.fields[0])
    places = columns.places
    if "label" not in places:
        raise _NoLabels(
            f"{path.name} has no labels. Expected {_EXPECTED}. Received: "
            f"columns {', '.join(table.fields[0])}"
        )
    shown = dict(zip(numbers, map(",".join, lines)))
    # If clips have several labels, an empty field means none of the classes.
    may_have_none = any(
        label_texts.SEPARATOR.search(line[places["label"]])
        for line in lines
        if len(line) == width
    )
    refuse_any(
        [
            f"line {number}: {shown[number]}"
            for number, line in zip(numbers, lines)
            if len(line) != width
            or not line[places["path"]]
            or "\0" in line[places["path"]]
            or not (may_have_none or line[places["label"]])
            or not (
                "split" not in places or is_part_or_none(line[places["split"]])
            )
        ],
        f"Invalid line in {path.name}",
        f"{width} fields, path and label not empty, and a split of train, "
        "val, test or none",
    )
    rows = []
    for number, line in zip(numbers, lines):
        values = {role: line[i] for role, i in places.items()}
        rows.append(
            _row(
                values,
                columns.format,
                part,
                finder,
                f"{path.name}, line {number}",
            )
        )
    return rows, _describe(table, columns, rows)


def _understand(path, finder):
    """Returns the `Table` and the `Columns` of a list.

    Raises:
        ValueError: if they cannot be found.
    """
    text = list_table.read_text(path)
    found = list_table.tables(text)
    for table in found:
        columns = list_columns.named(table.fields, finder.count)
        if columns is not None and (table.is_sure or "label" in columns.places):
            return table, columns
    best = None
    for table in found:
        columns = list_columns.guessed(table.fields, finder.count)
        # The first of equally good tables has fewer blanks in names.
        if columns and (best is None or columns.found > best[1].found):
            best = table, columns
    if best is not None:
        return best
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines and not any(re.search(r"[\s,;]", line) for line in lines):
        raise _NoLabels(
            f"{path.name} has no labels. Expected {_EXPECTED}. Received: "
            f"{lines[0]!r}"
        )
    raise ValueError(
        f"Cannot make out the columns of {path.name}. Expected {_EXPECTED}. "
        f"Received: {lines[0] if lines else ''!r}"
    )


def _row(
    values: dict[str, str], form, part: str | None, finder: Finder, place: str
) -> Row:
    """Returns the `Row` of a line, given its fields by role, the `Format` and
    the part of the list (or `None`), and the place of the line for messages."""
    path, label = values["path"], values["label"]
    if form and form.brackets:
        label = label.replace("[", "").replace("]", "")
    if "split" in values:
        part = part_of(values["split"])
    try:
        segment = _segment(values, form)
    except segments.SegmentError as error:
        raise ValueError(f"Invalid segment in {place}. {error}") from None
    file = None
    if segment and segment[2] == "seconds" and segment[1] is not None:
        file = finder.find_cut(path, segment)
    if file is not None:
        segment = None
    else:
        file = finder.find(path)
        if (
            form
            and form.may_be_cut
            and segment
            and file is not None
            and finder.is_as_short(file, segment)
        ):
            segment = None
    return Row(path, label, values.get("group", ""), part, segment, file, place)


def _segment(values, form):
    """The segment of a line, as `segments.parse` returns it."""
    if form and form.is_cut:
        return None
    for unit, suffix in zip(segments.UNITS, ("", "_frame")):
        if f"start{suffix}" in values:
            return segments.parse(
                values[f"start{suffix}"], values[f"end{suffix}"], unit
            )
    return None


def _describe(table, columns, rows) -> str:
    """One line for the user about how a list was understood."""
    said = [table.form]
    if columns.format:
        said.insert(0, f"in the format of {columns.format.name}")
    roles = sorted(columns.places, key=columns.places.get)
    if columns.header and not table.is_sure:
        names = table.fields[0]
        used = [
            role if names[i].lower() == role else f"{role} is {names[i]!r}"
            for role, i in ((r, columns.places[r]) for r in roles)
        ]
        said.append(f"columns {', '.join(used)}")
    elif not table.is_sure:
        said.append(f"no header, columns {', '.join(roles)}")
    if columns.unused:
        said.append(f"not used: {', '.join(map(repr, columns.unused))}")
    if any(row.segment for row in rows):
        unit = next(row.segment[2] for row in rows if row.segment)
        said.append(f"segments in {unit}")
    said.append(f"{len(rows)} lines")
    return ", ".join(said)
