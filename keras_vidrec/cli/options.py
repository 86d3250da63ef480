"""Options that several commands have."""

import enum
import pathlib
import typing

import typer

from keras_vidrec.specs import MODALITIES


def _place(text):
    from keras_vidrec.data.prepared import storage

    return text if storage.is_url(text) else pathlib.Path(text)


def absolute(place):
    """The text of a path, wherever the program is started, or of an address."""
    place = _place(str(place))
    return place if isinstance(place, str) else str(place.absolute())


def _seconds(text):
    """Seconds of "2s", "0.5s" or "2"."""
    try:
        seconds = float(str(text).removesuffix("s"))
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise typer.BadParameter(f"Expected seconds such as 2s, not {text!r}.")
    return seconds


def _seconds_or_none(text):
    return 0.0 if str(text).strip("0.s") == "" else _seconds(text)


# A path, or the text of an address.
PLACE = {"parser": _place, "metavar": "PATH"}
# A length of time, above zero.
SECONDS = {"parser": _seconds, "metavar": "SECONDS"}

Modality = enum.StrEnum("Modality", MODALITIES)

Data = typing.Annotated[
    str,
    typer.Option(
        metavar="PATH",
        help="Directory of videos, of frame folders, or prepared; of the last "
        "also the URL, such as s3://bucket/DATA.",
    ),
]
Directory = typing.Annotated[
    str,
    typer.Argument(
        metavar="DIRECTORY",
        help="A directory of videos, of frame folders, or prepared; of the "
        "last also the URL, such as s3://bucket/DATA.",
    ),
]
VideosList = typing.Annotated[
    pathlib.Path,
    typer.Option(
        "--list",
        **PLACE,
        help="List of the videos, or its URL, in any of the usual forms: CSV "
        "with columns path,label[,group][,split][,start,end], `path label`, "
        "JSON; paths below the directory of the videos, or URLs.",
    ),
]
Splits = typing.Annotated[
    pathlib.Path,
    typer.Option(
        help="Directory of official split files (UCF101, HMDB51), or of lists "
        "of TSN."
    ),
]
Smoothing = typing.Annotated[
    float,
    typer.Option(
        parser=_seconds_or_none,
        metavar="SECONDS",
        help="Of segments: each moment becomes the mean of so much time around "
        "it.",
    ),
]
MinLength = typing.Annotated[
    float,
    typer.Option(
        parser=_seconds_or_none,
        metavar="SECONDS",
        help="Of segments: shorter ones go to a neighbor, or with --threshold "
        "are dropped.",
    ),
]
Threshold = typing.Annotated[
    float,
    typer.Option(
        min=1e-6,
        max=1,
        help="Of segments: every class while it is at least so probable, "
        "several at a time. Default: the most probable one of each moment.",
    ),
]
Background = typing.Annotated[
    str,
    typer.Option(
        metavar="CLASS",
        help="Of segments: the class that makes none; '' where all do.",
    ),
]
Runner = typing.Annotated[
    str,
    typer.Option(
        "--runner",
        help="Apache Beam's runner that does it on many machines: "
        "DirectRunner, FlinkRunner, SparkRunner, DataflowRunner, ...; its own "
        "options follow after --.",
    ),
]
Parts = typing.Annotated[
    int,
    typer.Option(
        "--parts",
        min=1,
        help="With --runner: number of parts of the work, and so of workers "
        "that find some. Default: 64, as far as each gets 4 to 32 videos.",
    ),
]
RunnerOptions = typing.Annotated[
    list[str],
    typer.Argument(
        metavar="[-- RUNNER_OPTIONS]", help="Apache Beam's options."
    ),
]
WeightsFile = typing.Annotated[
    list[str],
    typer.Option(
        "--file",
        metavar="PATH",
        help="Of a published network, the file of weights, where it cannot be "
        "downloaded; of a pair, STREAM=PATH, repeatable.",
    ),
]
Trust = typing.Annotated[
    bool,
    typer.Option(
        "--trust-first-download",
        help="Take a published file of which no hash is known as it comes; it "
        "is recorded, and holds from then on.",
    ),
]
ClassNames = typing.Annotated[
    pathlib.Path,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="Text file of the names of the classes, one a line.",
    ),
]


def runner(name, beam_options, parts):
    """The `data.preparing.parts.Runner` that `--runner`, what follows after
    `--`, and `--parts` mean; `None` without the first. What it does not know is
    refused before anything is loaded."""
    if name is None:
        if parts is not None or beam_options:
            raise typer.BadParameter(
                "--parts and options after -- belong to a --runner. Received: "
                f"{' '.join(beam_options or ('--parts',))!r}"
            )
        return None
    from keras_vidrec.data.preparing.parts import Runner

    found = Runner(name, tuple(beam_options or ()), parts)
    found.new_pipeline()
    return found


def weights_file(paths):
    """What `--file` says: nothing, a path, or a dict by stream."""
    named = [path.partition("=") for path in paths]
    if len(paths) == 1 and not _is_stream(named[0]):
        return paths[0]
    if not all(map(_is_stream, named)):
        raise typer.BadParameter(
            "Expected one path, or STREAM=PATH for each, such as rgb=a.pth. "
            f"Received: {' '.join(paths)!r}",
            param_hint="--file",
        )
    return {stream: path for stream, _, path in named} or None


def lines(path):
    """The lines of a text file that are not empty; `None` without one."""
    if path is None:
        return None
    text = path.read_text("utf-8")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _is_stream(named):
    return named[0] in MODALITIES and bool(named[2])
