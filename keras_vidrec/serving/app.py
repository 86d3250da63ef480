"""The HTTP endpoints, as a FastAPI application."""

import contextlib
import json
import pathlib
import typing

import fastapi
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from keras_vidrec.evaluation.predictor import Prediction
from keras_vidrec.serving import metrics
from keras_vidrec.serving.allowed import Allowed
from keras_vidrec.serving.guard import Guard
from keras_vidrec.serving.refusals import Refused
from keras_vidrec.serving.refusals import error_response
from keras_vidrec.serving.service import Service
from keras_vidrec.specs import checks
from keras_vidrec.version import __version__
from keras_vidrec.videos.errors import VideoError

_Video = typing.Annotated[
    fastapi.UploadFile | None, fastapi.File(description="The video.")
]
_Path = typing.Annotated[
    str | None,
    fastapi.Form(
        description="Instead of the video, the path of a file on the server, "
        "below an allowed directory."
    ),
]
_Top = typing.Annotated[
    int, fastapi.Form(ge=1, description="Largest number of classes.")
]
_Window = typing.Annotated[
    str, fastapi.Form(description="Length of a window, such as 2s, or 2.")
]
_Stride = typing.Annotated[
    str | None,
    fastapi.Form(
        description="Time from window to window. Default: half a window."
    ),
]
_MOST_SECONDS = 3600
_Rate = typing.Annotated[
    float | None,
    fastapi.Form(
        gt=0,
        le=1000,
        description="Frames a second, for a video without time stamps.",
    ),
]
_ERRORS = {
    400: "The form cannot be read.",
    403: "The path is not allowed.",
    404: "There is no such file.",
    408: "The request came too slowly.",
    413: "The request is too large.",
    422: "A value or the video is invalid.",
    429: "Too many videos are waiting.",
}


async def _check_fields(request: fastapi.Request):
    """Raises `Refused` if a form has fields that its endpoint does not have."""
    known = [one.alias for one in request.scope["route"].dependant.body_params]
    with _refusing():
        path, sent = request.url.path, dict(await request.form())
        checks.fields(known, sent, f"the form of {path}")


@contextlib.contextmanager
def _refusing():
    """A context that converts a `ValueError` to `Refused` with status 422."""
    try:
        yield
    except ValueError as error:
        raise Refused(422, str(error)) from None


def build(name: str, service: Service, allowed: Allowed) -> fastapi.FastAPI:
    """Builds the application.

    Args:
        name: str. Name of the network.
        service: `Service`. It is started and closed with the application.
        allowed: `Allowed`. The files that clients may name.

    Returns:
        `fastapi.FastAPI`.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_app):
        try:
            service.start()
            yield
        finally:
            service.close()

    app = fastapi.FastAPI(
        title=f"vidrec serve: {name}",
        version=__version__,
        lifespan=lifespan,
        description="Recognizes actions in videos.",
    )
    app.state.service = service
    checked = [fastapi.Depends(_check_fields)]
    app.add_middleware(Guard, service=service)
    _explain(app)
    responses: dict[int | str, dict[str, typing.Any]] = {
        status: {"description": text, "model": dict[str, str]}
        for status, text in _ERRORS.items()
    }

    async def placed(stack, video, path):
        """Returns the path of the video of a request, and its name for the
        answer. An upload is copied to a file that `stack` removes."""
        if (video is None) == (path is None):
            raise Refused(
                422,
                "Expected a form (multipart/form-data) with either the field "
                "`video`, a file, or the field `path`. Received: "
                + ("neither" if video is None else "both"),
            )
        if path is not None:
            file, called = allowed.find(path), path
            size = file.stat().st_size
        else:
            called = pathlib.PurePosixPath(video.filename or "").name or "video"
            size = video.size
        try:
            service.limits.check_size(called, size)
        except VideoError as error:
            raise Refused(413, str(error)) from None
        if path is None:
            kept = service.kept(video.file, called)
            file = await stack.enter_async_context(kept)
        return file, called

    @app.post("/predict", responses=responses, dependencies=checked)
    async def predict(
        video: _Video = None, path: _Path = None, top: _Top = 5
    ) -> Prediction:
        """Predicts the classes of a video, as `vidrec predict --json` does."""
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(service.videos.one())
            file, called = await placed(stack, video, path)
            return await service.predict(file, called, top)

    @app.post(
        "/windows",
        responses={
            **responses,
            200: {
                "description": "Server-sent events: `window` with start, end "
                "(seconds), classes, probabilities and present; finally `end` "
                "or `error`.",
                "content": {"text/event-stream": {}},
            },
        },
        response_class=StreamingResponse,
        dependencies=checked,
    )
    async def windows(
        video: _Video = None,
        path: _Path = None,
        top: _Top = 5,
        window: _Window = "2s",
        stride: _Stride = None,
        frame_rate: _Rate = None,
    ):
        """Predicts the classes of each window of a video, while the video is
        read."""
        with _refusing():
            length = checks.seconds("window", window, _MOST_SECONDS)
            step = length / 2
            if stride is not None:
                step = checks.seconds("stride", stride, _MOST_SECONDS)
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(service.streams.one())
            file, called = await placed(stack, video, path)
            watching = service.watch(
                file,
                called,
                window=length,
                stride=step,
                top=top,
                frame_rate=frame_rate,
            )
            stack.callback(watching.close)
            first = await watching.next()
            return _Events(service, watching, first, stack.pop_all())

    @app.get("/health", responses={503: {"description": "It does not work."}})
    def health(response: Response) -> dict:
        """Returns whether the server works, and its network."""
        is_alive = service.is_alive
        response.status_code = 200 if is_alive else 503
        return {
            "status": "ok" if is_alive else "failed",
            "model": name,
            "classes": len(service.predictor.classes),
            "waiting": service.videos.taken,
            "version": __version__,
        }

    @app.get("/metrics", response_class=Response)
    def tell_metrics():
        """Returns metrics in the format of Prometheus."""
        return Response(service.metrics.text(), media_type=metrics.CONTENT_TYPE)

    return app


class _Events(StreamingResponse):
    """A response of windows as server-sent events. Its resources are released
    when it ends, also if the client disconnects. `first` is the first window of
    `watching` or `None`; `stack` has the resources."""

    def __init__(self, service, watching, first, stack):
        self._stack = stack
        super().__init__(
            _events(service, watching, first),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store"},
        )

    async def __call__(self, scope, receive, send):
        async with self._stack:
            await super().__call__(scope, receive, send)


async def _events(service, watching, window):
    number = 0
    try:
        while window is not None:
            number += 1
            service.metrics.window()
            yield _event("window", window)
            window = await watching.next()
    except Refused as refused:
        yield _event("error", {"error": refused.text})
    else:
        yield _event("end", {"windows": number})


def _event(kind: str, content: dict) -> str:
    return f"event: {kind}\ndata: {json.dumps(content, ensure_ascii=False)}\n\n"


def _explain(app):
    """Adds the handlers of errors. Each error becomes one line of JSON."""

    @app.exception_handler(Refused)
    async def refused(_request, error):
        return error.response()

    @app.exception_handler(HTTPException)
    async def known(_request, error):
        return error_response(error.status_code, error.detail, error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request, error):
        found = error.errors()[0]
        received = checks.shorten(repr(found.get("input")))
        return error_response(
            422,
            f"Invalid `{found['loc'][-1]}`. {found['msg']}. Received: "
            f"{received}",
        )

    @app.exception_handler(Exception)
    async def unforeseen(_request, _error_of_ours):
        return error_response(500, "The server failed. See its log.")
