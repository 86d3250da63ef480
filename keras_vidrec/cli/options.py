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


# A path, or the text of an address.
PLACE = {"parser": _place, "metavar": "PATH"}

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
