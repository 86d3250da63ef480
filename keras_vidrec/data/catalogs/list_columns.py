"""Finds the roles of the columns of a list, by their names or contents."""

import re
import typing

from keras_vidrec.data.catalogs.parts import is_part_or_none

# The names of columns by role, in lower case, in the order of preference.
_NAMES = {
    "path": (
        "path file_path filepath video_path videopath clip_path relative_path "
        "rel_path file filename file_name video_file video video_name vid_name "
        "clip clip_name name frames_path folder youtube_id ytid video_id "
        "videoid vid id uri"
    ),
    "label": (
        "label class_name classname label_name action_name action class "
        "category activity gesture target template tag label_id class_id "
        "class_index label_idx labels classes actions"
    ),
    "group": "group subject actor person performer participant_id recording",
    "split": "split part subset set partition usage phase",
    "start": (
        "start start_time time_start start_sec start_seconds start_s t_start "
        "begin segment_start start_timestamp"
    ),
    "end": (
        "end end_time time_end end_sec end_seconds end_s t_end stop stop_time "
        "segment_end stop_timestamp"
    ),
    "start_frame": "start_frame frame_start begin_frame first_frame",
    "end_frame": "end_frame frame_end stop_frame",
}
ROLES = {role: tuple(names.split()) for role, names in _NAMES.items()}


class Format(typing.NamedTuple):
    """A dataset whose lists need other rules than the names of their columns.

    Args:
        name: str. Name of the dataset.
        columns: frozenset of str. Lists that have all these columns are in this
            format.
        label: `None`, or str. The column of labels.
        is_cut: bool. Whether the files are cut already, so that the columns of
            start and end are not segments of them.
        may_be_cut: bool. Whether files may be cut already; the duration of each
            file decides.
        brackets: bool. Whether square brackets are removed from labels.
    """

    name: str
    columns: frozenset
    label: str | None = None
    is_cut: bool = False
    may_be_cut: bool = False
    brackets: bool = False


FORMATS = (
    Format(
        "Charades",
        frozenset(("id", "actions", "length")),
        label="actions",
    ),
    Format(
        "Something-Something",
        frozenset(("id", "template")),
        label="template",
        brackets=True,
    ),
    Format(
        "Kinetics",
        frozenset(("youtube_id", "time_start", "time_end")),
        may_be_cut=True,
    ),
    Format(
        "Diving48",
        frozenset(("vid_name", "start_frame", "end_frame")),
        is_cut=True,
    ),
)


class Columns(typing.NamedTuple):
    """The roles of the columns of a table.

    Args:
        places: dict from a role, a key of `ROLES`, to the index of its column.
        header: bool. Whether the first line has the names of columns.
        unused: tuple of str. Names of columns that are ignored.
        format: `None`, or the `Format` of the list.
        found: float. Result of `Finder.count` for the paths of a sample of
            lines: about the number of files that exist.
    """

    places: dict
    header: bool
    unused: tuple
    format: Format | None
    found: float


def named(fields, count_found) -> Columns | None:
    """Finds the columns of a table by the names in its first line.

    Args:
        fields: list of lists of str, the fields of each line.
        count_found: callable that takes a list of paths and returns for how
            many of them there are files: `Finder.count`.

    Returns:
        `Columns`, or `None` if the first line names no column of paths.

    Raises:
        ValueError: if there is a column for the start of segments without one
            for their end, or the other way round.
    """
    keys = [re.sub(r"[^a-z0-9]+", "_", f.lower()).strip("_") for f in fields[0]]
    known = next((f for f in FORMATS if f.columns <= set(keys)), None)
    places = {}
    for role, names in ROLES.items():
        fits = [name for name in names if name in keys]
        if role == "path" and len(fits) > 1:
            # The column whose paths exist most often.
            columns = [
                [
                    row[keys.index(name)]
                    for row in _some(fields[1:])
                    if len(row) > keys.index(name)
                ]
                for name in fits
            ]
            counts = [count_found(column) for column in columns]
            fits = [fits[counts.index(max(counts))]]
        if fits:
            places[role] = keys.index(fits[0])
    if known and known.label:
        places["label"] = keys.index(known.label)
    if "path" not in places or places["path"] == places.get("label"):
        return None
    halves = []
    for pair in (("start", "end"), ("start_frame", "end_frame")):
        found = [role for role in pair if role in places]
        if len(found) == 1:
            halves.append(fields[0][places.pop(found[0])])
    if halves and not {"start", "start_frame"} & set(places):
        # Without an error each row would be the whole file, another clip.
        raise ValueError(
            "The list has a column for the start or for the end of "
            "segments, but not for the other. Expected both `start` and "
            "`end` (which may be empty), or both `start_frame` and "
            "`end_frame`; or another column name if it is neither. "
            f"Received: {', '.join(map(repr, halves))} only"
        )
    if "start" in places:
        places.pop("start_frame", None)
        places.pop("end_frame", None)
    used = set(places.values())
    path = places["path"]
    return Columns(
        places,
        True,
        tuple(
            name
            for i, name in enumerate(fields[0])
            if i not in used and not _counts_lines(fields[1:], i)
        ),
        known,
        count_found(
            [row[path] for row in _some(fields[1:]) if len(row) > path]
        ),
    )


def guessed(fields, count_found) -> Columns | None:
    """Finds the columns of a table without names by their contents.

    Takes the arguments of `named`. Returns `None` if lines have different
    numbers of fields, no column has paths of files, or it is not clear which
    column has the labels."""
    width = len(fields[0])
    if width < 2 or any(len(line) != width for line in fields):
        return None
    sample = _some(fields)
    columns = [[line[i] for line in sample] for i in range(width)]
    counts = [count_found(column) for column in columns]
    if not max(counts):
        return None
    path = counts.index(max(counts))
    if _is_header(columns[path]):
        return None  # a header with unknown names
    places = {"path": path}
    left = [i for i in range(width) if i != path]
    for i in left:
        if "split" not in places and all(map(is_part_or_none, columns[i])):
            places["split"] = i
    left = [i for i in left if i not in places.values()]
    if len(left) > 1:
        left = [i for i in left if not _counts_lines(fields, i)]
    # Of two numbers the first is that of frames; a name is preferred to its
    # number.
    texts = [i for i in left if not all(map(str.isdecimal, columns[i]))]
    if not left or len(left) > 2 or len(texts) > 1:
        return None
    places["label"] = texts[0] if texts else left[-1]
    unused = tuple(
        f"column {i + 1}" for i in range(width) if i not in places.values()
    )
    return Columns(places, False, unused, None, max(counts))


def _some(lines: list) -> list:
    """A sample of about a hundred lines: the first one, and others at equal
    distances."""
    return lines[:: max(len(lines) // 100, 1)]


def _is_header(column: list[str]) -> bool:
    """Whether only the first field of a column is a single word, unlike the
    paths after it."""
    first, *others = (bool(re.fullmatch(r"\w+", text)) for text in column)
    return first and bool(others) and not any(others)


def _counts_lines(lines: list[list[str]], column: int) -> bool:
    """Whether a column has the numbers of the lines, from 0, like an index
    written by pandas."""
    if not lines or any(len(line) <= column for line in lines):
        return False
    return [line[column] for line in lines] == [
        str(number) for number in range(len(lines))
    ]
