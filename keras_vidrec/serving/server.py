"""Serves a recognizer over HTTP."""

import logging
import socket
import typing

from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.recognition import Recognizer
from keras_vidrec.serving.allowed import Allowed
from keras_vidrec.serving.limits import Limits
from keras_vidrec.specs import TestProtocol
from keras_vidrec.specs import checks

if typing.TYPE_CHECKING:
    import fastapi

logger = logging.getLogger("keras_vidrec")

_LIBRARIES = ("fastapi", "uvicorn", "python_multipart", "prometheus_client")
_HERE = ("127.0.0.1", "::1", "localhost")


def create_app(
    recognizer: Recognizer,
    *,
    allow: typing.Iterable = (),
    protocol: TestProtocol | str | None = None,
    limits: Limits | None = None,
) -> "fastapi.FastAPI":
    """Makes the server as an ASGI application, to be run by an ASGI server.

    Args:
        recognizer: `Recognizer`.
        allow: iterable of paths of directories. Clients may name files below
            them. Defaults to `()`.
        protocol: `None` (the network's own test), or another one, see
            `evaluation.Predictor`. Defaults to `None`.
        limits: `None` (`Limits()`), or `Limits`. Defaults to `None`.

    Returns:
        `fastapi.FastAPI`. Its processes start and end with the application.

    Raises:
        ValueError: if the libraries of the extra `serve` are not installed, or
            an argument is invalid.
    """
    checks.installed("serve", _LIBRARIES)
    from keras_vidrec.serving import app
    from keras_vidrec.serving.service import Service

    predictor = Predictor(recognizer.model, protocol)
    service = Service(predictor, limits or Limits())
    return app.build(recognizer.name, service, Allowed(allow))


def serve(
    recognizer: Recognizer,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    allow: typing.Iterable = (),
    protocol: TestProtocol | str | None = None,
    limits: Limits | None = None,
    started: typing.Callable | None = None,
) -> None:
    """Answers requests until the process is interrupted or terminated.

    Args:
        recognizer: `Recognizer`.
        host: str. Address to listen on. With the default, only programs on
            this machine can send requests. Defaults to `"127.0.0.1"`.
        port: int. `0`: any free port. Defaults to `8000`.
        allow, protocol, limits: see `create_app`.
        started: `None`, or function that is called with the URL when the
            server is ready. Defaults to `None`.

    Raises:
        ValueError: as `create_app`, or if `port` is negative.
        OSError: if the port is in use, or this machine does not have the
            address.

    Example:

    ```python
    recognizer = keras_vidrec.Recognizer.from_run("run")
    keras_vidrec.serving.serve(recognizer, port=8000)
    ```
    """
    checks.count("port", port, 0)
    app = create_app(recognizer, allow=allow, protocol=protocol, limits=limits)
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            if started is not None and not self.should_exit:
                started(url)

    with _listening(host, port) as listening:
        shown, port = listening.getsockname()[:2]
        shown = f"[{shown}]" if ":" in shown else shown
        url = f"http://{shown}:{port}"
        if host not in _HERE:
            logger.warning(
                "Everyone who reaches %s can send requests, without a login.",
                url,
            )
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level=logging.WARNING,
            access_log=False,
            lifespan="on",
            ws="none",
            timeout_graceful_shutdown=10,
        )
        service = app.state.service
        try:
            service.start()
            Server(config).run(sockets=[listening])
        finally:
            service.close()


def _listening(host, port):
    """Returns a socket bound to an address. An address that cannot be used is
    reported before the network is compiled."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
        except OSError:
            found.close()
            raise
    except OSError as error:
        raise OSError(
            f"Cannot listen on {host}:{port}: {error.strerror}. Choose another "
            "--port or --host."
        ) from None
    return found
