"""The object stores and servers that hold what an address names: fsspec's
file systems, with errors as those of files and without secrets."""

import contextlib
import errno
import functools
import importlib.util
import logging
import re
import time
import urllib.parse

import fsspec
import fsspec.core

from keras_vidrec.data.prepared import tensorflow_store
from keras_vidrec.specs import checks

# Connections of one store. A network answers late, but many at once.
_MAX_REQUESTS = 64

# Times that a read is tried where the file system does not try again itself,
# and the seconds before the second time; they grow fourfold.
_TRIES = 4
_PAUSE_S = 0.1
# Seconds without a byte.
_PATIENCE_S = 30
# Failures after which a request may be repeated.
_BUSY = (408, 429)
# What botocore and google-auth raise.
_NO_CREDENTIALS = (
    "CredentialRetrievalError",
    "DefaultCredentialsError",
    "NoCredentialsError",
    "PartialCredentialsError",
    "RefreshError",
    "TokenRetrievalError",
    "UnauthorizedSSOTokenError",
)

_EXTRAS = {"gcs": "gcs", "gs": "gcs", "http": "http", "https": "http"}
_EXTRAS |= {"s3": "s3", "s3a": "s3"}
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+")


class UnknownAddress(ValueError):
    """An address that nothing here reads."""


def scheme_of(url):
    """What stands before the `://` of an address."""
    return url.partition("://")[0].lower()


def is_web(url):
    """Whether an address is one of a web server, which may have a query."""
    return scheme_of(url) in ("http", "https")


def shown(url):
    """An address as it may be shown: without a user's name and password, and
    without the query of a web address, which may be signed."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if is_web(url):
        path = path.partition("?")[0].partition("#")[0]
        host = host.partition("?")[0].partition("#")[0]
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def join(url, name):
    """The address of what is below another one."""
    if not is_web(url):
        return f"{url}/{name}"
    place, mark, query = url.partition("?")
    return f"{place.rstrip('/')}/{urllib.parse.quote(name)}{mark}{query}"


def check(url):
    """Refuses an address that nothing here reads: `UnknownAddress`."""
    scheme = scheme_of(url)
    if scheme in ("file", "local"):
        raise UnknownAddress(
            f"Expected a local path, not a URL. Received: {shown(url)!r}"
        )
    reader_of(scheme)


def ask(url, method, *args, **kwargs):
    """What a method of fsspec's file system says of an address, which is its
    first argument.

    Raises:
        OSError: whatever goes wrong, with the address as it may be shown.
    """
    with _errors(url):
        store, path = _open(url)
        # Others may write there.
        store.dircache.clear()
        method = getattr(store, method)
        return _try(store, url, lambda: method(path, *args, **kwargs))


def read_ranges(urls, ranges):
    """Bytes of files, all requested at the same time.

    Args:
        urls: sequence of str, of one store.
        ranges: sequence of `(first, last + 1)` of each; `(None, None)` is all
            of it.

    Returns:
        List of bytes, shorter where a file ends.

    Raises:
        OSError: if one of them cannot be read.
    """
    parts = [None] * len(urls)
    missing = range(len(urls))
    for attempt in range(_TRIES):
        if not missing:
            break
        with _errors(urls[missing[0]]):
            store, _ = _open(urls[missing[0]])
            answers = store.cat_ranges(
                [store._strip_protocol(urls[i]) for i in missing],
                [ranges[i][0] for i in missing],
                [ranges[i][1] for i in missing],
                on_error="return",
            )
        failed = []
        for i, answer in zip(missing, answers):
            if isinstance(answer, Exception):
                if _is_final(store, urls[i], answer) or attempt == _TRIES - 1:
                    with _errors(urls[i]):
                        raise answer
                failed.append(i)
            else:
                parts[i] = answer
        missing = failed
        if missing:
            time.sleep(_PAUSE_S * 4**attempt)
    for url, (first, end), part in zip(urls, ranges, parts):
        if end is not None and len(part) > end - first:
            raise OSError(
                errno.EOPNOTSUPP,
                "the server supports only whole files, not ranges of bytes",
                shown(url),
            )
    return parts


def _try(store, url, call):
    for attempt in range(_TRIES):
        try:
            return call()
        except Exception as error:
            if _is_final(store, url, error) or attempt == _TRIES - 1:
                raise
        time.sleep(_PAUSE_S * 4**attempt)


def _is_final(store, url, error):
    """Whether asking again is of no use, or was done."""
    if hasattr(store, "retries"):
        return True
    error = _cause(error, url)
    status = getattr(error, "status", None)
    if isinstance(status, int):
        return status < 500 and status not in _BUSY
    return isinstance(
        error, (FileNotFoundError, PermissionError, ValueError, ImportError)
    )


def _cause(error, url):
    """To fsspec a file is missing, too, where a web server fails."""
    if is_web(url) and isinstance(error, FileNotFoundError):
        return error.__cause__ or error
    return error


@contextlib.contextmanager
def _errors(url):
    """Whatever goes wrong becomes an error of files, in plain words."""
    try:
        yield
    except Exception as error:
        # What lies behind it may hold secrets.
        raise _as_error_of_files(_cause(error, url), url) from None


def _as_error_of_files(error, url):
    status = getattr(error, "status", None)
    name = type(error).__name__
    text = getattr(error, "strerror", None) or str(error)
    if isinstance(status, int):
        text = f"{status} {getattr(error, 'message', '')}"
    text = _ADDRESS.sub(lambda found: shown(found[0]), text)
    text = " ".join(text.split()).rstrip(".") or name
    if isinstance(error, FileNotFoundError) or status in (404, 410):
        number, reason = errno.ENOENT, "there is no such file"
    elif (
        isinstance(error, PermissionError)
        or status in (401, 403)
        or name in _NO_CREDENTIALS
    ):
        number, reason = errno.EACCES, "no permission, or it has expired"
    else:
        number = getattr(error, "errno", None)
        # Those of names of hosts are negative.
        number = number if isinstance(number, int) and number > 0 else errno.EIO
        reason = "it cannot be read"
    # Some say nothing but the name of the file.
    if not shown(url).endswith(text.strip("'\"")):
        reason = f"{reason} ({text})"
    return OSError(number, reason, shown(url))


def _open(url):
    """fsspec's file system of an address, and its path there."""
    scheme = scheme_of(url)
    if reader_of(scheme) == "tensorflow":
        return tensorflow_store.store(scheme), url
    # Instances are kept by fsspec.
    return fsspec.core.url_to_fs(url, **_options(scheme))


def _options(scheme):
    """What is said to fsspec beside what its own configuration says."""
    own = fsspec.config.conf.get(scheme, {})
    if scheme in ("s3", "s3a"):
        # As many connections as requests; botocore has 10.
        pool = {"max_pool_connections": _MAX_REQUESTS}
        return {"config_kwargs": {**pool, **own.get("config_kwargs", {})}}
    if scheme in ("http", "https"):
        import aiohttp

        timeout = aiohttp.ClientTimeout(
            sock_connect=_PATIENCE_S, sock_read=_PATIENCE_S
        )
        client = {"timeout": timeout, **own.get("client_kwargs", {})}
        return {"client_kwargs": client}
    return {}


@functools.cache
def reader_of(scheme):
    """Who reads a scheme: `"fsspec"`, or `"tensorflow"`; raises
    `UnknownAddress` if neither can.
    """
    try:
        fsspec.get_filesystem_class(scheme)
        for name in ("fsspec", "gcsfs", "s3fs"):
            # What they log we raise.
            logging.getLogger(name).setLevel(logging.CRITICAL)
        return "fsspec"
    except (ImportError, ValueError) as error:
        reason = str(error).rstrip(".")
    if importlib.util.find_spec("tensorflow_io") is not None:
        if scheme in tensorflow_store.schemes():
            return "tensorflow"
    extra = _EXTRAS.get(scheme)
    if extra is not None:
        raise UnknownAddress(
            f"Reading {scheme}:// needs a library that is not installed. "
            f"Expected: {checks.how_to_install(extra)}. Received: {scheme}://"
        )
    raise UnknownAddress(
        f"{scheme}:// is not supported. Expected s3://, gs://, http://, "
        "https://, or another scheme whose fsspec library is installed. "
        f"Received: {scheme}:// ({reason})"
    )
