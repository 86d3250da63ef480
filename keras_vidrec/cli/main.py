"""The program `vidrec`."""

import logging
import os
import sys
import typing

import typer

from keras_vidrec.cli.benchmark import benchmark
from keras_vidrec.cli.compare import compare
from keras_vidrec.cli.doctor import doctor
from keras_vidrec.cli.evaluate import evaluate
from keras_vidrec.cli.export import export
from keras_vidrec.cli.features import features
from keras_vidrec.cli.fuse import fuse
from keras_vidrec.cli.import_weights import import_weights
from keras_vidrec.cli.inspect import inspect
from keras_vidrec.cli.join import join
from keras_vidrec.cli.learn import learn
from keras_vidrec.cli.origin import origin
from keras_vidrec.cli.papers.recipes import recipes
from keras_vidrec.cli.papers.reproduce import reproduce
from keras_vidrec.cli.predict import predict
from keras_vidrec.cli.prepare import prepare
from keras_vidrec.cli.presets import presets
from keras_vidrec.cli.quickstart import quickstart
from keras_vidrec.cli.report import report
from keras_vidrec.cli.score_files import scores_from
from keras_vidrec.cli.serving.demo import demo
from keras_vidrec.cli.serving.serve import serve
from keras_vidrec.cli.show import show
from keras_vidrec.cli.terminal import Commands
from keras_vidrec.cli.terminal import LogFormatter
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.train import train
from keras_vidrec.version import __version__

app = typer.Typer(
    name="vidrec",
    cls=Commands,
    help="Two-stream video action recognition: from raw videos to trained, "
    "tested and exported networks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
# Commands by group, each with an example, in the order of their use.
_COMMANDS: dict[str, dict[typing.Callable, str]] = {
    "Start": {
        quickstart: "vidrec quickstart",
        learn: "vidrec learn my_videos --out recognizer",
        doctor: "vidrec doctor",
    },
    "Data": {
        prepare: "vidrec prepare folder --videos videos --out data --flow dis",
        inspect: "vidrec inspect my_videos --sheet sheet.png",
    },
    "Train": {
        train: "vidrec train scratch --data my_videos --out run",
        recipes: "vidrec recipes tsn_rgb_ucf101_code",
        presets: "vidrec presets tsn_resnet50_kinetics400_8seg",
        import_weights: "vidrec import-weights resnet50.pth --application tsn "
        "--backbone resnet50 --out start.keras",
        features: "vidrec features --rgb rgb_run --flow flow_run --data data "
        "--out features",
        join: "vidrec join --head ts_lstm_run --out recognizer.keras",
    },
    "Test": {
        evaluate: "vidrec evaluate run",
        fuse: "vidrec fuse rgb_run flow_run --weights 1,1.5",
        compare: "vidrec compare run another_run",
        scores_from: "vidrec scores-from scores.csv --out scores.npz",
        reproduce: "vidrec reproduce tsn --table 1 --tiny --out tables",
    },
    "Look": {
        predict: "vidrec predict run clip.mp4 --top 3",
        report: "vidrec report run",
        origin: "vidrec origin run",
    },
    "Deploy": {
        export: "vidrec export run --format onnx",
        serve: "vidrec serve run --port 8000 --allow videos",
        demo: "vidrec demo rgb_run flow_run",
        benchmark: "vidrec benchmark run TSN:resnet50 --batch 1,8",
    },
}


def _paragraphs(text):
    """Returns a docstring with one line per paragraph, as Typer needs it."""
    return "\n\n".join(" ".join(p.split()) for p in text.split("\n\n"))


for _group, _commands in _COMMANDS.items():
    for _command, _example in _commands.items():
        app.command(
            help=_paragraphs(_command.__doc__),
            epilog=f"Example: {_example}",
            rich_help_panel=_group,
        )(_command)
app.add_typer(show, name="show", rich_help_panel="Look")


# Typer's exit status after Ctrl-C.
_INTERRUPTED = 130


@app.callback(invoke_without_command=True)
def _options(
    version: bool = typer.Option(
        False, "--version", help="Print the version and exit."
    ),
):
    if version:
        echo(__version__)
        raise typer.Exit


def main(arguments=None):
    """Runs the program. Its exit status is 0 on success, 1 after an error
    (printed in one line), 2 for wrong usage, 130 if it was interrupted, and 143
    if it was ended by SIGTERM, with nothing lost.

    Args:
        arguments: `None` (those of the process), or sequence of str: the
            command and its arguments. Defaults to `None`.
    """
    # Log lines of TensorFlow would hide the output of the commands.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    log = logging.StreamHandler()
    log.setFormatter(LogFormatter())
    logging.basicConfig(handlers=[log])
    try:
        app(arguments)
    except SystemExit as done:
        if done.code == _INTERRUPTED:
            echo("vidrec: interrupted", err=True)
        # The threads of an interrupted input pipeline, and of connections to
        # object stores, would abort the interpreter while it shuts down.
        if done.code or "tensorflow_io" in sys.modules:
            _leave(done.code or 0)
        raise
    except Exception as error:
        if os.environ.get("VIDREC_TRACEBACK"):
            raise
        echo(f"vidrec: {_one_line(error)}", err=True)
        _leave(1)


def _one_line(error: Exception) -> str:
    """Returns the text of an error in one line."""
    text = " ".join(str(error).split())
    if isinstance(error, (ValueError, OSError, RuntimeError)):
        return text
    # An unexpected error: add its class, and how to see the traceback.
    kind = type(error).__name__
    return f"{kind}: {text[:500]} (VIDREC_TRACEBACK=1 shows where)"


def _leave(status):
    """Ends the process at once. Threads of an endless input pipeline may
    still be reading, and the interpreter would abort while it shuts down."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
