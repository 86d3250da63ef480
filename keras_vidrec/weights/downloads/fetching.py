"""Verified downloads of published files into the cache."""

import logging
import os
import pathlib

from keras_vidrec.specs import checks
from keras_vidrec.specs import files
from keras_vidrec.weights.downloads import archive
from keras_vidrec.weights.downloads import place
from keras_vidrec.weights.downloads import store
from keras_vidrec.weights.downloads import transfer
from keras_vidrec.weights.downloads import web
from keras_vidrec.weights.downloads.published_file import PublishedFile

logger = logging.getLogger("keras_vidrec")


def fetch(
    entry: PublishedFile,
    *,
    file: str | os.PathLike | None = None,
    trust_first_download: bool = False,
    instead: str = "pass it as `file` (--file PATH)",
) -> pathlib.Path:
    """Returns the local path of a published file, downloaded if needed and
    verified.

    If `find` finds the file, the network is not used. Otherwise it is
    downloaded into the cache from the first of its addresses that works. An
    interrupted download is resumed if the server supports it. The file gets
    its name only after its size and hashes were verified. If two processes
    need the same file, one waits for the other. `HTTPS_PROXY`, `HTTP_PROXY` and
    `NO_PROXY` are used. If the whole sha256 of a file was not published, it is
    recorded next to the file on the first download, and required later.

    Args:
        entry: `PublishedFile`.
        file: `None`, or path of a file that the user already has: the file is
            verified by the size and hashes of the entry, and not copied. For an
            entry with a `member`, the archive or the member. Defaults to
            `None`.
        trust_first_download: bool. Whether to accept the first download of a
            file without a published hash, or with a part of one from a plain
            http address. Defaults to `False`.
        instead: str. Advice for errors, besides putting the file into the
            cache. Defaults to passing it as `file`.

    Returns:
        Path of the file.

    Raises:
        ValueError: if `file` is not the published one, or the download needs
            `trust_first_download`.
        OSError: if the file cannot be downloaded, with the answer of each
            address, the file that is needed and where to put it; if
            `VIDREC_OFFLINE` is set; if the disk is full or the cache is not
            writable. Only an interrupted connection leaves a part of the file.
    """
    if file is not None:
        return _own(entry, pathlib.Path(file))
    found = store.find(entry)
    if found is not None:
        return found
    target = _target(entry)
    if not (trust_first_download and _only_needs_trust(entry, target)):
        _check_online(entry, instead)
    with place.alone(target) as part:
        # Another process may have downloaded it meanwhile.
        found = store.find(entry)
        if found is not None:
            return found
        with place.writable(entry, target, part):
            return _bring(entry, target, part, trust_first_download, instead)


def _own(entry, file):
    """Returns the user's file or a member of the user's archive, verified."""
    if not file.is_file():
        raise checks.ArgumentError(
            "file", f"a file, {entry.description}", os.fspath(file)
        )
    if entry.member is not None and archive.holds(file, entry.member):
        target = _target(entry)
        with place.alone(target) as part, place.writable(entry, target, part):
            try:
                _unpack(entry, file, target)
            except web.NoFile as error:
                raise ValueError(f"{file}: {error}") from None
        return target
    problem = entry.problem(file)
    if problem is not None:
        raise ValueError(
            f"Invalid `file`. Expected {entry.description}. Received: "
            f"file={os.fspath(file)!r}, {problem}"
        )
    return file


def _target(entry):
    places = store.places(entry)
    if not places:
        raise OSError(
            "Expected a cache directory for downloads: set VIDREC_CACHE. "
            "Received: no home directory"
        )
    return places[0]


def _check_online(entry, instead):
    if not web.is_offline():
        return
    raise OSError(
        f"Expected {entry.description} in the cache, as VIDREC_OFFLINE is set. "
        f"Received: {_lying(entry) or 'no such file'}. "
        + _by_hand(entry, instead)
    )


def _bring(entry, target, part, trust, instead):
    """Downloads an entry to its path in the cache, `target`."""
    lying = _lying(entry)
    if not store.is_known(entry):
        _check_trust(entry, trust, "which has no published hash", lying)
        if _only_needs_trust(entry, target):
            store.record(target, target)
            return target
    if lying:
        logger.warning("%s. It is downloaded again.", lying)
    plain_http = trust or store.is_known(entry, against_forgery=True)
    failures = []
    for address in entry.addresses:
        if address.startswith("http:") and not plain_http:
            if entry.addresses == (address,):
                _check_trust(entry, trust, f"sent by {address}", lying)
            failures.append(
                f"{address}: plain http, which needs `trust_first_download` "
                "(--trust-first-download)"
            )
            continue
        try:
            _from(address, entry, target, part, plain_http)
        except (web.NoFile, web.Broken) as error:
            failures.append(f"{address}: {error}")
            continue
        if failures:
            logger.warning(
                "%s comes from %s: %s", entry.name, address, "; ".join(failures)
            )
        return target
    raise OSError(
        f"Cannot get {entry.description}. Received: "
        f"{'; '.join(failures) or 'no address of it'}. "
        + _by_hand(entry, instead)
    )


def _from(address, entry, target, part, plain_http):
    """Downloads an entry from one address."""
    logger.warning("Downloading %s from %s", entry.description, address)
    size = entry.size if entry.member is None else None
    is_known = store.is_known(entry)
    for again in (True, False):
        done = transfer.transfer(
            address, part, entry.name, size, plain_http, is_known
        )
        try:
            if not (done.is_counted or is_known):
                raise web.NoFile("its size is unknown")
            if entry.member is None:
                _verify(entry, part, target)
                part.replace(target)
                files.sync_directory(target.parent)
            else:
                _unpack(entry, part, target)
        except web.NoFile:
            transfer.forget(part)
            # The parts of a resumed download may be of different files.
            if not (done.resumed and again):
                raise
        else:
            transfer.forget(part)
            return


def _verify(entry, path, target):
    """Raises `web.NoFile` if a file is not the published one. Records the
    sha256 if not all of it was known."""
    problem = entry.problem(path, store.recorded_sha256(entry))
    if problem is not None:
        raise web.NoFile(f"another file than was published: {problem}")
    if not store.is_known(entry, against_forgery=True):
        store.record(target, path)


def _unpack(entry, path, target):
    """Extracts the member of an entry from an archive, and verifies it."""
    limit = entry.size or transfer.MOST_BYTES
    with files.replacing(target) as unfinished:
        archive.extract(path, entry.member, unfinished, limit)
        _verify(entry, unfinished, target)


def _only_needs_trust(entry, target):
    """Whether there is a file without a known hash, as users may put there."""
    return target.is_file() and not store.is_known(entry)


def _lying(entry):
    """Returns why files with the name of the entry in the caches are not used;
    `""` if there are none."""
    wrong = [
        f"{path} is not used: {store.state(entry, path)}"
        for path in store.places(entry)
        if path.is_file()
    ]
    return "; ".join(wrong)


def _check_trust(entry, trust, why, lying):
    if trust:
        return
    lying = f" ({lying})" if lying else ""
    raise checks.ArgumentError(
        "trust_first_download",
        f"true (--trust-first-download) for {entry.name}, {why}: the first "
        f"download is then accepted, and its sha256 is required later{lying}",
        trust,
    )


def _by_hand(entry, instead):
    """Returns advice for a file that cannot be downloaded."""
    what = f"{entry.member} of the archive" if entry.member else "it"
    addresses = " or ".join(entry.addresses) or "its authors"
    places = store.places(entry)
    where = f"put it at {places[0]} or " if places else ""
    return f"Get {what} otherwise ({addresses}) and {where}{instead}"
