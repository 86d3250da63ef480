"""Requests to web servers, and checks of their responses."""

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

# A connection without a byte for this time is broken.
TIMEOUT_S = 30
# The time limit for connecting to a host.
_CONNECT_S = 10
# Status codes after which a request may be repeated.
_TRY_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_BROKEN = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
_MOST_SHOWN = 80


class NoFile(Exception):
    """Why an address does not give the file; repeating does not help."""


class Broken(Exception):
    """Why an answer was interrupted; the request may be repeated."""


def is_offline() -> bool:
    """Whether `VIDREC_OFFLINE` is set, to another value than `0`."""
    return os.environ.get("VIDREC_OFFLINE", "0") not in ("", "0")


def ask(address, headers, plain_http):
    """Opens an address, with the proxies of the environment.

    Args:
        address: str, http or https.
        headers: dict of str.
        plain_http: bool. Whether it may redirect to plain http.

    Returns:
        `http.client.HTTPResponse` with status 2xx.

    Raises:
        NoFile, Broken: for any other answer, or none.
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
    """Returns why the host of an address cannot be reached; `None` if it can,
    or if the environment names a proxy for it.

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
    """Refuses an answer that is not the file, such as a page of a proxy.

    Args:
        name: str. The name of the file.
        headers: headers of the answer.
        start: bytes. The first bytes of the answer.

    Raises:
        NoFile: if it is a web page, a pointer of Git LFS, or compressed.
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
        raise NoFile("a pointer of Git LFS instead of the file")
    encoding = headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise NoFile(f"a file with unrequested compression: {_shown(encoding)}")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to https, and if allowed to plain http."""

    def __init__(self, plain_http):
        self._schemes = ("https", "http") if plain_http else ("https",)

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        if urllib.parse.urlsplit(newurl).scheme not in self._schemes:
            fp.close()
            raise NoFile(f"redirects to {_shown(newurl)}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _unreachable(reason):
    text = _shown(reason) or type(reason).__name__
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"{text} (SSL_CERT_FILE names certificates of your own)"
    if isinstance(reason, TimeoutError):
        return f"no answer within {TIMEOUT_S} s"
    return f"cannot be reached: {text}"


def _shown(text):
    """Returns a text from a server, shortened to one printable line."""
    line = " ".join(str(text).split())[:_MOST_SHOWN]
    return "".join(c if c.isprintable() else "?" for c in line)
