"""The parts of the page, and the functions that they call."""

import logging
import pathlib
import typing

from keras_vidrec.serving.demo import answers
from keras_vidrec.serving.demo import markup
from keras_vidrec.serving.demo import pictures
from keras_vidrec.serving.demo.taken import Taken
from keras_vidrec.specs import checks

logger = logging.getLogger("keras_vidrec")

# Gradio's cache of files, in seconds: how often it is checked, and how old
# files are when they are removed, even if the page is still open.
_CACHE = (300, 3600)
# Large enough for networks, and fast to encode during the recording.
_CAMERA = {"width": {"ideal": 640}, "height": {"ideal": 480}}
_BEST = "the most probable class"
_START = "Drop a video, or record one."


class _Column(typing.NamedTuple):
    """The parts of the page that belong to one network.

    Args:
        name: str. The name of the network.
        recognizer: `Recognizer`.
        answer: Gradio component for the classes and the timeline.
        choice: Gradio component to choose a class.
        where: Gradio component for the picture of Grad-CAM.
    """

    name: str
    recognizer: object
    answer: object
    choice: object
    where: object


def build(gradio, recognizers, examples, *, home, window, max_seconds):
    """Builds the page.

    Args:
        gradio: the module `gradio`.
        recognizers: dict of `Recognizer` by name.
        examples: sequence of `Example`.
        home: path of the directory for uploaded and converted videos.
        window: float. Initial length of a window in seconds.
        max_seconds: float. Longer videos are refused.

    Returns:
        `gradio.Blocks`.
    """
    with gradio.Blocks(
        title=f"vidrec: {', '.join(recognizers)}",
        analytics_enabled=False,
        delete_cache=_CACHE,
    ) as blocks:
        page = _Page(gradio, recognizers, examples, home, window, max_seconds)
        page.connect()
    blocks.queue(default_concurrency_limit=1, api_open=False)
    return blocks


class _Page:
    def __init__(
        self, gradio, recognizers, examples, home, window, max_seconds
    ):
        self._gradio = gradio
        self._examples = examples
        self._home = home
        self._max_seconds = max_seconds
        # The `Taken` of each session.
        self._taken = gradio.State(delete_callback=_drop)
        with gradio.Row():
            with gradio.Column(scale=2, min_width=300):
                self._video = self._make_video()
                self._status = gradio.HTML(markup.status(_START))
                self._window = gradio.Number(
                    window, label="Seconds of a window", minimum=0.1, step=0.1
                )
                self._gallery = self._make_gallery() if examples else None
            with gradio.Column(scale=3, min_width=300), gradio.Row():
                self._columns = [
                    self._make_column(*one) for one in recognizers.items()
                ]
        self._flow = gradio.HTML()

    def _make_video(self):
        gradio = self._gradio
        return gradio.Video(
            label="Video",
            sources=["upload", "webcam"],
            # Otherwise Gradio runs the program ffmpeg to remove audio.
            # Recordings have no audio (page.js).
            include_audio=True,
            webcam_options=gradio.WebcamOptions(
                mirror=False, constraints=_CAMERA
            ),
            buttons=[],
            elem_id="vidrec-video",
        )

    def _make_gallery(self):
        self._gradio.HTML(markup.remark("Or a clip of the test:"))
        return self._gradio.Gallery(
            [(one.picture, one.label) for one in self._examples],
            label="Test clips",
            show_label=False,
            columns=4,
            height="auto",
            allow_preview=False,
            interactive=False,
            buttons=[],
            elem_id="vidrec-examples",
        )

    def _make_column(self, name, recognizer):
        gradio = self._gradio
        classes = recognizer.classes
        with gradio.Column(min_width=260):
            gradio.HTML(
                markup.heading(
                    name, f"{recognizer.model.name}, {len(classes)} classes"
                )
            )
            answer = gradio.HTML(elem_classes="vidrec-answer")
            choice = gradio.Dropdown(
                [_BEST, *classes],
                value=_BEST,
                label="Where it sees",
                visible=False,
            )
            where = gradio.HTML(elem_classes="vidrec-where")
        return _Column(name, recognizer, answer, choice, where)

    def connect(self):
        """Connects the events of the parts to functions."""
        # The network works for one visitor at a time.
        common = {
            "show_progress": "hidden",
            "concurrency_id": "network",
            "api_visibility": "private",
        }
        outputs = [self._taken, self._video, self._status, self._flow]
        for column in self._columns:
            outputs += [column.answer, column.choice, column.where]
        asked = [self._taken, self._window]

        def answer(event):
            event.then(self._answer, asked, outputs, **common)

        given = [self._taken, self._video]
        for event in (self._video.upload, self._video.stop_recording):
            answer(event(self._take, given, outputs, **common))
        self._video.clear(self._clear, self._taken, outputs, **common)
        self._window.submit(self._answer, asked, outputs, **common)
        if self._gallery is not None:

            def choose(before, event):
                path = self._examples[event.index].path
                yield from self._take(before, path, move=False)

            # Gradio passes the event to parameters annotated with this type.
            choose.__annotations__["event"] = self._gradio.SelectData

            answer(self._gallery.select(choose, self._taken, outputs, **common))
        for column in self._columns:
            column.choice.input(
                _explaining(column.recognizer),
                [self._taken, column.choice],
                column.where,
                **common,
            )

    def _clear(self, before):
        _drop(before)
        return self._nothing(_START)

    def _take(self, before, path, move=True):
        """Shows a video on the page. Yields changes of the page. The last one
        contains all changes, because a busy page may miss the others."""
        if path is None:
            return
        path = pathlib.Path(path)
        _drop(before)
        nothing = self._nothing(f"Reading {path.name}.")
        shown = {**nothing}
        del shown[self._video]  # the page shows it already
        yield shown
        try:
            video = Taken(self._home, path, self._max_seconds, move=move)
        except Exception as error:
            yield self._nothing(_said(error, path), failed=True)
            return
        yield nothing | {self._taken: video, self._video: str(video.shown)}

    def _answer(self, video, window):
        """Applies the networks to a video. Yields changes of the page; each
        contains the earlier ones, because a busy page may miss some."""
        if video is None:
            return
        stands = {}
        for change in self._changes(video, window):
            stands |= change
            yield stands

    def _changes(self, video, window):
        """Yields the single changes of `_answer`."""
        found = []
        colors = markup.Colors()
        try:
            checks.positive("window", window)
            for column in self._columns:
                yield self._tells(f"Running {column.name}.")
                for one in answers.ask(
                    column.name, column.recognizer, video, window
                ):
                    shown = markup.answer(one, video.seconds, colors)
                    yield {column.answer: shown}
                found.append(one)
        except Exception as error:
            yield self._tells(_said(error, video.path), failed=True)
            return
        yield self._tells("Drawing Grad-CAM and optical flow.")
        yield from self._draw(video)
        yield self._tells(markup.described(video, found))

    def _draw(self, video):
        for column in self._columns:
            drawn = _drawn(pictures.explained, column.recognizer, video)
            yield {
                column.choice: self._gradio.update(visible=True, value=_BEST),
                column.where: drawn,
            }
        drawn = ""
        recognizers = {one.name: one.recognizer for one in self._columns}
        for how, names in pictures.flows_of(recognizers).items():
            drawn += markup.heading(", ".join(names))
            drawn += _drawn(pictures.flow, video, how)
            yield {self._flow: drawn}

    def _tells(self, text, failed=False):
        return {self._status: markup.status(text, failed)}

    def _nothing(self, text, failed=False):
        """Returns the changes that empty the page and show a text."""
        empty = {self._taken: None, self._video: None, self._flow: ""}
        for column in self._columns:
            empty[column.answer] = empty[column.where] = ""
            empty[column.choice] = self._gradio.update(
                visible=False, value=_BEST
            )
        return empty | self._tells(text, failed)


def _drop(video):
    if video is not None:
        video.drop()


def _explaining(recognizer):
    """Returns the function that draws Grad-CAM for a video and a class."""

    def explain(video, name):
        if video is None:
            return ""
        name = None if name == _BEST else name
        return _drawn(pictures.explained, recognizer, video, name)

    return explain


def _drawn(draw, *arguments):
    """Returns a picture as HTML, or a remark with the error if it cannot be
    drawn."""
    try:
        return draw(*arguments)
    except Exception as error:
        video = next(one for one in arguments if isinstance(one, Taken))
        return markup.remark(f"No picture: {_said(error, video.path)}")


def _said(error, path):
    """Returns an error as text for the page, and logs unexpected errors."""
    if not isinstance(error, (ValueError, OSError)):
        logger.error("%s", path.name, exc_info=error)
    return answers.sentence(error, path)
