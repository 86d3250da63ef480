"""Refuses requests before they reach the endpoints: those that are too large,
too slow, or too many at a time."""

import asyncio
import contextlib
import logging
import time

from starlette.exceptions import HTTPException

from keras_vidrec.serving.refusals import Refused
from keras_vidrec.serving.service import Places
from keras_vidrec.serving.service import Service

logger = logging.getLogger("keras_vidrec")

# Largest size of a request without the video, in bytes.
_FORM_BYTES = 2**16
# Smallest mean speed of an upload in bytes a second, after `Limits.patience`.
_SLOWEST = 10_000
# Seconds for which the rest of a request is read after it was refused.
_LINGER_S = 3.0
_CLOSE = (b"connection", b"close")


class Guard:
    """An ASGI middleware.

    Args:
        app: the ASGI application that gets the accepted requests.
        service: `Service`.
    """

    def __init__(self, app, service: Service):
        self._app, self._service = app, service
        limits = service.limits
        self._most = limits.max_bytes + _FORM_BYTES
        self._patience = limits.patience
        # Checked before the upload is read.
        self._places = {
            "/predict": service.videos,
            "/windows": service.streams,
        }
        # Twice the queue: other clients may upload while those in the queue
        # wait for their answers.
        self._requests = Places(
            2 * limits.queue + limits.streams, "requests are answered"
        )

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client = _Client(
            scope, receive, send, self._most, self._patience, self._service
        )
        if scope["method"] != "POST":
            await self._app(scope, client.receive, client.send)
            return
        try:
            client.check_length()
            if scope["path"] in self._places:
                self._places[scope["path"]].check()
            with self._requests.one():
                await self._app(scope, client.receive, client.send)
        except Refused as refused:
            await refused.response()(scope, receive, client.send)
        except Exception:
            if not client.is_gone:
                client.failed()
                raise


class _Client:
    """The connection of one request, as the application uses it: `receive` and
    `send` apply the limits.

    Args:
        scope, receive, send: as in ASGI.
        most: int. Largest size of the request in bytes.
        patience: float. Seconds, see `Limits`.
        service: `Service`.

    Attributes:
        is_gone: bool. Whether the client has stopped reading its answer.
    """

    def __init__(self, scope, receive, send, most, patience, service):
        self._scope, self._receive, self._send = scope, receive, send
        self._most, self._patience = most, patience
        self._service = service
        self._begun, self._bytes = time.perf_counter(), 0
        self._is_sent = self._is_answered = False
        self.is_gone = False

    def check_length(self):
        """Raises `Refused` if the stated length of the request is too large."""
        for name, value in self._scope["headers"]:
            if name == b"content-length" and int(value) > self._most:
                raise Refused(413, self._too_long())

    def _too_long(self):
        return (
            f"The request is too large. Expected at most {self._most} bytes: "
            "scale the video down, or send a part."
        )

    async def receive(self):
        if self._is_sent:
            return await self._receive()  # reports when the client disconnects
        loop = asyncio.get_running_loop()
        spent = time.perf_counter() - self._begun
        allowed = self._patience + self._bytes / _SLOWEST - spent
        try:
            async with asyncio.timeout_at(loop.time() + allowed):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, "The request came too slowly.") from None
        self._bytes += len(message.get("body", b""))
        self._is_sent = not message.get("more_body", False)
        if self._bytes > self._most:
            raise HTTPException(413, self._too_long())
        return message

    async def send(self, message):
        is_early = self._scope["method"] == "POST" and not self._is_sent
        if message["type"] == "http.response.start":
            self._is_answered = True
            self._service.metrics.answered(
                self._scope["path"], message["status"], self._begun
            )
            if is_early:
                headers = [*message.get("headers", ()), _CLOSE]
                message = {**message, "headers": headers}
        elif is_early and not message.get("more_body", False):
            # If the connection were closed while the client sends, it would be
            # reset and the answer lost. So some of the rest is read and
            # dropped.
            await self._pass_on({**message, "more_body": True})
            await self._drain()
            message = {"type": "http.response.body"}
        await self._pass_on(message)

    def failed(self):
        """Counts the answer 500 after an error of the server, unless another
        answer has begun."""
        if not self._is_answered:
            self._service.metrics.answered(
                self._scope["path"], 500, self._begun
            )

    async def _drain(self):
        """Reads and drops the rest of the request, for a limited time."""
        drained, more = 0, True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(self._patience, _LINGER_S)):
                while more and drained <= self._most:
                    message = await self._receive()
                    more = message.get("more_body", False)
                    drained += len(message.get("body", b""))

    async def _pass_on(self, message):
        try:
            async with asyncio.timeout(self._patience):
                await self._send(message)
        except TimeoutError:
            self.is_gone = True
            logger.warning(
                "A client of %s read nothing for %g s and is disconnected.",
                self._scope["path"],
                self._patience,
            )
            raise OSError("The client reads nothing.") from None
