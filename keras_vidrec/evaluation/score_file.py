"""Scores of videos in a file, to be reported and fused later."""

import dataclasses
import json
import pathlib
import zipfile
import zlib

import numpy as np

from keras_vidrec import files

_ARRAYS = ("videos", "scores", "labels", "classes", "meta")


@dataclasses.dataclass(frozen=True, eq=False)
class Scores:
    """Class scores of the videos of a test.

    Args:
        videos: tuple of str. Names, all different.
        scores: float32 array `(videos, classes)`: mean logits before the
            softmax.
        labels: int32 array `(videos,)`, -1 where unknown.
        classes: tuple of str.
        meta: dict of what JSON holds: where the scores come from.

    Raises:
        ValueError: if the sizes do not fit each other, a name repeats, a
            score is not finite, a label is no class, or `meta` is no dict of
            what JSON holds.
    """

    videos: tuple
    scores: np.ndarray
    labels: np.ndarray
    classes: tuple
    meta: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "videos", tuple(map(str, self.videos)))
        object.__setattr__(self, "classes", tuple(map(str, self.classes)))
        object.__setattr__(self, "meta", _as_json(self.meta))
        for name, kinds, dtype in (
            ("scores", "fiu", np.float32),
            ("labels", "iu", np.int32),
        ):
            object.__setattr__(
                self, name, _numbers(name, getattr(self, name), kinds, dtype)
            )
        shape = (len(self.videos), len(self.classes))
        if self.scores.shape != shape or self.labels.shape != shape[:1]:
            raise ValueError(
                f"Expected scores of shape {shape} (videos, classes) and as "
                f"many labels as videos. Received: scores of shape "
                f"{self.scores.shape}, labels of shape {self.labels.shape}"
            )
        if len(set(self.videos)) != len(self.videos):
            raise ValueError(
                "Expected different videos. Received: "
                f"{len(self.videos) - len(set(self.videos))} repeated names"
            )
        finite = np.isfinite(self.scores).all(axis=1)
        if not finite.all():
            raise ValueError(
                "Expected finite scores. Received: NaN or infinity for "
                f"{self.videos[int(np.argmin(finite))]!r}"
            )
        if self.labels.size and not (
            -1 <= self.labels.min() and self.labels.max() < shape[1]
        ):
            raise ValueError(
                f"Expected labels from -1 to {shape[1] - 1}. Received: "
                f"{self.labels.min()} to {self.labels.max()}"
            )

    def save(self, path):
        """Writes a score file, whole or not at all."""
        with files.replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(
                file,
                videos=np.array(self.videos, np.str_),
                scores=self.scores,
                labels=self.labels,
                classes=np.array(self.classes, np.str_),
                meta=np.array(json.dumps(self.meta)),
            )

    @classmethod
    def load(cls, path):
        """Reads a score file; nothing in it is executed.

        Raises:
            ValueError: naming the file, if it is no valid score file.
        """
        path = pathlib.Path(path)
        try:
            with (
                # NumPy leaves a file that it cannot read open.
                open(path, "rb") as file,
                np.load(file, allow_pickle=False) as archive,
            ):
                arrays = {name: archive[name] for name in _ARRAYS}
            return cls(
                _names("videos", arrays["videos"]),
                arrays["scores"],
                arrays["labels"],
                _names("classes", arrays["classes"]),
                json.loads(str(arrays["meta"])),
            )
        except (
            EOFError,
            KeyError,
            MemoryError,  # a broken header may claim any size
            OSError,
            RuntimeError,  # of zipfile: encrypted, unknown compression
            TypeError,
            ValueError,
            zipfile.BadZipFile,
            zlib.error,
        ) as error:
            raise ValueError(
                f"Expected a score file (.npz with {', '.join(_ARRAYS)}). "
                f"Received: {path}: {error}"
            ) from error


def _names(name, array):
    if array.ndim != 1 or array.dtype.kind != "U":
        raise ValueError(
            f"Expected a row of text. Received: {name} of {array.dtype} and "
            f"shape {array.shape}"
        )
    return tuple(array.tolist())


def _numbers(name, values, kinds, dtype):
    """The values in `dtype`; what it does not hold is refused, not wrapped or
    cut off."""
    values = np.asarray(values)
    if values.size and values.dtype.kind not in kinds:
        raise ValueError(
            f"Expected {name} that {np.dtype(dtype)} holds. Received: {name} "
            f"of {values.dtype}"
        )
    with np.errstate(over="ignore"):  # becomes infinite, which is refused
        cast = values.astype(dtype)
    if dtype is np.int32 and (cast != values).any():
        raise ValueError(
            f"Expected {name} that {np.dtype(dtype)} holds. Received: "
            f"{values.min()} to {values.max()}"
        )
    return cast


def _as_json(meta):
    """`meta` as it will be read again, so that no `save` fails."""
    try:
        text = json.dumps(meta)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Expected `meta` that JSON holds. Received: meta={meta!r}: {error}"
        ) from error
    if not isinstance(meta, dict):
        raise ValueError(f"Expected a dict. Received: meta={meta!r}")
    return json.loads(text)
