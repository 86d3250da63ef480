"""Servers on this machine that are slow, break off, or refuse."""

import contextlib
import http.server
import logging
import os
import re
import select
import socket
import socketserver
import threading
import time
import urllib.request

import pytest

KEY = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "secret",
}


@contextlib.contextmanager
def running(server):
    """Serves until the end of the context."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Files(http.server.ThreadingHTTPServer):
    """Files of a directory, in ranges.

    Attributes:
        url: str.
        delay: float. Seconds before each answer.
        num_breaks: number of answers yet that break off halfway.
        status: int. What is answered instead of files, if not 0.
        whole: bool. Whether ranges are ignored.
        most_at_once: int. Answers that were worked at at one time.
        ranges: list of str. Those that were asked for.
    """

    daemon_threads = True

    def __init__(self, directory):
        super().__init__(("127.0.0.1", 0), _FileHandler)
        self.directory = os.fspath(directory)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.lock = threading.Lock()
        self.reset()

    def reset(self):
        """Serves as servers should."""
        self.delay = self.num_breaks = self.status = 0
        self.most_at_once = self.at_once = 0
        self.whole = False
        self.ranges = []

    def handle_error(self, request, client_address):
        """Whoever asked went away."""


class _FileHandler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *args):
        super().__init__(*args, directory=args[-1].directory)

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self._answer()

    def do_GET(self):
        self._answer()

    def _answer(self):
        server = self.server
        with server.lock:
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
        time.sleep(server.delay)
        try:
            self._send()
        finally:
            with server.lock:
                server.at_once -= 1

    def _send(self):
        server = self.server
        if server.status:
            self.send_error(server.status)
            return
        path = self.translate_path(self.path)
        if not os.path.isfile(path):
            if self.command == "HEAD":
                super().do_HEAD()
            else:
                super().do_GET()
            return
        with open(path, "rb") as file:
            content = file.read()
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers["Range"] or "")
        status = 200
        if asked and not server.whole:
            server.ranges.append(asked[0])
            status = 206
            end = int(asked[2]) + 1 if asked[2] else None
            content = content[int(asked[1]) : end]
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if server.num_breaks > 0:
            server.num_breaks -= 1
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
            return
        self.wfile.write(content)


class Proxy(socketserver.ThreadingTCPServer):
    """Passes on what another server says, and breaks off.

    Attributes:
        url: str.
        num_breaks: number of connections yet that break off, after `most`
            bytes of what the server says.
    """

    daemon_threads = True

    def __init__(self, url, most=2000):
        super().__init__(("127.0.0.1", 0), _ProxyHandler)
        host, port = url.removeprefix("http://").split(":")
        self.target = host, int(port)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.most = most
        self.num_breaks = 0
        self.num_broken = 0

    def handle_error(self, request, client_address):
        """One of both went away."""


class _ProxyHandler(socketserver.BaseRequestHandler):
    def handle(self):
        proxy, said = self.server, 0
        with socket.create_connection(proxy.target) as target:
            while True:
                for ready in select.select([self.request, target], [], [])[0]:
                    content = ready.recv(2**16)
                    if not content:
                        return
                    if ready is self.request:
                        target.sendall(content)
                        continue
                    left = proxy.most - said
                    said += len(content)
                    if left < len(content) and proxy.num_breaks > 0:
                        proxy.num_breaks -= 1
                        proxy.num_broken += 1
                        self.request.sendall(content[: max(left, 0)])
                        return
                    self.request.sendall(content)


@contextlib.contextmanager
def s3():
    """URL of a server of S3's protocol that this process and those it starts
    know as theirs."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    try:
        with known_as(url):
            yield url
    finally:
        server.stop()


@contextlib.contextmanager
def known_as(url):
    """This process, and those that it starts, take S3 to be there."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in KEY.items():
            environment.setenv(name, value)
        # The second is what tensorflow-io reads.
        environment.setenv("AWS_ENDPOINT_URL", url)
        environment.setenv("S3_ENDPOINT", url)
        forget_connections()
        yield
    forget_connections()


def forget_connections():
    """fsspec keeps what it has read from the environment."""
    import fsspec

    with contextlib.suppress(ImportError):
        fsspec.get_filesystem_class("s3").clear_instance_cache()


def put(url, content=b""):
    """Makes a bucket, or an object of it."""
    send("PUT", url, content)


def send(method, url, content=None):
    """Sends a request without a signature."""
    request = urllib.request.Request(
        url,
        content,
        # The server would parse a form, which is urllib's guess.
        {"Content-Type": "application/octet-stream"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()
