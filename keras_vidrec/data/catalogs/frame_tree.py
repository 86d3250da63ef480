"""Finds the folders of frames and flow images of each video of a dataset."""

import collections
import itertools
import os
import re
import typing

from keras_vidrec.data.catalogs import folder_walk
from keras_vidrec.videos.video import VideoError

# Names of the pairs of folders for the two directions of flow.
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

    Three layouts of flow are known: in one folder for each video, together with
    the frames; in trees `u/<video>` and `v/<video>`, with the frames in
    `jpegs_256/<video>` beside them (or `<video>/u`, `<video>/v` and so on); and
    such trees in a separate folder beside the frames (`tvl1_flow/u/<video>`).
    Links are followed; hidden files and folders, and images in `root` itself,
    are skipped.

    Args:
        root: path.

    Returns:
        dict in alphabetical order, from the name of each video, a path with
        `/`, to a dict of its folders relative to `root`: `{"": folder}` if one
        folder has all images, whose names show what they are; else a dict with
        some of the keys `"rgb"`, `"x"`, `"y"`.

    Raises:
        ValueError: if several folders of frames match one folder of flow.
    """
    folders = _image_folders(root)
    trees = _flow_trees(folders)
    videos = {}
    for folder in sorted(folders):
        name, role = _place(folder, trees)
        if name:
            videos.setdefault(name, {})[role] = folder
    for name, roles in videos.items():
        # Frames beside folders of flow: `<video>/img_*` and `<video>/u`.
        if "" in roles and len(roles) > 1:
            roles["rgb"] = roles.pop("")
    return dict(sorted(videos.items()))


def _image_folders(root) -> list[str]:
    """The folders below `root` that contain numbered images, sorted."""
    found = set()
    for path, entry in folder_walk.walk(root, lambda reason, path: None):
        folder = path.rpartition("/")[0]
        if folder and folder not in found and is_image(entry.name):
            found.add(folder)
    return sorted(found)


def _flow_trees(folders):
    """Finds the trees of flow, and of the frames beside them.

    Returns:
        dict from the path of each tree to `(home, role)`: the path before the
        names of its videos, and `"rgb"`, `"x"` or `"y"`.
    """
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


def _place(folder: str, trees: dict) -> tuple[str, str]:
    """Returns the name of the video of a folder, and the folder's role: `""`,
    `"rgb"`, `"x"` or `"y"`."""
    parts = folder.split("/")
    for depth in range(len(parts), 0, -1):
        tree = "/".join(parts[:depth])
        if tree in trees:
            home, role = trees[tree]
            return _join(home, *parts[depth:]), role
    return folder, ""


def _join(*parts: str) -> str:
    return "/".join(part for part in parts if part)


# The last number of a name is that of the image; the prefix is before it.
_NUMBERED = re.compile(
    r"(?P<prefix>.*?)(?P<number>\d+)(?P<suffix>\.(?:jpg|jpeg|png))",
    re.IGNORECASE,
)


class ImageSeries(typing.NamedTuple):
    """A series of images without gaps: files `<prefix><number><suffix>` in
    `directory`, numbered from `first` to `first + count - 1`, with zeros in
    front up to `width` digits."""

    directory: str
    prefix: str
    first: int
    count: int  # type: ignore[assignment] # not `tuple.count`
    width: int
    suffix: str

    def path(self, index):
        """The path of image `index`, counted from 0."""
        number = f"{self.first + index:0{self.width}d}"
        return os.path.join(
            self.directory, f"{self.prefix}{number}{self.suffix}"
        )


def is_image(name: str) -> bool:
    """Whether a file name is that of a numbered image."""
    return bool(_NUMBERED.fullmatch(name)) and not name.startswith(".")


def find_series(directory):
    """Finds the series of images in a folder.

    Returns:
        dict from each prefix of names to an `ImageSeries`, or to a `VideoError`
        if numbers are missing or occur twice, or names have different forms.
    """
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


def _series(directory: str, prefix: str, images) -> ImageSeries:
    """Returns the `ImageSeries` of images of one prefix, given as a sorted list
    of `(number, digits, suffix)`, or raises a `VideoError`."""
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
