"""Generated videos and files that a test run of a reproduction uses in place of
the real ones."""

import os
import pathlib
import re

import numpy as np

from keras_vidrec.data import opening
from keras_vidrec.data import synthetic
from keras_vidrec.data.preparing.prepare import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.reproduction.plan import Plan
from keras_vidrec.reproduction.results import SPLIT
from keras_vidrec.specs import files

# Of prepared generated videos: their frames, and their largest motion.
SIZE = "short64"
BOUND = 4.0
# Endings of provided files by their kind.
_ENDS = {"scores": f"-{SPLIT}.npz", "data": ""}
_SPLITS = 3
_GROUP = re.compile(r"_g(\d+)_")
# Two classes of appearance and two of motion, with one video of each group.
_CLASSES = ("Dots", "MoveLeft", "MoveRight", "Stripes")


def generate(
    directory: str | os.PathLike[str], progress: bool = False
) -> pathlib.Path:
    """Writes generated videos of four classes, with three splits in the form of
    UCF101's, each with another test group. Existing videos are kept.

    Args:
        directory: path of the directory for the videos.
        progress: bool. Whether to show a progress bar. Defaults to `False`.

    Returns:
        `pathlib.Path` of the videos.
    """
    directory = pathlib.Path(directory)
    synthetic.generate(
        directory,
        train_groups=_SPLITS - 1,
        test_groups=1,
        clips_per_group=1,
        classes=_CLASSES,
        progress=progress,
    )
    lists = directory / "ucfTrainTestlist"
    labels = {name: label for label, name in enumerate(_CLASSES, 1)}
    videos = sorted(
        path.relative_to(directory).as_posix()
        for path in directory.glob("*/*.avi")
    )
    for split in range(1, _SPLITS + 1):
        test = [v for v in videos if _group_of(v) == split]
        train = [
            f"{video} {labels[video.partition('/')[0]]}"
            for video in videos
            if video not in test
        ]
        for name, lines in (("train", train), ("test", test)):
            path = lists / f"{name}list{split:02}.txt"
            files.write_text(path, "".join(f"{line}\n" for line in lines))
    return directory


def given_paths(directory: pathlib.Path, plan: Plan) -> dict:
    """Returns where `give` writes files in place of those that a user provides,
    by their names. Initial weights are not among them: tiny networks start from
    random ones.

    Args:
        directory: `pathlib.Path` of the reproduction.
        plan: `Plan`.
    """
    folder = directory.absolute() / "given"
    return {
        part.name: str(folder / part.name) + _ENDS[part.kind]
        for part in plan.given()
        if part.kind in _ENDS
    }


def give(directory: pathlib.Path, plan: Plan, videos: pathlib.Path) -> None:
    """Writes the files of `given_paths`: random scores of the test videos of
    each split, and the generated videos with another flow in place of that of
    Brox et al. Repeating it writes the same.

    Args:
        directory, plan: as for `given_paths`.
        videos: path of the generated videos.
    """
    catalog = opening.open_dataset(videos, images_only=True).catalog
    kinds = {part.name: part.kind for part in plan.given()}
    for name, path in given_paths(directory, plan).items():
        if kinds[name] == "data":
            frames = Preparation(flow="farneback", size=SIZE, bound=BOUND)
            prepare(catalog, path, frames)
            continue
        for split, listed in catalog.splits.items():
            file = pathlib.Path(path.replace(SPLIT, str(split)))
            file.parent.mkdir(parents=True, exist_ok=True)
            rng = np.random.default_rng(split)
            Scores(
                videos=tuple(catalog.videos[index] for index in listed.test),
                scores=rng.normal(
                    size=(len(listed.test), len(catalog.classes))
                ),
                labels=np.array([catalog.labels[i] for i in listed.test]),
                classes=catalog.classes,
            ).save(file)


def _group_of(video: str) -> int:
    """The number of the group in the name of a video; 0 without one."""
    found = _GROUP.search(video)
    return int(found[1]) if found else 0
