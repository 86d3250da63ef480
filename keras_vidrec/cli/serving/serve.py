import pathlib

import typer

from keras_vidrec.cli import options
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend

_MEGABYTE = 10**6


def serve(
    model: str = typer.Argument(
        ...,
        help="A .keras file of this package, a run, or the name of a network "
        "that `vidrec presets` lists.",
    ),
    host: str = typer.Option(
        "127.0.0.1",
        help="Address to listen on. 0.0.0.0: all addresses of this machine, "
        "so that other machines can reach the server.",
    ),
    port: int = typer.Option(
        8000, min=0, max=65535, help="Port to listen on. 0: any free port."
    ),
    allow: list[pathlib.Path] = typer.Option(
        (),
        metavar="DIRECTORY",
        help="Clients may name files below this directory instead of sending "
        "them. Repeatable.",
    ),
    protocol: str | None = typer.Option(
        None,
        help="Test procedure for a video, as in `vidrec evaluate`. Default: "
        "the network's own test.",
    ),
    max_megabytes: float = typer.Option(
        500, min=0.001, help="Largest size of a video in millions of bytes."
    ),
    max_seconds: float = typer.Option(
        600, **options.SECONDS, help="Largest duration of a video."
    ),
    max_pixels: int = typer.Option(
        4096 * 2304, min=1, help="Largest width times height of a frame."
    ),
    decode_seconds: float = typer.Option(
        60,
        **options.SECONDS,
        help="Largest time to read a video. A decoder that takes longer is "
        "replaced.",
    ),
    patience: float = typer.Option(
        30,
        **options.SECONDS,
        help="How long a client may send or read nothing.",
    ),
    queue: int = typer.Option(
        32,
        min=1,
        help="Largest number of videos that are processed or wait. Further "
        "requests get status 429.",
    ),
    batch: int = typer.Option(
        8, min=1, help="Largest number of videos in a batch of the network."
    ),
    decoders: int = typer.Option(
        2, min=1, help="Number of processes that decode videos."
    ),
    streams: int = typer.Option(
        2, min=1, help="Largest number of /windows requests at a time."
    ),
    file: options.WeightsFile = None,
    trust_first_download: options.Trust = False,
    class_names: options.ClassNames = None,
):
    """Serve a network over HTTP: POST /predict, POST /windows, GET /health, GET
    /metrics, and their documentation at /docs. Ctrl-C ends it."""
    weights = options.weights_file(file)
    names = options.lines(class_names)
    load_backend()
    from keras_vidrec import serving
    from keras_vidrec.recognition import Recognizer
    from keras_vidrec.training import loading

    limits = serving.Limits(
        max_bytes=round(max_megabytes * _MEGABYTE),
        max_seconds=max_seconds,
        max_pixels=max_pixels,
        decode_seconds=decode_seconds,
        patience=patience,
        queue=queue,
        batch=batch,
        decoders=decoders,
        streams=streams,
    )
    network = loading.recognizer(
        model,
        weights,
        trust_first_download=trust_first_download,
        class_names=names,
    )
    serving.serve(
        Recognizer(network, model),
        host,
        port,
        allow=allow,
        protocol=protocol,
        limits=limits,
        started=lambda url: echo(
            f"{url} is ready, its documentation: {url}/docs"
        ),
    )
