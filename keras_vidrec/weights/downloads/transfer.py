"""Download of a file from one address, resumed after interruptions."""

import contextlib
import http.client
import json
import logging
import os
import re
import time
import typing

import tqdm

from keras_vidrec.specs import documents
from keras_vidrec.specs import files
from keras_vidrec.weights.downloads import web

logger = logging.getLogger("keras_vidrec")

# Limit for a file of unknown size.
MOST_BYTES = 8 * 2**30
# Limits for consecutive tries without a new byte, and for all tries.
_MOST_VAIN_TRIES = 3
_MOST_TRIES = 30
_PAUSE_S = 1.0
_AT_ONCE = 2**18


class NoRoom(Exception):
    """The disk is full. `number` is the number of the system's error, `bytes`
    the size of the missing part."""

    def __init__(self, number, bytes):
        super().__init__(number, bytes)
        self.number = number
        self.bytes = bytes


class Transferred(typing.NamedTuple):
    """The result of a download.

    Args:
        resumed: bool. Whether it was resumed at least once.
        is_counted: bool. Whether the server stated the size.
    """

    resumed: bool
    is_counted: bool


def transfer(address, path, name, size=None, plain_http=False, is_hashed=False):
    """Downloads the file of an address to a path, which may have a part of it.

    If the part is from this address and the server still has the same file, it
    is resumed by HTTP ranges; otherwise the download starts again. Notes about
    the part are next to it. Only the size is verified.

    Args:
        address: str, http or https.
        path: pathlib.Path of the file.
        name: str. The name to show.
        size: `None`, or int: its size in bytes. Defaults to `None`.
        plain_http: bool. Whether the address may redirect to plain http.
            Defaults to `False`.
        is_hashed: bool. Whether a hash will be verified. Otherwise a part is
            only resumed if the server identifies its file (ETag or date).
            Defaults to `False`.

    Returns:
        `Transferred`.

    Raises:
        web.NoFile: if there is no such file.
        web.Broken: if the connection broke too often; the part is kept.
        NoRoom: if the disk is full.
    """
    resumed, vain, most = False, 0, 0
    for _ in range(_MOST_TRIES):
        try:
            found = _Try(address, path, name, size, is_hashed).run(plain_http)
            return Transferred(found.resumed or resumed, found.is_counted)
        except web.Broken as error:
            here = path.stat().st_size if path.exists() else 0
            vain = 0 if here > most else vain + 1
            most = max(most, here)
            resumed |= here > 0
            last = error
            if vain == _MOST_VAIN_TRIES:
                break
            logger.info("%s: %s, trying again", address, error)
            time.sleep(_PAUSE_S * 2**vain)
    raise last


def forget(path):
    """Removes a part and its notes."""
    path.unlink(missing_ok=True)
    _notes(path).unlink(missing_ok=True)


class _Try:
    """One request."""

    def __init__(self, address, path, name, size, is_hashed):
        self._address = address
        self._path = path
        self._name = name
        self._size = size
        self._here, self._known = _part(path, address)
        if not (is_hashed or self._known.get("mark")):
            self._here, self._known = 0, {}

    def run(self, plain_http):
        whole = self._size or self._known.get("size")
        if self._here and self._here == whole:
            return Transferred(True, True)
        headers = {}
        if self._here:
            headers["Range"] = f"bytes={self._here}-"
            if self._known.get("mark"):
                headers["If-Range"] = self._known["mark"]
        try:
            response = web.ask(self._address, headers, plain_http)
        except web.NoFile as error:
            if self._here and str(error).startswith("HTTP 416"):
                forget(self._path)
                raise web.Broken("it has another file now") from None
            raise
        with response:
            resumed = response.status == 206
            if resumed:
                first, total = b"", self._go_on(response)
            else:
                first, total = self._begin(response)
            try:
                self._receive(response, first, total)
            except web.NoFile:
                forget(self._path)
                raise
            counted = total is not None or bool(response.chunked)
            return Transferred(resumed, counted)

    def _begin(self, response):
        """Starts the file from the beginning, because there is no part, or the
        server does not support ranges or has another file. Returns the first
        bytes, and the size of the file, `None` if it is not stated."""
        here, self._here = self._here, 0
        length = response.headers.get("Content-Length", "")
        total = int(length) if re.fullmatch(r"\d{1,18}", length) else None
        first = self._read(response)
        # Before an existing part is removed.
        web.check_is_file(self._name, response.headers, first)
        self._check_total(total)
        if here:
            logger.info("%s: started again from the beginning", self._address)
        forget(self._path)
        note = {
            "address": self._address,
            "mark": _mark(response),
            "size": total,
        }
        with _disk(self._left(total)):
            _notes(self._path).write_text(json.dumps(note), "utf-8")
        return first, total

    def _go_on(self, response):
        """Checks that the answer begins where the part ends. Returns the size
        of the whole file, `None` if it is not stated."""
        told = re.fullmatch(
            r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)",
            response.headers.get("Content-Range", ""),
        )
        total = None if told is None or told[3] == "*" else int(told[3])
        known = self._known
        # An answer to `If-Range` need not have an ETag.
        etag = response.headers.get("ETag")
        if (
            told is None
            or int(told[1]) != self._here
            or (known.get("size") and total and total != known["size"])
            or (etag and known.get("mark") not in (None, etag))
        ):
            forget(self._path)
            raise web.Broken("it has another file now, or no such ranges")
        return total

    def _check_total(self, total):
        if self._size is not None and total not in (None, self._size):
            raise web.NoFile(
                f"a file of {total:,} bytes, expected {self._size:,}"
            )
        if (total or 0) > MOST_BYTES:
            raise web.NoFile(f"a file of {total:,} bytes, which is too large")

    def _left(self, total):
        return max((self._size or total or 0) - self._here, 0)

    def _receive(self, response, content, total):
        most = self._size or total or MOST_BYTES
        with (
            _disk(self._left(total)),
            open(self._path, "ab") as file,
            tqdm.tqdm(
                desc=self._name,
                total=self._size or total,
                initial=self._here,
                unit="B",
                unit_scale=True,
                disable=None,  # shown on a terminal
            ) as bar,
        ):
            _check_room(file, self._left(total))
            while content := content or self._read(response):
                self._here += len(content)
                if self._here > most:
                    raise web.NoFile(f"more than {most:,} bytes")
                file.write(content)
                file.flush()  # so that it can be resumed if this is killed
                bar.update(len(content))
                content = b""
            os.fsync(file.fileno())
        # Without a length, an interrupted answer looks complete.
        whole = total or (None if response.chunked else self._size)
        if whole is not None and self._here < whole:
            raise web.Broken(
                f"it broke off after {self._here:,} of {whole:,} bytes"
            )
        if self._here < (self._size or 1):
            raise web.NoFile(
                f"a file of {self._here:,} bytes, expected {self._size or 1:,}"
                f"{'' if self._size else ' or more'}"
            )

    def _read(self, response):
        try:
            return response.read1(_AT_ONCE)
        except TimeoutError:
            raise web.Broken(
                f"nothing came for {web.TIMEOUT_S} s after {self._here:,} bytes"
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise web.Broken(
                f"it broke off after {self._here:,} bytes: {error}"
            ) from None


@contextlib.contextmanager
def _disk(left):
    """Adds the number of missing bytes to errors of a full disk."""
    try:
        yield
    except OSError as error:
        if error.errno in files.NO_ROOM:
            raise NoRoom(error.errno, left) from error
        raise


def _check_room(file, left):
    """Raises the error of a full disk if there is no room for `left` bytes."""
    # If the free space is unknown, writing will raise it.
    found = os.fstatvfs(file.fileno()) if hasattr(os, "fstatvfs") else None
    if found and left > found.f_bavail * found.f_frsize:
        raise OSError(files.NO_ROOM[0], os.strerror(files.NO_ROOM[0]))


def _part(path, address):
    """Returns the size of the part at a path and its notes; `(0, {})` if there
    is none from this address."""
    try:
        known = documents.read_json(_notes(path))
        here = path.stat().st_size
        usable = (
            isinstance(known, dict)
            and known.get("address") == address
            and isinstance(known.get("mark"), (str, type(None)))
            and isinstance(known.get("size"), (int, type(None)))
        )
    except (OSError, ValueError):
        usable = False
    return (here, known) if usable else (0, {})


def _notes(path):
    return path.with_name(f"{path.name}.part")


def _mark(response):
    """Returns the validator for `If-Range`, which identifies a file: a strong
    ETag, or the date of its last change, or `None`."""
    etag = response.headers.get("ETag", "")
    if etag.startswith('"'):
        return etag
    return response.headers.get("Last-Modified")
