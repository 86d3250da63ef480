"""Options that several commands share."""

import enum
import pathlib
import typing

import typer

from keras_vidrec.specs import MODALITIES
from keras_vidrec.specs import checks


def _place(text: str) -> str | pathlib.Path:
    """Returns a URL as it is, and other text as a path."""
    from keras_vidrec.data.prepared import storage

    return text if storage.is_url(text) else pathlib.Path(text)


def absolute(place):
    """Returns an absolute path, or a URL as it is: str."""
    place = _place(str(place))
    return place if isinstance(place, str) else str(place.absolute())


def _seconds(text: str) -> float:
    """Returns the seconds of a text such as "2s", "0.5s" or "2"."""
    try:
        return checks.seconds("seconds", text)
    except checks.ArgumentError as error:
        raise typer.BadParameter(
            f"Expected {error.expected}, not {text!r}."
        ) from None


def _seconds_or_none(text: str) -> float:
    """As `_seconds`, but 0 is allowed."""
    return 0.0 if str(text).strip("0.s") == "" else _seconds(text)


# Arguments of a Typer option for a path or URL.
PLACE: dict[str, typing.Any] = {"parser": _place, "metavar": "PATH"}
# Arguments of a Typer option for a duration above zero.
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
    """Returns the runner of a command, and checks its options before anything
    is loaded.

    Args:
        name: `None`, or str: the value of `--runner`.
        beam_options: `None`, or list of str: the arguments after `--`.
        parts: `None`, or int: the value of `--parts`.

    Returns:
        `data.preparing.parts.Runner`, or `None` without `--runner`.
    """
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
    """Returns the values of `--file` as a path or a dict of paths by stream;
    `None` if there are none."""
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
    """Returns the lines of a text file that are not empty; `None` without a
    path."""
    if path is None:
        return None
    text = path.read_text("utf-8")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _is_stream(named: tuple[str, str, str]) -> bool:
    """Whether a partitioned text is "STREAM=PATH"."""
    return named[0] in MODALITIES and bool(named[2])
