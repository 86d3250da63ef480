"""Which videos: a set that is small enough to travel in a file."""

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

# Of a hash: among 240,000 videos one of 20,000 others is taken for one of them
# with a chance of 2e-5.
_BYTES = 6
_UNKNOWN = bytes(_BYTES)
# Suffixes of videos have no digits first: `clip.5` is a name.
_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,3}")


@dataclasses.dataclass(frozen=True)
class VideoSet(Fact):
    """Videos by name and, where it is known, by content. It stores only hashes:
    one can check whether a video is in it, but not list the videos.

    A video is the same under its name below its dataset's directory, whatever
    its suffix, so that frames and prepared datasets are recognized; or with
    the same content, whatever its name.

    Args:
        names: str. Hashes of the names, base64. `VideoSet.of` makes it.
        contents: str. Hashes of the contents, base64, in the order of the
            names, zeros where one is not known; empty if none is.
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
        """The set of some videos.

        Args:
            names: sequence of str, as `Source.videos` has them.
            contents: `None`, or sequence of as many str or `None`, as
                `Source.contents` has them. Defaults to `None`.
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
        """Indices of the videos of this set that are in another too."""
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


def _plain(name):
    """A name as all kinds of datasets have it: without the suffix of a file,
    one way to write an accent."""
    name = unicodedata.normalize("NFC", name.replace("\\", "/"))
    path = pathlib.PurePosixPath(name)
    return str(path.with_suffix("")) if _SUFFIX.fullmatch(path.suffix) else name


def _hash(kind, text):
    text = f"{kind}\0{text}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).digest()[:_BYTES]


def _packed(hashes):
    return base64.b64encode(b"".join(hashes)).decode("ascii")


def _unpacked(text):
    found = base64.b64decode(text)
    return [found[i : i + _BYTES] for i in range(0, len(found), _BYTES)]
