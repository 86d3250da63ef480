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
        "so that other machines reach the server.",
    ),
    port: int = typer.Option(
        8000, min=0, max=65535, help="0: any that is free."
    ),
    allow: list[pathlib.Path] = typer.Option(
        (),
        metavar="DIRECTORY",
        help="Clients may name the files below it instead of sending them. "
        "Repeatable.",
    ),
    protocol: str | None = typer.Option(
        None,
        help="How a video is shown, as of `vidrec evaluate`. Default: the "
        "network's own test.",
    ),
    max_megabytes: float = typer.Option(
        500, min=0.001, help="Of a video, in millions of bytes."
    ),
    max_seconds: float = typer.Option(
        600, **options.SECONDS, help="That a video may last."
    ),
    max_pixels: int = typer.Option(
        4096 * 2304, min=1, help="Of a frame, width times height."
    ),
    decode_seconds: float = typer.Option(
        60,
        **options.SECONDS,
        help="To read a video; a decoder that takes longer is replaced.",
    ),
    patience: float = typer.Option(
        30,
        **options.SECONDS,
        help="How long a client may send, or read, nothing.",
    ),
    queue: int = typer.Option(
        32, min=1, help="Videos that are answered or wait; then comes 429."
    ),
    batch: int = typer.Option(
        8, min=1, help="Videos that the network sees at a time, at most."
    ),
    decoders: int = typer.Option(
        2, min=1, help="Processes that decode videos."
    ),
    streams: int = typer.Option(
        2, min=1, help="Requests of windows that are served at a time."
    ),
    file: options.WeightsFile = None,
    trust_first_download: options.Trust = False,
    class_names: options.ClassNames = None,
):
    """Answer about videos over HTTP: POST /predict, POST /windows, GET /health,
    GET /metrics, and a page of them at /docs. Until Ctrl-C."""
    file = options.weights_file(file)
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
        file,
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
        started=lambda url: echo(f"{url} answers, {url}/docs tells how."),
    )
