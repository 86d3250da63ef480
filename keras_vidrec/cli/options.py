"""Options that several commands have."""

import enum
import pathlib
import typing

import typer

from keras_vidrec.specs import MODALITIES
from keras_vidrec.specs import checks


def _place(text):
    from keras_vidrec.data.prepared import storage

    return text if storage.is_url(text) else pathlib.Path(text)


def absolute(place):
    """The text of a path, wherever the program is started, or of an address."""
    place = _place(str(place))
    return place if isinstance(place, str) else str(place.absolute())


def _seconds(text):
    try:
        return checks.seconds("seconds", text)
    except checks.ArgumentError as error:
        raise typer.BadParameter(
            f"Expected {error.expected}, not {text!r}."
        ) from None


def _seconds_or_none(text):
    return 0.0 if str(text).strip("0.s") == "" else _seconds(text)


# A path, or the text of an address.
PLACE: dict[str, typing.Any] = {"parser": _place, "metavar": "PATH"}
# A length of time, above zero.
SECONDS: dict[str, typing.Any] = {"parser": _seconds, "metavar": "SECONDS"}

Modality = enum.StrEnum("Modality", MODALITIES)  # type: ignore[misc] # of a table

_DATA = typer.Option(
    metavar="PATH",
    help=(
        "Directory of videos, of frame folders, or a prepared dataset; "
        "the latter may be a URL, such as s3://bucket/DATA."
    ),
)
Data = typing.Annotated[str, _DATA]
MaybeData = typing.Annotated[str | None, _DATA]
Directory = typing.Annotated[
    str,
    typer.Argument(
        metavar="DIRECTORY",
        help=(
            "A directory of videos, of frame folders, or a prepared "
            "dataset; the latter may be a URL, such as s3://bucket/DATA."
        ),
    ),
]
VideosList = typing.Annotated[
    pathlib.Path | None,
    typer.Option(
        "--list",
        **PLACE,
        help=(
            "List of the videos, or its URL, in any common format: CSV with "
            "columns path,label[,group][,split][,start,end], `path label`, "
            "JSON; with paths relative to the directory of the videos, or "
            "URLs."
        ),
    ),
]
Splits = typing.Annotated[
    pathlib.Path | None,
    typer.Option(
        help=(
            "Directory of official split files (UCF101, HMDB51), or of "
            "TSN's lists."
        )
    ),
]
Smoothing = typing.Annotated[
    float,
    typer.Option(
        parser=_seconds_or_none,
        metavar="SECONDS",
        help=(
            "Segments: average the probabilities over this time around each "
            "moment."
        ),
    ),
]
MinLength = typing.Annotated[
    float,
    typer.Option(
        parser=_seconds_or_none,
        metavar="SECONDS",
        help=(
            "Segments: merge shorter ones into a neighbor; with "
            "--threshold, drop them."
        ),
    ),
]
Threshold = typing.Annotated[
    float | None,
    typer.Option(
        min=1e-6,
        max=1,
        help=(
            "Segments: output every class while its probability is at least "
            "this high. Default: only the most probable class at each "
            "moment."
        ),
    ),
]
Background = typing.Annotated[
    str,
    typer.Option(
        metavar="CLASS",
        help="Segments: the class without segments; '' if there is none.",
    ),
]
Runner = typing.Annotated[
    str | None,
    typer.Option(
        "--runner",
        help="Apache Beam runner, to use many machines: DirectRunner, "
        "FlinkRunner, SparkRunner, DataflowRunner, ...; its own options follow "
        "after --.",
    ),
]
Parts = typing.Annotated[
    int | None,
    typer.Option(
        "--parts",
        min=1,
        help="With --runner: number of parts of the work, which is the largest "
        "useful number of workers. Default: 64, if that gives each 4 to 32 "
        "videos.",
    ),
]
RunnerOptions = typing.Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[-- RUNNER_OPTIONS]", help="Apache Beam's options."
    ),
]
WeightsFile = typing.Annotated[
    list[str] | None,
    typer.Option(
        "--file",
        metavar="PATH",
        help=(
            "For a published network: its weights file, if it cannot be "
            "downloaded; for a pair STREAM=PATH, repeatable."
        ),
    ),
]
Trust = typing.Annotated[
    bool,
    typer.Option(
        "--trust-first-download",
        help=(
            "Accept the first download of a file without a published hash; "
            "its hash is recorded, and later downloads must match it."
        ),
    ),
]
ClassNames = typing.Annotated[
    pathlib.Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="Text file of class names, one per line.",
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
    with found.new_pipeline():
        return found


def weights_file(paths):
    """What `--file` says: nothing, a path, or a dict by stream."""
    paths = paths or []
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
