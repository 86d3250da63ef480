"""The demo page on which users try networks."""

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
# Largest size of an upload in bytes.
_MAX_SIZE = 2**31
_FOLDER = pathlib.Path(__file__).parent
# Switches off the telemetry of Gradio, and the use of a proxy for requests to
# this machine.
_ENVIRONMENT = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "NO_PROXY": _HOST,
    "no_proxy": _HOST,
}


class Demo:
    """A web page on this machine to try networks. For a video it shows the
    classes, a timeline of the classes, the regions that show a class
    (Grad-CAM), and optical flow.

    Args:
        recognizers: dict of `keras_vidrec.Recognizer` by name.
        examples: sequence of examples, as `of` finds them. Defaults to `()`.
        window: float. Initial length of the windows of timelines in seconds;
            users can change it on the page. Defaults to `2.0`.
        max_seconds: float. Longer videos are refused. Defaults to `600.0`.

    Raises:
        ValueError: if there is no recognizer, or another argument is not
            positive.

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
        """Makes the page of some networks, with test clips of runs as examples.

        Args:
            places: sequence of what `keras_vidrec.load` takes: runs, `.keras`
                files, names of published networks.
            videos: `None` (the directory in the recipe of each run), or path
                of the directory of the video files. It is needed for runs on a
                prepared dataset, which has no video files. Defaults to `None`.
            options: `window` and `max_seconds`.

        Returns:
            `Demo`.

        Raises:
            ValueError: if there is no such network, or a network is named
                twice.
        """
        recognizers = {
            name: Recognizer(loading.recognizer(place))
            for name, place in zip(_names(places), places)
        }
        return cls(recognizers, test_clips.find(places, videos), **options)

    @contextlib.contextmanager
    def serving(self, port: int = 7860) -> collections.abc.Iterator[str]:
        """Serves the page at 127.0.0.1 while the context is open. Uploaded and
        converted videos are removed at the end.

        Args:
            port: int. `0`: any free port. Defaults to `7860`.

        Yields:
            str, the address of the page.

        Raises:
            ImportError: if Gradio is not installed.
            OSError: if the port is in use.
        """
        port = _free(port)
        with tempfile.TemporaryDirectory(prefix="vidrec-demo-") as home:
            # Gradio also reads GRADIO_TEMP_DIR when parts of the page are made.
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
            # Fonts of the reader's machine, so that none are downloaded.
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
    """Calls a function inside an event loop: the running one, as in a
    notebook, or a new one. Without an event loop, Gradio would make several
    and leave them open."""
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
    """Returns the port, or a free one for 0. Checked here because Gradio's
    error would name an option of its own."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except (OSError, OverflowError) as error:
            raise OSError(
                f"Port {port} cannot be used "
                f"({getattr(error, 'strerror', None) or error}). Expected "
                "another `port` (--port)"
            ) from None
        return probe.getsockname()[1]


def _names(places):
    """Returns the names of networks on the page: the last parts of their
    paths, or the whole paths if two last parts are the same."""
    ends = [pathlib.PurePath(str(place)).name for place in places]
    for name in ends:
        if ends.count(name) > 1:
            ends = [str(place) for place in places]
            break
    checks.check(
        len({*ends}) == len(ends), "places", "different networks", ends
    )
    return ends
