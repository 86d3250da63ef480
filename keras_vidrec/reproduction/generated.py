"""Videos to rehearse a table on."""

import pathlib
import re

from keras_vidrec.data import synthetic
from keras_vidrec.specs import files

_SPLITS = 3
_GROUP = re.compile(r"_g(\d+)_")


def generate(directory, progress: bool = False) -> pathlib.Path:
    """Writes the generated set small, with three splits as UCF101 has them:
    each tests another group. What is there is not written again.

    Args:
        directory: path of the videos.
        progress: bool. Whether to show a progress bar. Defaults to `False`.

    Returns:
        `pathlib.Path` of the videos.
    """
    directory = pathlib.Path(directory)
    synthetic.generate(
        directory,
        train_groups=_SPLITS,
        test_groups=1,
        clips_per_group=2,
        progress=progress,
    )
    lists = directory / "ucfTrainTestlist"
    classes = (lists / "classInd.txt").read_text("utf-8").splitlines()
    labels = {name: label for label, name in map(str.split, classes)}
    videos = sorted(
        path.relative_to(directory).as_posix()
        for path in directory.glob("*/*.avi")
    )
    for split in range(1, _SPLITS + 1):
        test = [v for v in videos if int(_GROUP.search(v)[1]) == split]
        train = [
            f"{video} {labels[video.partition('/')[0]]}"
            for video in videos
            if video not in test
        ]
        for name, lines in (("train", train), ("test", test)):
            path = lists / f"{name}list{split:02}.txt"
            files.write_text(path, "".join(f"{line}\n" for line in lines))
    return directory
