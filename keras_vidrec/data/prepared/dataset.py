"""What lies beside the records of a prepared dataset: `dataset.json`, the
lists of the splits, `report.json`."""

import json
import pathlib
import typing

from keras_vidrec.data.catalogs import segments
from keras_vidrec.data.catalogs.catalog import Catalog
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.catalogs.split import first_of
from keras_vidrec.data.prepared import storage
from keras_vidrec.specs import documents
from keras_vidrec.specs import files
from keras_vidrec.version import __version__
from keras_vidrec.videos.health import Health

FORMAT = 1
# Hidden: the state of a preparation that goes on or may go on.
STATE = ".prepare"

_DATASET = "dataset.json"
_OF_A_VIDEO = {"name", "label", "group", "segment", "health", "lost_share"}
_REPORT = "report.json"


class PreparedDataset(typing.NamedTuple):
    """Description of a prepared dataset.

    Args:
        catalog: `Catalog` of the videos that have records, with the splits;
            its `problems` tell of videos that could not be prepared.
        modalities: tuple of str. Modalities that have records: `"rgb"`,
            `"flow"`, `"warped_flow"`.
        settings: dict. How they were made: `frame` (of a `FrameSpec`, or
            `None`: nobody knows), `flow` (method or `"none"`), `warped`,
            `bound`, `quality`.
        healths: tuple of `Health` of the file of each video, `None` where
            nobody looked.
        lost: tuple of float. Share of the frames of each video that was lost.
    """

    catalog: Catalog
    modalities: tuple
    settings: dict
    healths: tuple
    lost: tuple


def is_prepared(directory):
    """Whether a directory is a prepared dataset, finished or not."""
    directory = storage.as_path(directory)
    return (directory / _DATASET).is_file() or (directory / STATE).is_dir()


def write_report(directory, catalog, failed, notes):
    """Tells what a preparation came to, in `report.json`. The catalog is of all
    videos, those that failed too; `failed` says why by name, and `notes` what
    else a user should know."""
    report = {
        "videos": len(catalog.videos),
        "prepared": len(catalog.videos) - len(failed),
        "failed": failed,
        "notes": list(notes),
        "problems": list(catalog.problems),
    }
    _write_json(pathlib.Path(directory) / _REPORT, report)


def write(directory, catalog, modalities, settings, failed, healths=None):
    """Describes a dataset whose records are complete; `catalog` and `failed`
    are as for `write_report`, `settings` is plain data, `healths` are by name
    pairs of a `Health.to_dict` or `None`, and of the share of its frames that
    a video has lost."""
    healths = healths or {}
    directory = pathlib.Path(directory)
    kept = [i for i, name in enumerate(catalog.videos) if name not in failed]
    for key, split in catalog.splits.items():
        parts = split._asdict()
        if key in catalog.validation:
            parts["validation"] = catalog.validation[key]
        for name, part in parts.items():
            names = (catalog.videos[i] for i in part)
            lines = [f"{name}\n" for name in names if name not in failed]
            files.write_text(_split_path(directory, name, key), "".join(lines))
    problems = list(catalog.problems)
    if failed:
        problems.append(
            "Videos that could not be prepared (see report.json): "
            f"{first_of(sorted(failed))}."
        )
    # Last of all: it says that the rest is there.
    _write_json(
        directory / _DATASET,
        {
            "format": FORMAT,
            "keras_vidrec": __version__,
            "modalities": modalities,
            "settings": settings,
            "splits": list(catalog.splits),
            "validation": list(catalog.validation),
            "problems": problems,
            "classes": catalog.classes,
            "videos": [
                {
                    "name": catalog.videos[i],
                    "label": catalog.labels[i],
                    "group": catalog.groups[i],
                    "segment": catalog.segments[i],
                    "health": health,
                    "lost_share": lost,
                }
                for i in kept
                for health, lost in [healths.get(catalog.videos[i], (None, 0))]
            ],
        },
    )


def load(directory):
    """Reads the description of a prepared dataset, of a path or a URL (see
    `storage.as_path`).

    Raises:
        ValueError: if there is none, it is not finished, it is of another
            version of the format, or a list of a split is missing.
        OSError: if an object store does not let it be read.
    """
    directory = storage.as_path(directory)
    path = directory / _DATASET
    try:
        content = documents.read_json(path)
    except FileNotFoundError as error:
        unfinished = (directory / STATE).is_dir()
        raise ValueError(
            "Expected a prepared dataset, with a dataset.json. "
            + ("Finish it with the same command. " if unfinished else "")
            + f"Received: {str(directory)!r} ({error.strerror})"
        ) from None
    except ValueError:
        content = {}
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        received = content.get("format") if isinstance(content, dict) else None
        raise ValueError(
            f"Expected a prepared dataset of format {FORMAT}. Received: "
            f"{str(path)!r} of format {received!r}"
        )
    videos = content["videos"]
    if not all(_OF_A_VIDEO <= video.keys() for video in videos):
        raise ValueError(
            "Expected a prepared dataset of this version, with "
            f"{sorted(_OF_A_VIDEO)} of each video. Prepare it again. Received: "
            f"{str(path)!r} of version {content.get('keras_vidrec')}"
        )
    names = tuple(video["name"] for video in videos)
    places = {name: i for i, name in enumerate(names)}
    cuts = [video["segment"] and tuple(video["segment"]) for video in videos]
    catalog = Catalog(
        root=directory,
        videos=names,
        labels=tuple(video["label"] for video in videos),
        groups=tuple(video["group"] for video in videos),
        classes=tuple(content["classes"]),
        splits={
            key: Split(
                *(
                    _read_part(_split_path(directory, name, key), places)
                    for name in Split._fields
                )
            )
            for key in content["splits"]
        },
        problems=tuple(content["problems"]),
        validation={
            key: _read_part(_split_path(directory, "validation", key), places)
            for key in content["validation"]
        },
        files=tuple(
            name.removesuffix(segments.name("", cut))
            for name, cut in zip(names, cuts)
        ),
        segments=tuple(cuts),
    )
    healths = [video["health"] for video in videos]
    return PreparedDataset(
        catalog,
        tuple(content["modalities"]),
        content["settings"],
        tuple(health and Health.from_dict(health) for health in healths),
        tuple(video["lost_share"] for video in videos),
    )


def _split_path(directory, part, key):
    return directory / "splits" / f"{part}{key}.txt"


def _read_part(path, places):
    if not path.is_file():
        raise ValueError(
            "A list of a split is missing. Expected all files of the dataset: "
            "copy it again, or run the same `vidrec prepare` again. "
            f"Received: no {str(path)!r}"
        )
    # Only "\n" ends a line: names may hold what else Unicode calls one.
    names = path.read_text("utf-8").split("\n")[:-1]
    unknown = [name for name in names if name not in places]
    if unknown:
        raise ValueError(
            f"Unknown videos in {str(path)!r}. Expected names of dataset.json. "
            f"Received: {first_of(unknown)}"
        )
    return tuple(places[name] for name in names)


def _write_json(path, content):
    files.write_text(path, json.dumps(content, indent=1) + "\n")
