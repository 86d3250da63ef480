"""A real browser, driven by its own protocol over a pipe."""

import base64
import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import time

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
_SECONDS = 120
# Puts two files where the browser looks for them, and becomes it.
_START = """
import fcntl, os, sys
ours = [fcntl.fcntl(int(n), fcntl.F_DUPFD, 10) for n in sys.argv[1:3]]
for place, file in zip((3, 4), ours):
    os.dup2(file, place)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """Chromium with one page. It reaches nothing but this machine.

    Args:
        directory: path of a directory for its profile.

    Attributes:
        asked: list of str: the addresses that the page has asked for.
        errors: list of str: what its programs could not do.
    """

    def __init__(self, directory):
        # It reads commands from its file 3 and writes answers to its 4.
        command_out, self._commands = os.pipe()
        self._answers, answer_in = os.pipe()
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-c", _START),
                *(str(command_out), str(answer_in)),
                PROGRAM,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--autoplay-policy=no-user-gesture-required",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                f"--user-data-dir={directory}",
                "--remote-debugging-pipe",
                "about:blank",
            ],
            pass_fds=(command_out, answer_in),
            stderr=subprocess.DEVNULL,
        )
        os.close(command_out)
        os.close(answer_in)
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._session = None
        self.asked = []
        self.errors = []
        targets = self._send("Target.getTargets")["targetInfos"]
        (page,) = [one for one in targets if one["type"] == "page"]
        self._session = self._send(
            "Target.attachToTarget", targetId=page["targetId"], flatten=True
        )["sessionId"]
        for domain in ("Page", "Runtime", "Network", "DOM", "Log"):
            self._send(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._send("Browser.close")
        for pipe in (self._commands, self._answers):
            os.close(pipe)
        self._process.wait(30)

    def resize(self, width, height):
        """Gives the page this size in pixels, and reads it again."""
        self._send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def open(self, address):
        """Goes to an address."""
        self._send("Page.navigate", url=address)

    def value(self, expression):
        """What an expression of JavaScript is."""
        found = self._send(
            "Runtime.evaluate",
            expression=expression,
            returnByValue=True,
            awaitPromise=True,
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, expression, seconds=_SECONDS):
        """Waits until an expression is true, or something."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.value(f"Boolean({expression})"):
                return
            time.sleep(0.1)
        text = self.value("document.body.innerText")
        raise AssertionError(f"{expression} is not on the page: {text}")

    def text(self, selector):
        """The text of the first element of a selector, empty without one."""
        return self.value(
            f"(document.querySelector({json.dumps(selector)}) || {{}})"
            ".innerText || ''"
        )

    def put_file(self, selector, path):
        """Chooses a file, as a person does in the dialog."""
        root = self._send("DOM.getDocument")["root"]["nodeId"]
        node = self._send("DOM.querySelector", nodeId=root, selector=selector)[
            "nodeId"
        ]
        self._send("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def screenshot(self, path):
        """Writes all of the page as PNG."""
        found = self._send(
            "Page.captureScreenshot", captureBeyondViewport=True, format="png"
        )
        path.write_bytes(base64.b64decode(found["data"]))

    def _send(self, method, **parameters):
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            answer = self._next(end - time.monotonic())
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self._note(answer)
        raise AssertionError(f"the browser does not answer {method}")

    def _next(self, seconds):
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], seconds)
            assert ready, "the browser is silent"
            read = os.read(self._answers, 2**20)
            assert read, "the browser has ended"
            self._buffer += read
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, event):
        if event["method"] == "Network.requestWillBeSent":
            self.asked.append(event["params"]["request"]["url"])
        elif event["method"] == "Runtime.exceptionThrown":
            details = event["params"]["exceptionDetails"]
            self.errors.append(json.dumps(details)[:500])
