"""The classes and the parts of a split, read from the folders of a dataset."""

import typing

from keras_vidrec.data.catalogs.parts import part_of
from keras_vidrec.data.catalogs.parts import parts_within
from keras_vidrec.data.catalogs.split import first_of
from keras_vidrec.specs.checks import counted


class Folders(typing.NamedTuple):
    """Clips sorted by their folders.

    Args:
        videos: tuple of str. The clips that are in a class folder.
        names: tuple of str. The class of each of these clips.
        parts: `None`, or tuple of str: the part of each of these clips, one of
            `parts.NAMES`.
        loose: tuple of str. Clips outside of class folders.
        home: str. The folder that contains the folders of classes or parts:
            `""` (the dataset's directory), or a path ending in `/`.
        understood: str. One line about how the folders were understood, `""`
            for class folders directly in the dataset's directory.
    """

    videos: tuple
    names: tuple
    parts: tuple | None
    loose: tuple
    home: str
    understood: str


def sort(clips):
    """Returns the `Folders` of clips: their classes, and their parts if there
    are any, by their paths.

    Each class has a folder, `walk/1.mp4`. Folders of parts may be above them,
    `train/walk/1.mp4` or `videos_train/walk/1.mp4`, or below,
    `walk/train/1.mp4`. Outer folders that are the only one of their level are
    skipped, as in `UCF-101/UCF-101/walk/1.mp4`.

    Args:
        clips: sequence of str. Paths with `/`, relative to the dataset's
            directory.

    Raises:
        ValueError: if folders of parts are next to other folders or contain no
            class folders, or there is only one class.
    """
    inside = [clip for clip in clips if "/" in clip]
    loose = [clip for clip in clips if "/" not in clip]
    home = ""
    while inside:
        tops = {clip.split("/")[0] for clip in inside}
        below = [clip.partition("/")[2] for clip in inside]
        # A folder that contains clips directly is a class folder.
        if len(tops) > 1 or not all("/" in clip for clip in below):
            break
        home += f"{tops.pop()}/"
        inside = below
    tops = sorted({clip.split("/")[0] for clip in inside})
    part_by_top = {top: part_of(top) for top in tops if part_of(top)}
    if not part_by_top and _deep(inside) == inside:
        part_by_top = parts_within(tops)
    called = list(part_by_top)
    if called and called != tops:
        others = [top for top in tops if top not in called]
        raise ValueError(
            "Folders named like parts of a split are mixed with others. "
            "Expected folders of parts (train, val, test) with class "
            "folders in each, or class folders with other names. Received: "
            f"{called} next to {first_of(others)}"
        )
    understood = []
    if home:
        understood.append(f"classes are the folders in {home}")
    level = None
    if called:
        level = 0
        loose += [home + clip for clip in inside if clip.count("/") < 2]
        inside = _deep(inside)
        if not inside:
            raise ValueError(
                "Folders named like parts of a split contain no class "
                f"folders. Expected {called[0]}/<class>/<video>, or a list "
                f"of videos. Received: {first_of(loose)}"
            )
    elif _are_parts_below(_deep(inside)):
        level = 1
        loose += [home + clip for clip in inside if clip.count("/") < 2]
        inside = _deep(inside)
    if level is not None:
        words = sorted({clip.split("/")[level] for clip in inside})
        understood.append(f"folders {', '.join(words)} are the parts")
    steps = [clip.split("/") for clip in inside]
    names = [step[1 if level == 0 else 0] for step in steps]
    if len(set(names)) == 1:
        raise ValueError(
            "All clips are of one class. Expected folders of several "
            f"classes. Received: {names[0]!r} with "
            f"{counted(len(names), 'clip')}"
        )
    parts = None
    if level is not None:
        parts = tuple(
            part_by_top[step[0]] if level == 0 else part_of(step[1])
            for step in steps
        )
    return Folders(
        tuple(home + clip for clip in inside),
        tuple(names),
        parts,
        tuple(loose),
        home,
        "; ".join(understood),
    )


def _deep(clips: list[str]) -> list[str]:
    """The clips whose path has at least two folders."""
    return [clip for clip in clips if clip.count("/") > 1]


def _are_parts_below(clips: list[str]) -> bool:
    """Whether the second folders of all paths are those of several parts."""
    parts = {part_of(clip.split("/")[1]) for clip in clips}
    return None not in parts and len(parts) > 1
