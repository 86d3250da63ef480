"""Classes and parts as the folders of a dataset say them."""

import typing

from keras_vidrec.data.catalogs.parts import part_of
from keras_vidrec.data.catalogs.parts import parts_within
from keras_vidrec.data.catalogs.split import first_of
from keras_vidrec.specs.checks import counted


class Folders(typing.NamedTuple):
    """Clips sorted by their folders.

    Args:
        videos: tuple of str. The clips that are in a folder of a class.
        names: tuple of str. The class of each.
        parts: `None`, or tuple of str: the part of each, of `parts.NAMES`.
        loose: tuple of str. Clips outside such folders.
        home: str. The folder of the folders, `""` or ending in `/`.
        understood: str. What is not plain about it, in one line.
    """

    videos: tuple
    names: tuple
    parts: tuple
    loose: tuple
    home: str
    understood: str


def sort(clips):
    """`Folders` of the names of clips: a folder a class, `walk/1.mp4`; folders
    of parts above them, `train/walk/1.mp4` or `videos_train/walk/1.mp4`, or
    below, `walk/train/1.mp4`. An only folder in the way,
    `UCF-101/UCF-101/walk/1.mp4`, is seen through.

    Raises:
        ValueError: if folders of parts are next to others, hold no classes, or
            there is one class only.
    """
    inside = [clip for clip in clips if "/" in clip]
    loose = [clip for clip in clips if "/" not in clip]
    home = ""
    while inside:
        tops = {clip.split("/")[0] for clip in inside}
        below = [clip.partition("/")[2] for clip in inside]
        # The folder of the clips themselves is that of a class.
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


def _deep(clips):
    """Those that are in a folder of a folder."""
    return [clip for clip in clips if clip.count("/") > 1]


def _are_parts_below(clips):
    parts = {part_of(clip.split("/")[1]) for clip in clips}
    return None not in parts and len(parts) > 1
