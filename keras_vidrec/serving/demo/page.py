"""A page on which users try networks."""

import asyncio
import collections.abc
import contextlib
import os
import pathlib
import socket
import tempfile

from keras_vidrec.recognition.recognizer import Recognizer
from keras_vidrec.serving.demo import examples as test_clips
from keras_vidrec.serving.demo import layout
from keras_vidrec.specs import checks
from keras_vidrec.training import loading

_HOST = "127.0.0.1"
# Bytes of an upload.
_MAX_SIZE = 2**31
_FOLDER = pathlib.Path(__file__).parent
# Without these Gradio reports its use to its makers, and asks a proxy for what
# is on this machine.
_ENVIRONMENT = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "NO_PROXY": _HOST,
    "no_proxy": _HOST,
}


class Demo:
    """A page on this machine, where users try networks: a video in, its
    classes, when and where (Grad-CAM) they are seen, and its flow out.

    Args:
        recognizers: dict from the name of each to a `keras_vidrec.Recognizer`.
        examples: sequence of what `of` finds: clips to begin with. Defaults
            to `()`.
        window: float. Seconds of the windows of timelines, until the page
            asks for others. Defaults to `2.0`.
        max_seconds: float. Longer videos are refused. Defaults to `600.0`.

    Raises:
        ValueError: on other values.

    Example:

    ```python
    demo = keras_vidrec.serving.Demo.of(["rgb_run", "flow_run"])
    with demo.serving(port=7860) as address:
        input(f"{address}, Enter ends it")
    ```
    """

    def __init__(
        self,
        recognizers: dict[str, Recognizer],
        examples: collections.abc.Sequence = (),
        *,
        window: float = 2.0,
        max_seconds: float = 600.0,
    ) -> None:
        checks.check(
            bool(recognizers), "recognizers", "one or more", recognizers
        )
        checks.positive("window", window)
        checks.positive("max_seconds", max_seconds)
        self._recognizers = dict(recognizers)
        self._examples = tuple(examples)
        self._window = window
        self._max_seconds = max_seconds

    @classmethod
    def of(
        cls,
        places: collections.abc.Sequence,
        videos: str | pathlib.Path | None = None,
        **options: float,
    ) -> "Demo":
        """The page of some networks, with clips of their tests as examples.

        Args:
            places: sequence of what `keras_vidrec.load` takes: runs, `.keras`
                files, names of published networks.
            videos: `None` (where the recipes of the runs have them), or path
                of the directory of the videos, which a prepared dataset does
                not know. Defaults to `None`.
            options: `window` and `max_seconds`.

        Raises:
            ValueError: if there is no such network.
        """
        recognizers = {
            name: Recognizer(loading.recognizer(place))
            for name, place in zip(_names(places), places)
        }
        return cls(recognizers, test_clips.find(places, videos), **options)

    @contextlib.contextmanager
    def serving(self, port: int = 7860) -> collections.abc.Iterator[str]:
        """Serves the page, at 127.0.0.1 alone, while the block runs; yields
        its address. What was uploaded, and made of it, is gone afterwards.

        Args:
            port: int. Defaults to `7860`; `0` is any that is free.

        Raises:
            ImportError: if Gradio is not installed.
            OSError: if the port is in use.
        """
        port = _free(port)
        with tempfile.TemporaryDirectory(prefix="vidrec-demo-") as home:
            # Gradio looks there when parts of the page are made, too.
            with _environment(_ENVIRONMENT | {"GRADIO_TEMP_DIR": home}):
                blocks, address = in_a_loop(self._start, home, port)
                try:
                    yield address
                finally:
                    blocks.close(verbose=False)

    def _start(self, home, port):
        gradio = _gradio()
        blocks = layout.build(
            gradio,
            self._recognizers,
            self._examples,
            home=home,
            window=self._window,
            max_seconds=self._max_seconds,
        )
        _, address, _ = blocks.launch(
            server_name=_HOST,
            server_port=port,
            share=False,
            inline=False,
            quiet=True,
            prevent_thread_lock=True,
            ssr_mode=False,
            mcp_server=False,
            enable_monitoring=False,
            run_history=False,
            pwa=False,
            num_workers=0,
            footer_links=[],
            max_file_size=_MAX_SIZE,
            # Letters that the reader's machine has: none are fetched.
            theme=gradio.themes.Default(
                font=["system-ui", "sans-serif"],
                font_mono=["ui-monospace", "monospace"],
            ),
            css=(_FOLDER / "page.css").read_text("utf-8"),
            js=(_FOLDER / "page.js").read_text("utf-8"),
        )
        return blocks, address


def _gradio():
    try:
        import gradio
    except ImportError as error:
        raise ImportError(
            f"The page needs Gradio: {checks.how_to_install('demo')}"
        ) from error
    return gradio


def in_a_loop(begin, *arguments):
    """Calls a function in an event loop: where none runs, as one does in a
    notebook, Gradio makes several and leaves them open."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:

        async def run():
            return begin(*arguments)

        return asyncio.run(run())
    return begin(*arguments)


@contextlib.contextmanager
def _environment(values):
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _free(port):
    """The port, or any that is free; Gradio would name another option."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except (OSError, OverflowError) as error:
            raise OSError(
                f"Port {port} cannot be had "
                f"({getattr(error, 'strerror', None) or error}). Expected "
                "another `port` (--port)"
            ) from None
        return probe.getsockname()[1]


def _names(places):
    """What the page calls networks: the end of their paths, or all of them
    where two ends are the same."""
    ends = [pathlib.PurePath(str(place)).name for place in places]
    for name in ends:
        if ends.count(name) > 1:
            ends = [str(place) for place in places]
            break
    checks.check(
        len({*ends}) == len(ends), "places", "different networks", ends
    )
    return ends
