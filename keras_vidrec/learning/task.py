"""The task of learning: its videos and settings."""

import dataclasses
import json
import os
import pathlib

from keras_vidrec import export as exports
from keras_vidrec.data.catalogs import catalog as catalogs
from keras_vidrec.specs import checks
from keras_vidrec.specs import documents
from keras_vidrec.specs import files

EXPORTS = (*exports.PRECISIONS, "none")
_FILE = "task.json"


@dataclasses.dataclass(frozen=True)
class Task:
    """The videos to learn from, and the settings of learning.

    Args:
        videos: path of the directory of videos, with one folder for each class.
        list: `None`, or path of a list of the videos, as for
            `catalog.from_list`. Defaults to `None`.
        layout: str. The layout of the dataset, one of `catalog.LAYOUTS`.
            Defaults to `"auto"`.
        splits: `None`, or path of a directory of official split files. Defaults
            to `None`.
        flow: bool. Whether to try networks of optical flow. Defaults to `True`.
        size: int, from 32. Height and width of the networks' input in pixels.
            Defaults to `160`.
        export: str. The format of the export: `"saved_model"`, `"onnx"`,
            `"litert"`, `"openvino"`, `"torch"` or `"none"`. Defaults to
            `"saved_model"`.
        seed: int. Seed of the split and of all training. Defaults to `0`.

    Raises:
        ValueError: on any other value, or if there is no such directory.
    """

    videos: str | os.PathLike[str]
    list: str | os.PathLike[str] | None = None
    layout: str = "auto"
    splits: str | os.PathLike[str] | None = None
    flow: bool = True
    size: int = 160
    export: str = "saved_model"
    seed: int = 0

    def __post_init__(self):
        for name in ("videos", "list", "splits"):
            value = getattr(self, name)
            if value is not None:
                value = str(pathlib.Path(value).absolute())
                object.__setattr__(self, name, value)
        checks.check(
            pathlib.Path(self.videos).is_dir(),
            "videos",
            "a directory of videos",
            self.videos,
        )
        checks.choice("layout", self.layout, catalogs.LAYOUTS)
        checks.flag("flow", self.flow)
        checks.count("size", self.size, 32)
        checks.choice("export", self.export, EXPORTS)
        checks.count("seed", self.seed, 0)

    @property
    def short_side(self) -> int:
        """The shorter side in pixels of the frames from which crops are cut:
        256 for a size of 224."""
        return round(self.size * 256 / 224)

    def claim(self, out: pathlib.Path) -> None:
        """Prepares a directory for this task, or resumes an earlier one in it.

        Args:
            out: `pathlib.Path` of the directory.

        Raises:
            ValueError: if it contains a task with other settings, or something
                else.
        """
        path, values = out / _FILE, dataclasses.asdict(self)
        if path.is_file():
            before = documents.read_json(path)
            for name, value in values.items():
                known = before.get(name) if isinstance(before, dict) else None
                checks.check(
                    known == value,
                    name,
                    f"{known!r}, with which {out} was started, or another "
                    "directory",
                    value,
                )
            return
        others = [p for p in out.iterdir() if p.name != ".learn.lock"]
        checks.check(
            not any(not files.is_unfinished(p.name) for p in others),
            "out",
            "a new or empty directory, or one that `vidrec learn` started",
            str(out),
        )
        files.write_text(path, json.dumps(values, indent=2) + "\n")
