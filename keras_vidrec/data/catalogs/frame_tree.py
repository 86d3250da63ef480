"""The folders of frames below a directory, video by video."""

import collections
import os

from keras_vidrec.data.catalogs import image_series

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
    images in `root` itself, are passed over.

    Args:
        root: path.

    Returns:
        dict from the name of each video, a path with `/`, in alphabetical
        order, to a dict of its folders below `root`: `{"": folder}` if what
        the images are is told by their names, else by `"rgb"`, `"x"`, `"y"`.

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
    found = []

    def scan(directory, path, above):
        real = os.path.realpath(directory)
        if real in above:
            return
        has_images = False
        for entry in os.scandir(directory):
            if entry.name.startswith("."):
                continue
            if not has_images and image_series.is_image(entry.name):
                has_images = True
            elif entry.is_dir():
                scan(entry.path, (*path, entry.name), above | {real})
        if has_images and path:
            found.append("/".join(path))

    scan(root, (), frozenset())
    return found


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
                    "Several folders of frames belong to one of flow. "
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
