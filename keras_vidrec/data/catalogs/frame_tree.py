"""The folders of frames below a directory, video by video."""

import collections
import itertools
import os
import re
import typing

from keras_vidrec.data.catalogs import folder_walk
from keras_vidrec.videos.video import VideoError

# Names of the folders that keep the two directions of flow apart.
_FLOW_FOLDERS = (("u", "v"), ("x", "y"), ("flow_x", "flow_y"))
_RGB_FOLDERS = frozenset(
    (
        "frames",
        "images",
        "img",
        "imgs",
        "jpegs",
        "jpegs_256",
        "rawframes",
        "rgb",
    )
)


def find(root):
    """Finds the folders of numbered images below a directory, at any depth.

    Three ways of keeping flow are known: in one folder a video, beside the
    frames; in trees `u/<video>` and `v/<video>`, with the frames in
    `jpegs_256/<video>` beside them (or all three in one folder a video); and
    such trees in a folder of their own beside the frames
    (`tvl1_flow/u/<video>`). Links are followed; hidden files and folders, and
    images in `root` itself, are skipped.

    Args:
        root: path.

    Returns:
        dict from the name of each video, a path with `/`, in alphabetical
        order, to a dict of its folders below `root`: `{"": folder}` if what
        the images are shows in their names, else by `"rgb"`, `"x"`, `"y"`.

    Raises:
        ValueError: if there are several folders of frames for one of flow.
    """
    folders = _image_folders(root)
    trees = _flow_trees(folders)
    videos = {}
    for folder in sorted(folders):
        name, role = _place(folder, trees)
        if name:
            videos.setdefault(name, {})[role] = folder
    for name, roles in videos.items():
        # Frames beside the folders of flow, `<video>/img_*` and `<video>/u`.
        if "" in roles and len(roles) > 1:
            roles["rgb"] = roles.pop("")
    return dict(sorted(videos.items()))


def _image_folders(root):
    found = set()
    for path, entry in folder_walk.walk(root, lambda reason, path: None):
        folder = path.rpartition("/")[0]
        if folder and folder not in found and is_image(entry.name):
            found.add(folder)
    return sorted(found)


def _flow_trees(folders):
    """`{tree: (name of the videos in it, role)}` of the trees of flow and of
    the frames beside them."""
    below = collections.defaultdict(lambda: collections.defaultdict(set))
    for folder in folders:
        parts = folder.split("/")
        for depth, part in enumerate(parts):
            below["/".join(parts[:depth])][part].add(
                "/".join(parts[depth + 1 :])
            )
    trees = {}
    for base, children in below.items():
        for x, y in _FLOW_FOLDERS:
            if not (x in children and children[x] & children.get(y, set())):
                continue
            others = set(children) - {x, y}
            if others - _RGB_FOLDERS:
                continue  # classes that happen to be called u and v
            home, beside = base, others
            parent, _, own = base.rpartition("/")
            siblings = below[parent] if own else {}
            if not others and siblings:
                wider = set(siblings) - {own}
                if wider and wider <= _RGB_FOLDERS:
                    home, beside = parent, wider
            if len(beside) > 1:
                raise ValueError(
                    "Several folders of frames match one folder of flow. "
                    f"Expected one. Received: {sorted(beside)} beside "
                    f"{_join(base, x)!r}"
                )
            trees[_join(base, x)] = (home, "x")
            trees[_join(base, y)] = (home, "y")
            for name in beside:
                trees[_join(home, name)] = (home, "rgb")
    return trees


def _place(folder, trees):
    """Name of the video that a folder belongs to, and its role there."""
    parts = folder.split("/")
    for depth in range(len(parts), 0, -1):
        tree = "/".join(parts[:depth])
        if tree in trees:
            home, role = trees[tree]
            return _join(home, *parts[depth:]), role
    return folder, ""


def _join(*parts):
    return "/".join(part for part in parts if part)


# The last number of a name counts, what stands before it is the prefix.
_NUMBERED = re.compile(
    r"(?P<prefix>.*?)(?P<number>\d+)(?P<suffix>\.(?:jpg|jpeg|png))",
    re.IGNORECASE,
)


class ImageSeries(typing.NamedTuple):
    """Images without gaps: `<prefix><number><suffix>` in `directory`, `count`
    of them from the number `first` on, filled up with zeros to `width` digits
    (1 if not filled up)."""

    directory: str
    prefix: str
    first: int
    count: int  # type: ignore[assignment] # a field, not of tuples
    width: int
    suffix: str

    def path(self, index):
        """Path of image `index`, counted from 0 whatever its number."""
        number = f"{self.first + index:0{self.width}d}"
        return os.path.join(
            self.directory, f"{self.prefix}{number}{self.suffix}"
        )


def is_image(name):
    """Whether a file name is that of a numbered image."""
    return bool(_NUMBERED.fullmatch(name)) and not name.startswith(".")


def find_series(directory):
    """The series of images in a folder by their prefix: an `ImageSeries`, or
    the `VideoError` that says what is wrong: numbers are missing or stand
    twice, or names are not of one form."""
    found = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            if is_image(entry.name):
                match = _NUMBERED.fullmatch(entry.name)
                found.setdefault(match["prefix"], []).append(
                    (int(match["number"]), match["number"], match["suffix"])
                )
    series = {}
    for prefix, images in sorted(found.items()):
        try:
            series[prefix] = _series(
                os.fspath(directory), prefix, sorted(images)
            )
        except VideoError as error:
            series[prefix] = error
    return series


def _series(directory, prefix, images):
    numbers = [number for number, _, _ in images]
    first, last = numbers[0], numbers[-1]
    _, digits, suffix = images[0]
    width = len(digits)
    odd = [
        f"{prefix}{text}{end}"
        for number, text, end in images
        if (text, end) != (f"{number:0{width}d}", suffix)
    ]
    if odd:
        raise VideoError(
            directory,
            "its images have different kinds of names. Expected names such "
            f"as {prefix}{digits}{suffix}. Received: {odd[0]!r} ({len(odd)} "
            "such)",
        )
    num_missing = last - first + 1 - len(images)
    if num_missing:
        there = set(numbers)
        missing = (n for n in range(first, last) if n not in there)
        shown = ", ".join(map(str, itertools.islice(missing, 8)))
        raise VideoError(
            directory,
            f"images {prefix}*{suffix} are missing. Expected every number from "
            f"{first} to {last}. Missing: {shown} ({num_missing} in all)",
        )
    return ImageSeries(directory, prefix, first, len(images), width, suffix)
