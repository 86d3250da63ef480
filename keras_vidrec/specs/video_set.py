"""A set of videos, stored as short hashes."""

import base64
import collections.abc
import dataclasses
import hashlib
import itertools
import pathlib
import re
import typing
import unicodedata

from keras_vidrec.specs import checks
from keras_vidrec.specs.fact import Fact

# The length of a hash. The chance that any of 20,000 videos has the hash of one
# of 240,000 others is 2e-5.
_BYTES = 6
_UNKNOWN = bytes(_BYTES)
# Suffixes do not begin with a digit: `clip.5` is a name without one.
_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,3}")


@dataclasses.dataclass(frozen=True)
class VideoSet(Fact):
    """A set of videos: hashes of their names and, if known, of their contents.

    One can check whether a video is in the set, but not list its videos. Two
    videos are the same if they have the same content, or the same name relative
    to the directory of their dataset. Suffixes of names are ignored, so that a
    video, its folder of frames and its prepared record are the same.

    Args:
        names: str. Hashes of the names in base64, as `VideoSet.of` makes them.
            Defaults to `""`.
        contents: str. Hashes of the contents in base64, in the order of the
            names, with zeros for unknown ones; empty if all are unknown.
            Defaults to `""`.
    """

    WHAT: typing.ClassVar[str] = "a set of videos"

    names: str = ""
    contents: str = ""

    def __post_init__(self):
        for field in ("names", "contents"):
            value = getattr(self, field)
            try:
                sound = (
                    len(base64.b64decode(value, validate=True)) % _BYTES == 0
                )
            except (TypeError, ValueError):
                sound = False
            checks.check(
                sound,
                field,
                f"hashes of {_BYTES} bytes in base64",
                value if len(str(value)) < 80 else f"{value[:40]}...",
                f" of {self.WHAT}",
            )

    @classmethod
    def of(
        cls,
        names: collections.abc.Iterable[str],
        contents: collections.abc.Iterable[str | None] | None = None,
    ) -> "VideoSet":
        """Returns the set of the given videos.

        Args:
            names: iterable of str, such as `Source.videos`.
            contents: `None`, or iterable of str or `None`, one for each name,
                such as `Source.contents`. Defaults to `None`.
        """
        names = list(names)
        contents = [] if contents is None else list(contents)
        if all(content is None for content in contents):
            contents = []
        return cls(
            _packed(_hash("name", _plain(name)) for name in names),
            _packed(
                _UNKNOWN if content is None else _hash("content", content)
                for content in contents
            ),
        )

    def __len__(self) -> int:
        return len(_unpacked(self.names))

    def common(self, other: "VideoSet") -> tuple:
        """Returns a tuple of the indices of the videos of this set that are
        also in `other`."""
        names = {*_unpacked(other.names)}
        contents = {*_unpacked(other.contents)} - {_UNKNOWN}
        both = itertools.zip_longest(
            _unpacked(self.names), _unpacked(self.contents)
        )
        return tuple(
            index
            for index, (name, content) in enumerate(both)
            if name in names or content in contents
        )


def _plain(name: str) -> str:
    """Returns a name as it is compared: without a suffix, with `/` between
    folders, and with accents in one Unicode form."""
    name = unicodedata.normalize("NFC", name.replace("\\", "/"))
    path = pathlib.PurePosixPath(name)
    return str(path.with_suffix("")) if _SUFFIX.fullmatch(path.suffix) else name


def _hash(kind: str, text: str) -> bytes:
    content = f"{kind}\0{text}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(content).digest()[:_BYTES]


def _packed(hashes: collections.abc.Iterable[bytes]) -> str:
    return base64.b64encode(b"".join(hashes)).decode("ascii")


def _unpacked(text: str) -> list[bytes]:
    found = base64.b64decode(text)
    return [found[i : i + _BYTES] for i in range(0, len(found), _BYTES)]
