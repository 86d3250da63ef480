"""A published file: its addresses, size and hashes."""

import dataclasses
import hashlib
import pathlib
import re
import urllib.parse

from keras_vidrec.specs import checks

_OWNER = " of a published file"
_DIGITS_OF_SHA256 = 64
# 32 bits detect damage, but not an attack.
_FEWEST_DIGITS = 8
_DIGITS_OF_KEY = 16


@dataclasses.dataclass(frozen=True)
class PublishedFile:
    """A published file, and how it is identified.

    Attributes:
        name: str. The name of the file, without a folder.
        addresses: tuple of str. Its addresses, `https://...` or `http://...`,
            in the order in which they are tried.
        size: `None`, or int: its size in bytes.
        sha256: `None`, or str: its sha256 in hexadecimal digits, all 64, or at
            least the first 8, which some authors put into the name of a file.
        md5: `None`, or str: its MD5, 32 digits. Defaults to `None`.
        member: `None`, or str: for addresses of a zip archive, the name of the
            file in it. `name`, `size`, `sha256` and `md5` are those of the
            file; only it is extracted. Defaults to `None`.

    Raises:
        ValueError: if a value is invalid.
    """

    name: str
    addresses: tuple[str, ...]
    size: int | None
    sha256: str | None
    md5: str | None = None
    member: str | None = None

    def __post_init__(self):
        _check(
            _is_plain_name(self.name),
            "name",
            "the name of a file, without a folder",
            self.name,
        )
        _check(
            isinstance(self.addresses, tuple)
            and all(map(_is_address, self.addresses)),
            "addresses",
            "a tuple of addresses https://... or http://...",
            self.addresses,
        )
        if self.size is not None:
            checks.count("size", self.size, owner=_OWNER)
        _check(
            self.sha256 is None
            or _is_hexadecimal(self.sha256, _FEWEST_DIGITS, _DIGITS_OF_SHA256),
            "sha256",
            "None or 8 to 64 hexadecimal digits in lower case",
            self.sha256,
        )
        _check(
            self.md5 is None or _is_hexadecimal(self.md5, 32, 32),
            "md5",
            "None or 32 hexadecimal digits in lower case",
            self.md5,
        )
        _check(
            self.member is None or _is_member(self.member),
            "member",
            "None or the name of a file in a zip archive, such as 'a/b.txt'",
            self.member,
        )

    @property
    def key(self) -> str:
        """The name of the folder of the file in a cache, different for files
        with different hashes, or without hashes, different addresses."""
        if self.sha256 is not None:
            return self.sha256[:_DIGITS_OF_KEY]
        if self.md5 is not None:
            return f"md5-{self.md5[:_DIGITS_OF_KEY]}"
        told = "\n".join((self.name, self.member or "", *self.addresses[:1]))
        digest = hashlib.sha256(told.encode()).hexdigest()
        return f"unhashed-{digest[:_DIGITS_OF_KEY]}"

    @property
    def is_hashed(self) -> bool:
        """Whether a hash was published."""
        return self.sha256 is not None or self.md5 is not None

    @property
    def is_proof_against_forgery(self) -> bool:
        """Whether the whole sha256 was published, so that the file can be
        downloaded from any server."""
        return is_whole(self.sha256 or "")

    @property
    def description(self) -> str:
        """Its name, with its size and hash if they are known."""
        known = []
        if self.size is not None:
            known.append(f"{self.size:,} bytes")
        if self.sha256 is not None:
            begins = "" if is_whole(self.sha256) else " that begins with"
            known.append(f"sha256{begins} {self.sha256}")
        if self.md5 is not None:
            known.append(f"MD5 {self.md5}")
        if not self.is_hashed:
            known.append("no hash was published")
        return f"{self.name} ({', '.join(known)})"

    def problem(self, path: pathlib.Path, recorded: str | None = None):
        """Returns what is wrong with a file that should be this one.

        Args:
            path: pathlib.Path of the file.
            recorded: `None`, or str: the sha256 that it had when it was first
                trusted. Defaults to `None`.

        Returns:
            str with the expected and the actual value; `None` if the known
            size and hashes are right.

        Raises:
            OSError: if it cannot be read.
        """
        size = path.stat().st_size
        if self.size is not None and size != self.size:
            return f"expected {self.size:,} bytes, got {size:,}"
        if self.sha256 is not None or recorded is not None:
            found = digest(path)
            known = self.sha256 or ""
            if not found.startswith(known):
                begins = "" if is_whole(known) else " that begins with"
                return f"expected the sha256{begins} {known}, got {found}"
            if recorded is not None and found != recorded:
                return (
                    f"expected the sha256 {recorded}, recorded when it was "
                    f"first downloaded, got {found}"
                )
        if self.md5 is not None:
            found = digest(path, "md5")
            if found != self.md5:
                return f"expected the MD5 {self.md5}, got {found}"
        return None


def digest(path: pathlib.Path, algorithm: str = "sha256") -> str:
    """Returns the hash of a file in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(
            file, lambda: hashlib.new(algorithm, usedforsecurity=False)
        ).hexdigest()


def is_whole(sha256: str) -> bool:
    """Whether a sha256 has all its digits."""
    return len(sha256) == _DIGITS_OF_SHA256


def _check(condition, name, expected, received):
    checks.check(condition, name, expected, received, _OWNER)


def _is_plain_name(name) -> bool:
    return (
        isinstance(name, str)
        and name.isprintable()
        and 0 < len(name) <= 200
        and not name.startswith(".")
        and not set('/\\:*?"<>|') & set(name)
    )


def _is_address(address) -> bool:
    if not isinstance(address, str) or not re.fullmatch(r"[!-~]+", address):
        return False
    try:
        parts = urllib.parse.urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _is_hexadecimal(text, fewest, most):
    return isinstance(text, str) and bool(
        re.fullmatch(f"[0-9a-f]{{{fewest},{most}}}", text)
    )


def _is_member(member) -> bool:
    return isinstance(member, str) and all(
        _is_plain_name(part) for part in member.split("/")
    )
