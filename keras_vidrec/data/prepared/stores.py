"""Access to object stores and web servers by fsspec, with repeated requests and
errors that are `OSError`s without secrets."""

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

# Connections to a store, for requests at the same time.
_MAX_REQUESTS = 64

# How often a request is tried if the file system does not repeat it itself, and
# the seconds before the second time. The pause grows fourfold each time.
_TRIES = 4
_PAUSE_S = 0.1
# Seconds without a byte after which a request fails.
_PATIENCE_S = 30
# Statuses below 500 after which a request may be repeated.
_BUSY = (408, 429)
# Exceptions of botocore and google-auth.
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
    """No installed library reads an address."""


def scheme_of(url: str) -> str:
    """The scheme of an address, before `://`, in lower case."""
    return url.partition("://")[0].lower()


def is_web(url: str) -> bool:
    """Whether an address is that of a web server, which may have a query."""
    return scheme_of(url) in ("http", "https")


def shown(url: str) -> str:
    """An address without its secrets: without user name and password, and
    without the query of a web address, which may contain a signature."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if is_web(url):
        path = path.partition("?")[0].partition("#")[0]
        host = host.partition("?")[0].partition("#")[0]
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def join(url: str, name: str) -> str:
    """The address of a name below another address."""
    if not is_web(url):
        return f"{url}/{name}"
    place, mark, query = url.partition("?")
    return f"{place.rstrip('/')}/{urllib.parse.quote(name)}{mark}{query}"


def check(url: str) -> None:
    """Raises an `UnknownAddress` if no installed library reads an address."""
    scheme = scheme_of(url)
    if scheme in ("file", "local"):
        raise UnknownAddress(
            f"Expected a local path, not a URL. Received: {shown(url)!r}"
        )
    reader_of(scheme)


def ask(url, method, *args, **kwargs):
    """Calls a method of fsspec's file system and returns its result.

    Args:
        url: str. The address. Its path is the first argument of the method.
        method: str. Name of the method.
        *args, **kwargs: other arguments of the method.

    Raises:
        OSError: on any error, with the address without its secrets.
    """
    with _errors(url):
        store, path = _open(url)
        # Other programs may have changed the directory.
        store.dircache.clear()
        method = getattr(store, method)
        return _try(store, url, lambda: method(path, *args, **kwargs))


def read_ranges(urls, ranges):
    """Reads ranges of bytes of files, all requested at the same time.

    Args:
        urls: sequence of str. Addresses in the same store.
        ranges: sequence of `(first, last + 1)` for each address; `(None,
            None)` means the complete file.

    Returns:
        List of bytes; shorter than the range if a file ends in it.

    Raises:
        OSError: if a file cannot be read.
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
    """Returns the result of a call, which is repeated after some errors."""
    for attempt in range(_TRIES):
        try:
            return call()
        except Exception as error:
            if _is_final(store, url, error) or attempt == _TRIES - 1:
                raise
        time.sleep(_PAUSE_S * 4**attempt)


def _is_final(store, url: str, error: Exception) -> bool:
    """Whether a request is not to be repeated after an error, because that
    cannot help or the file system has done it."""
    if hasattr(store, "retries"):
        return True
    error = _cause(error, url)
    status = getattr(error, "status", None)
    if isinstance(status, int):
        return status < 500 and status not in _BUSY
    return isinstance(
        error, (FileNotFoundError, PermissionError, ValueError, ImportError)
    )


def _cause(error: Exception, url: str):
    """The error behind a `FileNotFoundError`, which fsspec raises on any
    failure of a web server."""
    if is_web(url) and isinstance(error, FileNotFoundError):
        return error.__cause__ or error
    return error


@contextlib.contextmanager
def _errors(url):
    """Converts every exception to an `OSError` with a readable message."""
    try:
        yield
    except Exception as error:
        # Chained exceptions may contain secrets.
        raise _as_error_of_files(_cause(error, url), url) from None


def _as_error_of_files(error, url):
    """Makes an `OSError` for an exception: its number, reason and address."""
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
        # Errors in resolving names of hosts have negative numbers.
        number = number if isinstance(number, int) and number > 0 else errno.EIO
        reason = "it cannot be read"
    # Some messages are only the name of the file.
    if not shown(url).endswith(text.strip("'\"")):
        reason = f"{reason} ({text})"
    return OSError(number, reason, shown(url))


def _open(url):
    """Returns fsspec's file system for an address, and the path in it."""
    scheme = scheme_of(url)
    if reader_of(scheme) == "tensorflow":
        return tensorflow_store.store(scheme), url
    # fsspec caches the file systems.
    return fsspec.core.url_to_fs(url, **_options(scheme))


def _options(scheme: str) -> dict:
    """The options for fsspec's file system, merged with the user's
    configuration of fsspec."""
    own = fsspec.config.conf.get(scheme, {})
    if scheme in ("s3", "s3a"):
        # botocore has 10 connections by default.
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
def reader_of(scheme: str) -> str:
    """The library that reads a scheme: `"fsspec"` or `"tensorflow"`.

    Raises:
        UnknownAddress: if neither can.
    """
    try:
        fsspec.get_filesystem_class(scheme)
        for name in ("fsspec", "gcsfs", "s3fs"):
            # They log errors that are raised anyway.
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
