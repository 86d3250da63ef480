"""Requests to web servers, and responses that are not the file."""

import html
import http.client
import os
import re
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request

from keras_vidrec.version import __version__

# Without a byte for so long, a connection is taken to be dead.
TIMEOUT_S = 30
# Who does not answer so soon is not there.
_CONNECT_S = 10
# What may go better a moment later.
_TRY_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_BROKEN = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
_MOST_SHOWN = 80


class NoFile(Exception):
    """What is wrong with an address, in words; asking again does not help."""


class Broken(Exception):
    """What has interrupted an answer, in words; asking again may help."""


def is_offline() -> bool:
    """Whether `VIDREC_OFFLINE` forbids the network: set, and not to `0`."""
    return os.environ.get("VIDREC_OFFLINE", "0") not in ("", "0")


def ask(address, headers, plain_http):
    """Opens an address by the proxies of the environment.

    Args:
        address: str, http or https.
        headers: dict of str.
        plain_http: bool. Whether it may lead on to plain http.

    Returns:
        `http.client.HTTPResponse` of status 2xx.

    Raises:
        NoFile, Broken: what came instead.
    """
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _Redirects(plain_http),
    ):
        opener.add_handler(handler)
    headers = {
        "User-Agent": f"keras-vidrec/{__version__}",
        "Accept-Encoding": "identity",
        **headers,
    }
    request = urllib.request.Request(address, headers=headers)
    try:
        return opener.open(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        text = f"HTTP {error.code} {_shown(error.reason)}".strip()
        raise (Broken if error.code in _TRY_AGAIN else NoFile)(text) from None
    except urllib.error.URLError as error:
        broken = isinstance(error.reason, _BROKEN)
        text = _unreachable(error.reason)
        raise (Broken if broken else NoFile)(text) from None
    except TimeoutError:
        raise Broken(f"no answer within {TIMEOUT_S} s") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Broken(_shown(error) or type(error).__name__) from None


def why_unreachable(address) -> str | None:
    """What is wrong with the way to the host of an address, in words; `None` if
    it responds, or if a proxy of the environment is used instead.

    Args:
        address: str, http or https.
    """
    try:
        parts = urllib.parse.urlsplit(address)
        proxied = parts.scheme in urllib.request.getproxies()
        if proxied and not urllib.request.proxy_bypass(parts.hostname):
            return None
        port = parts.port or {"http": 80}.get(parts.scheme, 443)
        socket.create_connection((parts.hostname, port), _CONNECT_S).close()
    except TimeoutError:
        return f"no answer within {_CONNECT_S} s"
    except (OSError, TypeError, ValueError) as error:
        return f"cannot be reached: {_shown(error)}"
    return None


def check_is_file(name, headers, start):
    """Refuses a page that somebody on the way sends in place of a file.

    Args:
        name: str. What the file is called.
        headers: of the answer.
        start: bytes. The first ones of the answer.

    Raises:
        NoFile: if it is a web page, or stands for a file that is elsewhere.
    """
    kind = headers.get_content_type()
    text = start[:1000].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    is_page = text[:14].lower().startswith(("<!doctype html", "<html"))
    is_page |= kind in ("text/html", "application/xhtml+xml")
    if is_page and not name.endswith((".html", ".htm")):
        title = re.search(r"<title[^>]*>([^<]{1,200})", text, re.I)
        called = f", {_shown(html.unescape(title[1]))!r}," if title else ""
        raise NoFile(
            f"a web page{called} instead of the file: of a proxy, a login, or "
            "a server that has moved"
        )
    if text.startswith("version https://git-lfs.github.com/"):
        raise NoFile("a pointer of Git LFS, which stands for the file")
    encoding = headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise NoFile(f"a file compressed by {_shown(encoding)}, unasked")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to where a file may come from."""

    def __init__(self, plain_http):
        self._schemes = ("https", "http") if plain_http else ("https",)

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        if urllib.parse.urlsplit(newurl).scheme not in self._schemes:
            fp.close()
            raise NoFile(f"leads on to {_shown(newurl)}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _unreachable(reason):
    text = _shown(reason) or type(reason).__name__
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"{text} (SSL_CERT_FILE names certificates of your own)"
    if isinstance(reason, TimeoutError):
        return f"no answer within {TIMEOUT_S} s"
    return f"cannot be reached: {text}"


def _shown(text):
    """A text of a stranger, for an error of one line."""
    line = " ".join(str(text).split())[:_MOST_SHOWN]
    return "".join(c if c.isprintable() else "?" for c in line)
