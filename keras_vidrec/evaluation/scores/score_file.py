"""Scores of videos, and their files."""

import dataclasses
import hashlib
import json
import os
import pathlib
import typing
import zipfile
import zlib

import numpy as np

from keras_vidrec.data import leaks
from keras_vidrec.data.catalogs.split import doubles
from keras_vidrec.data.catalogs.split import refuse_any
from keras_vidrec.evaluation.scores import score_archive
from keras_vidrec.specs import Origin
from keras_vidrec.specs import checks
from keras_vidrec.specs import documents
from keras_vidrec.specs import files

# Arrays of a score file, and their allowed kinds (`numpy.dtype.kind`).
_ARRAYS = {
    "videos": "U",
    "scores": "fiu",
    "labels": "iu",
    "classes": "U",
    "meta": "U",
    "origin": "U",
}
# Files written by other programs do not have it.
_OPTIONAL = ("origin",)
_REQUIRED = tuple(name for name in _ARRAYS if name not in _OPTIONAL)


@dataclasses.dataclass(frozen=True, eq=False)
class Scores:
    """Class scores of the videos of a test.

    Args:
        videos: tuple of str. Names of the videos, without duplicates.
        scores: array `(videos, classes)`: mean logits before the softmax, or
            fused or imported scores. float64 is kept, because fused
            probabilities can differ by less than the resolution of float32;
            other types are converted to float32.
        labels: int32 array `(videos,)`, -1 for unknown labels; or, for several
            labels per video, int8 array `(videos, classes)`: 1 for the classes
            of a video, else 0, and -1 for all classes if they are unknown.
        classes: tuple of str. Names of the classes.
        meta: dict of JSON values: what was tested, and how. Defaults to `{}`.
        origin: `None` (not known), or `specs.Origin`: what they were made
            from. Defaults to `None`.

    Raises:
        ValueError: if the shapes do not match, a name occurs twice, a score is
            not finite, a label is not a class, or `meta` is not a dict of JSON
            values.
    """

    videos: tuple
    scores: np.ndarray
    labels: np.ndarray
    classes: tuple
    meta: dict = dataclasses.field(default_factory=dict)
    origin: Origin | None = None

    def __post_init__(self):
        object.__setattr__(self, "videos", tuple(map(str, self.videos)))
        object.__setattr__(self, "classes", tuple(map(str, self.classes)))
        object.__setattr__(self, "meta", _as_json(self.meta))
        scores, labels = np.asarray(self.scores), np.asarray(self.labels)
        double = scores.dtype == np.float64
        object.__setattr__(
            self,
            "scores",
            _numbers("scores", scores, np.float64 if double else np.float32),
        )
        kind = np.int8 if labels.ndim == 2 else np.int32
        object.__setattr__(self, "labels", _numbers("labels", labels, kind))
        shape = (len(self.videos), len(self.classes))
        of_labels = shape if self.several else shape[:1]
        if self.scores.shape != shape or self.labels.shape != of_labels:
            raise ValueError(
                f"Expected scores of shape {shape} (videos, classes) and as "
                f"many labels as videos. Received: scores of shape "
                f"{self.scores.shape}, labels of shape {self.labels.shape}"
            )
        if self.several:
            _check_sets(self.labels, self.videos)
        refuse_any(
            doubles(self.videos), "A video occurs twice", "different videos"
        )
        finite = np.isfinite(self.scores).all(axis=1)
        if not finite.all():
            raise ValueError(
                "Expected finite scores. Received: NaN or infinity for "
                f"{self.videos[int(np.argmin(finite))]!r}"
            )
        if (
            not self.several
            and self.labels.size
            and not (-1 <= self.labels.min() and self.labels.max() < shape[1])
        ):
            raise ValueError(
                f"Expected labels from -1 to {shape[1] - 1}. Received: "
                f"{self.labels.min()} to {self.labels.max()}"
            )

    @property
    def several(self) -> bool:
        """Whether videos have several labels."""
        return self.labels.ndim == 2

    @property
    def known(self) -> np.ndarray:
        """Whether the labels of each video are known: bool `(videos,)`."""
        labels = self.labels
        known = labels >= 0
        return np.all(known, axis=1) if self.several else known

    @property
    def marks(self) -> tuple:
        """Warnings to show with the figures, each a sentence: leaks that were
        allowed, also of any ancestor.
        """
        return leaks.marks(self.origin)

    def marked(self, *marks: str) -> "Scores":
        """Returns a copy with further marks."""
        origin = self.origin or Origin("scores")
        marks = tuple(dict.fromkeys((*origin.marks, *marks)))
        return dataclasses.replace(self, origin=origin.replace(marks=marks))

    def fingerprint(self) -> str:
        """Returns the fingerprint of the videos, classes and scores, of 16
        hexadecimal digits.
        """
        found = hashlib.sha256(json.dumps([self.videos, self.classes]).encode())
        found.update(np.ascontiguousarray(self.scores).tobytes())
        return found.hexdigest()[:16]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a score file atomically."""
        origin: dict[str, typing.Any] = {}
        if self.origin is not None:
            text = json.dumps(self.origin.to_dict())
            origin = {"origin": np.array(text)}
        with files.replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(
                file,
                videos=np.array(self.videos, np.str_),
                scores=self.scores,
                labels=self.labels,
                classes=np.array(self.classes, np.str_),
                meta=np.array(json.dumps(self.meta)),
                **origin,
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> typing.Self:
        """Reads a score file. No code in it is executed.

        Raises:
            ValueError: if it is not a valid score file, or larger than 2 GiB.
        """
        path = pathlib.Path(path)
        try:
            arrays = score_archive.read(path, _ARRAYS, _OPTIONAL)
            origin = None
            if "origin" in arrays:
                text = str(arrays["origin"])
                origin = Origin.from_dict(documents.parse_json(text))
            return cls(
                _names("videos", arrays["videos"]),
                arrays["scores"],
                arrays["labels"],
                _names("classes", arrays["classes"]),
                documents.parse_json(str(arrays["meta"])),
                origin,
            )
        except (
            EOFError,
            OSError,
            RuntimeError,  # by zipfile: encrypted
            SystemError,  # by NumPy: invalid characters in text
            ValueError,
            zipfile.BadZipFile,
            zlib.error,
        ) as error:
            raise ValueError(
                f"Expected a score file (.npz with {', '.join(_REQUIRED)}). "
                f"Received: {path}: {checks.shorten(str(error))}"
            ) from error


def _names(name: str, array: np.ndarray) -> tuple:
    if array.ndim != 1:
        raise ValueError(
            f"Expected a row of text. Received: {name} of {array.dtype} and "
            f"shape {array.shape}"
        )
    return tuple(array.tolist())


def _numbers(
    name: str, values: np.ndarray, dtype: type[np.number]
) -> np.ndarray:
    """Converts values to `dtype`. Raises an error for values that it cannot
    represent, instead of wrapping or truncating them."""
    if values.size and values.dtype.kind not in _ARRAYS[name]:
        raise ValueError(
            f"Expected {name} that {np.dtype(dtype)} can represent. Received: "
            f"{name} of {values.dtype}"
        )
    with np.errstate(over="ignore"):  # infinite scores raise an error later
        cast = values.astype(dtype)
    if np.issubdtype(dtype, np.integer) and (cast != values).any():
        raise ValueError(
            f"Expected {name} that {np.dtype(dtype)} can represent. Received: "
            f"{values.min()} to {values.max()}"
        )
    return cast


def _check_sets(labels: np.ndarray, videos: tuple[str, ...]) -> None:
    """Raises an error unless each row of labels has only 0 and 1, or only
    -1."""
    unknown = (labels == -1).all(axis=1)
    right = unknown | np.isin(labels, (0, 1)).all(axis=1)
    if not right.all():
        place = int(np.argmin(right))
        raise ValueError(
            "Expected labels of 0 and 1 for each class, or -1 for all of them. "
            f"Received: {labels[place].tolist()} for {videos[place]!r}"
        )


def _as_json(meta: dict) -> dict:
    """`meta` as it will be read from JSON. Raises an error if JSON cannot
    represent it, so that `save` does not fail later."""
    try:
        plain = documents.as_json(meta)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "Expected `meta` of values that JSON can represent. Received: "
            f"meta={meta!r}: {error}"
        ) from error
    if not isinstance(meta, dict):
        raise ValueError(f"Expected a dict. Received: meta={meta!r}")
    return plain
