import pathlib
import signal
import threading

import typer

from keras_vidrec.cli import options
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend

_TERMINATED = 128 + signal.SIGTERM


def demo(
    runs: list[str] = typer.Argument(
        ...,
        help="Runs, .keras files of this package, or names of networks that "
        "`vidrec presets` lists: side by side.",
    ),
    port: int = typer.Option(
        7860, min=0, max=65535, help="Of the page; 0 is any that is free."
    ),
    videos: pathlib.Path | None = typer.Option(
        None,
        exists=True,
        file_okay=False,
        help="Directory of the videos of the test clips that are offered. "
        "Default: that of the run's recipe; a prepared dataset does not know "
        "it.",
    ),
    window: float = typer.Option(
        2.0,
        **options.SECONDS,
        help="Of timelines, the length of a window at first.",
    ),
    max_seconds: float = typer.Option(
        600.0, **options.SECONDS, help="Longer videos are refused."
    ),
):
    """Show a page to try trained networks: drop a video or
    record one, and see classes, when, where (Grad-CAM) and flow.

    It is for this machine alone and needs no connection. Ctrl-C ends it.
    """
    load_backend()
    from keras_vidrec.serving import Demo

    page = Demo.of(runs, videos, window=window, max_seconds=max_seconds)
    before = signal.signal(signal.SIGTERM, _end)
    try:
        with page.serving(port) as address:
            echo(f"Page: {address} (Ctrl-C ends it)")
            threading.Event().wait()
    except KeyboardInterrupt:
        pass  # the way to end it
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(*_):
    raise SystemExit(_TERMINATED)
