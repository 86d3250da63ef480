"""A server on a free port of this machine, and clients of it."""

import contextlib
import threading

import httpx
import uvicorn

from keras_vidrec import Recognizer
from keras_vidrec.serving import Limits
from keras_vidrec.serving import create_app

LIMITS = Limits(
    max_bytes=300_000,
    max_seconds=20.0,
    max_pixels=64 * 128,
    decode_seconds=20.0,
    patience=2.0,
    queue=2,
    batch=2,
    decoders=1,
    streams=1,
)


@contextlib.contextmanager
def served(model, limits=LIMITS, **arguments):
    """Yields a `httpx.Client` of a server, and its `Service`."""
    app = create_app(Recognizer(model), limits=limits, **arguments)
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    started = threading.Event()
    startup = server.startup

    async def tell(sockets=None):
        try:
            await startup(sockets)
        finally:
            started.set()

    server.startup = tell
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert started.wait(120) and server.started
        port = server.servers[0].sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, timeout=120) as client:
            yield client, app.state.service
    finally:
        server.should_exit = True
        thread.join()


def sent(video, /, **fields):
    """Arguments of `post`: a video and fields of the form."""
    name = getattr(video, "name", "clip.mp4")
    content = video if isinstance(video, bytes) else video.read_bytes()
    return {"files": {"video": (name, content)}, "data": fields}
