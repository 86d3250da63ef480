"""Published files, brought into the cache whole and verified, or not at all."""

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

    One that `find` finds is taken, without the network. Else
    it is downloaded into the cache: its addresses are tried in order; what was
    interrupted is resumed where the server can do that; size and hashes are
    right before it takes its place in one step; two processes download one
    file once. `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are honored. Of a file
    whose whole sha256 was not published it is recorded beside it on the first
    download, and holds from then on.

    Args:
        entry: `PublishedFile`.
        file: `None`, or path of a file that the caller has got otherwise,
            verified as far as the entry has a size and hashes, and used where
            it lies. Of an entry with a `member`, the archive or the member.
            Defaults to `None`.
        trust_first_download: bool. Whether a file without a published hash,
            or with a part of one from an address of plain http, is taken as
            it comes the first time. Defaults to `False`.
        instead: str. Advice for errors, other than putting the file into the
            cache. Defaults to passing it as `file`.

    Returns:
        Path of the file.

    Raises:
        ValueError: if `file` is not the published one, or the download needs
            trust that was not given.
        OSError: if it cannot be had: with what each address gave, which file
            is needed and where to put it; if `VIDREC_OFFLINE` is set; if the
            disk is full or the cache cannot be written. Nothing of it is left
            then, but what an interrupted connection has brought.
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
        # Another process may have brought it meanwhile.
        found = store.find(entry)
        if found is not None:
            return found
        with place.writable(entry, target, part):
            return _bring(entry, target, part, trust_first_download, instead)


def _own(entry, file):
    """A file that the caller has."""
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
    """Downloads an entry to its place in the cache."""
    lying = _lying(entry)
    if not store.is_known(entry):
        _check_trust(entry, trust, "of which no hash was published", lying)
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
            # Two halves of two files, maybe.
            if not (done.resumed and again):
                raise
        else:
            transfer.forget(part)
            return


def _verify(entry, path, target):
    """Refuses what is another file; records the hash of one that was not
    known to all digits."""
    problem = entry.problem(path, store.recorded_sha256(entry))
    if problem is not None:
        raise web.NoFile(f"another file than was published: {problem}")
    if not store.is_known(entry, against_forgery=True):
        store.record(target, path)


def _unpack(entry, path, target):
    """Takes the member of an entry out of an archive."""
    limit = entry.size or transfer.MOST_BYTES
    with files.replacing(target) as unfinished:
        archive.extract(path, entry.member, unfinished, limit)
        _verify(entry, unfinished, target)


def _only_needs_trust(entry, target):
    """Whether somebody has put a file there of which no hash is known."""
    return target.is_file() and not store.is_known(entry)


def _lying(entry):
    """What is wrong with the files of the name that are in the caches."""
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
        f"true (--trust-first-download) for {entry.name}, {why}: then what "
        "comes first is taken, and, by its sha256, nothing else later"
        f"{lying}",
        trust,
    )


def _by_hand(entry, instead):
    """What to do where no network helps."""
    what = f"{entry.member} of the archive" if entry.member else "it"
    addresses = " or ".join(entry.addresses) or "its authors"
    places = store.places(entry)
    where = f"put it at {places[0]} or " if places else ""
    return f"Get {what} otherwise ({addresses}) and {where}{instead}"
