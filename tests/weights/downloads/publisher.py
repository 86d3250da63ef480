"""Somebody who publishes files, with a server that has its moods."""

import http.server
import re
import threading
import time

HTML = b"<!DOCTYPE html><html><title>Log in &amp; pay</title></html>"


class Publisher(http.server.ThreadingHTTPServer):
    """Answers with files.

    Attributes:
        url: str.
        files: dict of bytes by path, such as `{"/a.pth": b"..."}`.
        asked: list of (path, what `Range` said or `None`), in order.
        answers: dict by path of (status, headers, content): answered as it is.
        num_breaks: number of answers yet that break off after `break_after`
            bytes.
        num_stalls: number of answers yet that stop there, but stay open.
        delay: float. Seconds before each answer.
        ranges: bool. Whether it knows ranges.
        etags: bool. Whether it marks its files.
        counted: bool. Whether it says how long they are.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.lock = threading.Lock()
        self.files = {}
        self.asked = []
        self.answers = {}
        self.num_breaks = self.num_stalls = 0
        self.break_after = 1000
        self.delay = 0
        self.ranges = self.etags = self.counted = True
        self.over = threading.Event()

    def paths(self):
        """What was asked for, in order."""
        return [path for path, _ in self.asked]

    def handle_error(self, request, client_address):
        """Whoever asked went away."""


class _Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_GET(self):
        server = self.server
        with server.lock:
            server.asked.append((self.path, self.headers["Range"]))
        time.sleep(server.delay)
        if self.path in server.answers:
            self._say(*server.answers[self.path])
        elif self.path in server.files:
            self._send(server.files[self.path])
        else:
            self.send_error(404)

    def _send(self, content):
        server, headers, status = self.server, {}, 200
        total, mark = len(content), f'"{hash(content)}"'
        if server.etags:
            headers["ETag"] = mark
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        same = self.headers.get("If-Range", mark) == mark
        if asked and server.ranges and same:
            first = int(asked[1])
            if first >= total:
                self.send_error(416)
                return
            status, content = 206, content[first:]
            headers["Content-Range"] = f"bytes {first}-{total - 1}/{total}"
        if server.counted:
            headers["Content-Length"] = str(len(content))
        with server.lock:
            breaks, server.num_breaks = server.num_breaks, server.num_breaks - 1
            stalls, server.num_stalls = server.num_stalls, server.num_stalls - 1
        if breaks > 0 or stalls > 0:
            content = content[: server.break_after]
        self._say(status, headers, content)
        if stalls > 0:
            self.wfile.flush()
            server.over.wait(20)

    def _say(self, status, headers, content):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
