"""A small synthetic dataset with classes of appearance, motion and order."""

import collections.abc
import contextlib
import dataclasses
import json
import os
import pathlib
import tempfile

import cv2
import numpy as np
import tqdm

from keras_vidrec.data import synthetic_scene
from keras_vidrec.data.preparing import prepare
from keras_vidrec.data.preparing.workers import Workers
from keras_vidrec.specs import checks
from keras_vidrec.specs import documents

# Class name -> (kind, pattern of the object, events).
_CLASSES = {
    "Dots": ("appearance", "dots", ("still",)),
    "DownThenRight": ("order", "noise", ("down", "still", "right")),
    "Grow": ("motion", "noise", ("grow",)),
    "LeftThenUp": ("order", "noise", ("left", "still", "up")),
    "MoveDown": ("motion", "noise", ("down",)),
    "MoveLeft": ("motion", "noise", ("left",)),
    "MoveRight": ("motion", "noise", ("right",)),
    "MoveUp": ("motion", "noise", ("up",)),
    "RightThenDown": ("order", "noise", ("right", "still", "down")),
    "Shrink": ("motion", "noise", ("shrink",)),
    "Stripes": ("appearance", "stripes", ("still",)),
    "UpThenLeft": ("order", "noise", ("up", "still", "left")),
}

# Class name -> "appearance" (visible in one frame), "motion" (visible in
# neighboring frames, but not in a single one) or "order" (visible only in the
# order of two motions).
KINDS = {name: kind for name, (kind, _, _) in _CLASSES.items()}

_FRAMES_PER_SECOND = 25
_SETTINGS = "synthetic.json"


def draw_scene(
    class_name: str,
    group: int,
    clip: int,
    *,
    size: tuple[int, int],
    num_frames: int,
    seed: int = 0,
) -> synthetic_scene.Scene:
    """Draws the `Scene` of one clip, which depends only on the arguments.

    Args:
        class_name: str, a key of `KINDS`.
        group: int. Number of the group, from 1.
        clip: int. Number of the clip in its group, from 1.
        size: pair of int. Height and width of a frame in pixels.
        num_frames: int.
        seed: int. Defaults to `0`.
    """
    _, pattern, events = _CLASSES[class_name]
    label = list(_CLASSES).index(class_name)
    return synthetic_scene.draw(
        np.random.default_rng([seed, label, group, clip]),
        pattern,
        events,
        size=size,
        num_frames=num_frames,
    )


def generate(
    directory: str | os.PathLike[str],
    *,
    train_groups: int = 16,
    test_groups: int = 3,
    clips_per_group: int = 4,
    size: tuple[int, int] = (64, 80),
    num_frames: int = 34,
    seed: int = 0,
    classes: collections.abc.Sequence[str] | None = None,
    workers: int = 1,
    progress: bool = False,
) -> pathlib.Path:
    """Writes the dataset as videos in the layout of UCF101.

    A textured object moves before a textured background, seen by a slightly
    shaking camera. Twelve classes are of three kinds, see `KINDS`:

    - appearance: the object does not move, and is dotted or striped;
    - motion: it moves left, right, up or down, grows or shrinks;
    - order: it makes two of these motions, in one order or the other. One
      takes the first third of the video, the other the last; in between the
      object does not move.

    A single frame does not show the class of motion or order. If a clip has
    three segments with one snippet in each (TSN, section 3.1), two classes that
    differ only in the order of their motions show the same snippets. So a
    network of single frames can only recognize appearance, an average over
    snippets of motion appearance and motion, and only a network that uses the
    order of snippets all classes. (A snippet that includes a change of motion
    shows a little of the order, too.)

    Left and right are mirror images of each other, so train and test on this
    dataset without horizontal flips.

    Writes `<directory>/<Class>/v_<Class>_g<group>_c<clip>.avi` (MPEG-4, 25
    frames per second) and `<directory>/ucfTrainTestlist/` with `classInd.txt`,
    `trainlist01.txt` and `testlist01.txt`. As in UCF101's first split, the test
    groups come first. Finished videos are not written again, so an interrupted
    call can be repeated; the lists are written last.

    Args:
        directory: str or path. Created if missing.
        train_groups: int. Groups of each class in the training list. Defaults
            to `16`.
        test_groups: int. Groups of each class in the test list; no group is
            in both. Defaults to `3`.
        clips_per_group: int. Clips in each group. Defaults to `4`.
        size: pair of even int, 32 or more. Height and width in pixels.
            Defaults to `(64, 80)`.
        num_frames: int, 8 or more. Length of every video. Speed in pixels per
            frame does not depend on it; growth is spread over the video.
            Defaults to `34`.
        seed: int, 0 or more. Defaults to `0`.
        classes: `None` (all twelve), or sequence of str: the classes, keys of
            `KINDS`. Defaults to `None`.
        workers: int. Processes that write the videos; 1 means this process.
            The videos are the same. Defaults to `1`.
        progress: bool. Whether to show a progress bar. Defaults to `False`.

    Returns:
        `directory` as a `pathlib.Path`.

    Raises:
        ValueError: if an argument is out of range, or `directory` contains a
            dataset of another size, length or seed.
        OSError: if OpenCV cannot write a video.
        RuntimeError: if a process dies twice while it writes the same video.
    """
    for name, value, minimum in (
        ("train_groups", train_groups, 1),
        ("test_groups", test_groups, 1),
        ("clips_per_group", clips_per_group, 1),
        ("num_frames", num_frames, 8),
        ("seed", seed, 0),
        ("workers", workers, 1),
    ):
        checks.count(name, value, minimum)
    checks.check(
        len(size) == 2
        and all(
            checks.is_integer(side) and side >= 32 and side % 2 == 0
            for side in size
        ),
        "size",
        "an even height and an even width of 32 pixels or more",
        size,
    )
    checks.check(
        classes is None or (classes and set(classes) <= set(_CLASSES)),
        "classes",
        f"some of {tuple(_CLASSES)}",
        classes,
    )
    classes = sorted(set(classes or _CLASSES))
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    settings = {"size": list(size), "num_frames": num_frames, "seed": seed}
    _claim(directory, settings)
    num_groups = test_groups + train_groups
    clips = [
        (class_name, group, clip)
        for class_name in classes
        for group in range(1, num_groups + 1)
        for clip in range(1, clips_per_group + 1)
    ]
    for _ in tqdm.tqdm(
        _written(clips, _Writer(directory, size, num_frames, seed), workers),
        desc="synthetic videos",
        total=len(clips),
        disable=None if progress else True,
    ):
        pass
    _write_lists(directory, classes, clips, test_groups)
    return directory


def _video(class_name: str, group: int, clip: int) -> str:
    return f"{class_name}/v_{class_name}_g{group:02d}_c{clip:02d}.avi"


def _claim(directory: pathlib.Path, settings: dict) -> None:
    """Writes the settings beside the videos, or raises a `ValueError` if the
    directory has a dataset with other settings."""
    path = directory / _SETTINGS
    if not path.exists():
        _write_text(path, json.dumps(settings) + "\n")
        return
    found = documents.read_json(path)
    if found != settings:
        raise ValueError(
            f"{directory} contains a synthetic dataset with other settings. "
            f"Expected {found}; choose another directory or delete this one. "
            f"Received: {settings}"
        )


@dataclasses.dataclass(frozen=True)
class _Writer:
    """Writes a clip unless its file exists, as the work of `Workers`."""

    directory: pathlib.Path
    size: tuple[int, int]
    num_frames: int
    seed: int

    def __call__(self, clip, report=None):
        path = self.directory / _video(*clip)
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            scene = draw_scene(
                *clip,
                size=self.size,
                num_frames=self.num_frames,
                seed=self.seed,
            )
            _write_video(path, scene)


def _written(clips, write, workers):
    """Writes clips in one or several processes, and yields each after that."""
    if workers == 1:
        for clip in clips:
            write(clip)
            yield clip
        return
    with tempfile.TemporaryDirectory() as logs:
        environment = prepare.worker_environment(threads=1)
        pool = Workers(write, workers, environment, logs)
        with contextlib.closing(pool):
            for clip, kind, value in pool.run(clips):
                if kind == "raised":
                    raise value
                if kind == "died":
                    raise RuntimeError(f"Writing {_video(*clip)}: {value}")
                yield clip


def _write_video(path: pathlib.Path, scene: synthetic_scene.Scene) -> None:
    height, width = scene.size
    partial = path.with_suffix(".partial.avi")
    writer = cv2.VideoWriter(
        str(partial),
        cv2.VideoWriter.fourcc(*"XVID"),
        _FRAMES_PER_SECOND,
        (width, height),
    )
    if not writer.isOpened():
        raise OSError(f"OpenCV cannot write the video {partial}")
    for index in range(len(scene.radii)):
        writer.write(cv2.cvtColor(scene.frame(index), cv2.COLOR_RGB2BGR))
    writer.release()
    os.replace(partial, path)


def _write_text(path: pathlib.Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    # Line ends are not translated: like the official lists, the lists have
    # "\r\n" on every platform.
    partial.write_text(text, encoding="utf-8", newline="")
    os.replace(partial, path)


def _write_lists(
    directory: pathlib.Path, classes: list[str], clips, test_groups: int
) -> None:
    lists = directory / "ucfTrainTestlist"
    lists.mkdir(exist_ok=True)
    labels = {name: label for label, name in enumerate(classes, start=1)}
    lines = {
        "classInd": [f"{label} {name}" for name, label in labels.items()],
        "trainlist01": [
            f"{_video(*clip)} {labels[clip[0]]}"
            for clip in clips
            if clip[1] > test_groups
        ],
        "testlist01": [
            _video(*clip) for clip in clips if clip[1] <= test_groups
        ],
    }
    for name, rows in lines.items():
        _write_text(
            lists / f"{name}.txt", "".join(f"{row}\r\n" for row in rows)
        )
