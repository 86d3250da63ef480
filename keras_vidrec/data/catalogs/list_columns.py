"""What the columns of a list say: by their names, or by what is in them."""

import re
import typing

from keras_vidrec.data.catalogs.parts import is_part_or_none

# The names of columns by what they say, in lower case, the better ones first.
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
    """A dataset whose lists are to be read otherwise than their columns say.

    Args:
        name: str.
        columns: frozenset of str. All of them are there.
        label: str or `None`. The column of labels.
        is_cut: bool. Whether the files are cut already: the columns of start
            and end are no segments of them.
        may_be_cut: bool. Whether they may be: then the duration decides.
        brackets: bool. Whether labels have square brackets to be taken off.
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
    """Where things are in the lines of a table.

    Args:
        places: dict from a role to the number of a column.
        header: bool. Whether the first line is one.
        unused: tuple of str. Names of columns that are not looked at.
        format: `None`, or `Format`.
        found: float. How many files of some lines there are.
    """

    places: dict
    header: bool
    unused: tuple
    format: Format | None
    found: int


def named(fields, count_found):
    """`Columns` of a table whose first line names them, or `None`.

    Args:
        fields: list of list of str, the lines.
        count_found: callable that takes texts and says for how many of them
            there are files, see `Finder.count`.
    """
    keys = [re.sub(r"[^a-z0-9]+", "_", f.lower()).strip("_") for f in fields[0]]
    known = next((f for f in FORMATS if f.columns <= set(keys)), None)
    places = {}
    for role, names in ROLES.items():
        fits = [name for name in names if name in keys]
        if role == "path" and len(fits) > 1:
            # The one that leads to files.
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
        # The whole file instead of a part of it would be another clip.
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


def guessed(fields, count_found):
    """`Columns` of a table without names, or `None` if it is none: lines of
    different lengths, or no column leads to files."""
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
        return None  # of unknown names
    places = {"path": path}
    left = [i for i in range(width) if i != path]
    for i in left:
        if "split" not in places and all(map(is_part_or_none, columns[i])):
            places["split"] = i
    left = [i for i in left if i not in places.values()]
    if len(left) > 1:
        left = [i for i in left if not _counts_lines(fields, i)]
    # The number of frames stands before the label, a name beside its number.
    texts = [i for i in left if not all(map(str.isdecimal, columns[i]))]
    if not left or len(left) > 2 or len(texts) > 1:
        return None
    places["label"] = texts[0] if texts else left[-1]
    unused = tuple(
        f"column {i + 1}" for i in range(width) if i not in places.values()
    )
    return Columns(places, False, unused, None, max(counts))


def _some(lines):
    """A hundred lines or so, the first one and others from all over."""
    return lines[:: max(len(lines) // 100, 1)]


def _is_header(column):
    """Whether the first of some paths is a word, and all others are none."""
    first, *others = (bool(re.fullmatch(r"\w+", text)) for text in column)
    return first and bool(others) and not any(others)


def _counts_lines(lines, column):
    """Whether a column is the number of the line, from 0, as pandas adds."""
    if not lines or any(len(line) <= column for line in lines):
        return False
    return [line[column] for line in lines] == [
        str(number) for number in range(len(lines))
    ]
