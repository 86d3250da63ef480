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
        "`vidrec presets` lists. They are shown side by side.",
    ),
    port: int = typer.Option(
        7860, min=0, max=65535, help="Port of the page. 0: any free port."
    ),
    videos: pathlib.Path | None = typer.Option(
        None,
        exists=True,
        file_okay=False,
        help="Directory of the videos, to offer test clips of the runs as "
        "examples. Default: that of the run's recipe. It is needed for runs on "
        "a prepared dataset.",
    ),
    window: float = typer.Option(
        2.0,
        **options.SECONDS,
        help="Initial length of a window of timelines.",
    ),
    max_seconds: float = typer.Option(
        600.0, **options.SECONDS, help="Longer videos are refused."
    ),
):
    """Serve a web page to try trained networks: drop a video or record one, and
    see its classes, a timeline, Grad-CAM and optical flow.

    The page is only available on this machine and needs no internet connection.
    Ctrl-C ends it.
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
        pass  # the normal end
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(*_):
    raise SystemExit(_TERMINATED)
