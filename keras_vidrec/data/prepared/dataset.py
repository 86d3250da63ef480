"""Reads and writes the small files of a prepared dataset: `dataset.json`, the
lists of the splits, `report.json`.
"""

import json
import pathlib
import typing

from keras_vidrec.data import origins
from keras_vidrec.data.catalogs import label_sets
from keras_vidrec.data.catalogs import segments
from keras_vidrec.data.catalogs.catalog import Catalog
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.catalogs.split import first_of
from keras_vidrec.data.prepared import shards
from keras_vidrec.data.prepared import storage
from keras_vidrec.data.prepared import written
from keras_vidrec.specs import Origin
from keras_vidrec.specs import documents
from keras_vidrec.specs import files
from keras_vidrec.version import __version__
from keras_vidrec.videos.health import Health

FORMAT = 2
# The hidden folder with the state of an unfinished preparation.
STATE = ".prepare"

_DATASET = "dataset.json"
_REPORT = "report.json"


class PreparedDataset(typing.NamedTuple):
    """Description of a prepared dataset.

    Args:
        catalog: `Catalog` of the videos that have records, with the splits; its
            `problems` list videos that could not be prepared.
        modalities: tuple of str. Modalities that have records: `"rgb"`,
            `"flow"`, `"warped_flow"`.
        settings: dict. How the records were made: `frame` (a `FrameSpec` as
            dict, or `None` if unknown), `flow` (method or `"none"`), `warped`,
            `bound`, `quality`.
        healths: tuple of the `Health` of the file of each video, or `None` if
            it was not checked.
        lost: tuple of float. Share of the frames of each video that was lost.
        contents: tuple of str or `None`. `Source.content` of each original
            video.
        origin: `Origin` of the dataset.
        files: dict from the names of its other small files to their checksums;
            see `written`.
    """

    catalog: Catalog
    modalities: tuple
    settings: dict
    healths: tuple
    lost: tuple
    contents: tuple
    origin: Origin
    files: dict


def is_prepared(directory) -> bool:
    """Whether a directory or URL is a prepared dataset, finished or not."""
    directory = storage.as_path(directory)
    return (directory / _DATASET).is_file() or (directory / STATE).is_dir()


def write_report(directory, catalog, failed, notes):
    """Writes the result of a preparation to `report.json`.

    Args:
        directory: path of the dataset.
        catalog: `Catalog` of all videos, including those that failed.
        failed: dict from the name of each video that failed to the reason.
        notes: iterable of str. Other messages for the user.
    """
    report = {
        "videos": len(catalog.videos),
        "prepared": len(catalog.videos) - len(failed),
        "failed": failed,
        "notes": list(notes),
        "problems": list(catalog.problems),
    }
    text = json.dumps(report, indent=1) + "\n"
    files.write_text(pathlib.Path(directory) / _REPORT, text)


def read_failed(directory) -> dict[str, str]:
    """The videos that could not be prepared, with the reasons, as `report.json`
    states them; empty without one.

    Args:
        directory: path of the dataset.

    Raises:
        ValueError: if the report is damaged.
    """
    path = directory / _REPORT
    if not path.is_file():
        return {}
    try:
        return dict(documents.read_json(path)["failed"].items())
    except (AttributeError, LookupError, TypeError, ValueError):
        raise ValueError(
            "The report of a dataset is damaged. Run the same command "
            f"again, `vidrec prepare`. Received: {str(path)!r}"
        ) from None


def how_made(settings: dict) -> dict:
    """The settings that change the content of a dataset: all but `made_from`,
    the paths of the data from which it was made."""
    return {k: value for k, value in settings.items() if k != "made_from"}


def write(
    directory,
    catalog,
    modalities,
    settings,
    failed,
    healths=None,
    contents=None,
    made_from=None,
):
    """Writes the description of a dataset whose records are complete.

    Args:
        directory: path of the dataset.
        catalog, failed: as for `write_report`.
        modalities: sequence of str. Modalities that have records.
        settings: dict of data for JSON, see `PreparedDataset`.
        healths: `None`, or dict from the name of a video to a pair:
            `Health.to_dict()` of its file or `None`, and the share of its
            frames that was lost. Defaults to `None`.
        contents: `None`, or dict from the name of a video to its
            `Source.content`. Defaults to `None`.
        made_from: `None`, or dict of fields of the `Origin`. Defaults to
            `None`.
    """
    healths, contents = healths or {}, contents or {}
    directory = pathlib.Path(directory)
    kept = [i for i, name in enumerate(catalog.videos) if name not in failed]
    small = []
    for key, split in catalog.splits.items():
        parts = split._asdict()
        if key in catalog.validation:
            parts["validation"] = catalog.validation[key]
        for name, part in parts.items():
            names = (catalog.videos[i] for i in part)
            lines = [f"{name}\n" for name in names if name not in failed]
            small.append(_split_name(name, key))
            files.write_text(directory / small[-1], "".join(lines))
    for modality in modalities:
        small += [
            shards.index_path(shard).relative_to(directory).as_posix()
            for shard in shards.find_shards(directory, modality)
        ]
    problems = list(catalog.problems)
    if failed:
        problems.append(
            "Videos that could not be prepared (see report.json): "
            f"{first_of(sorted(failed))}."
        )
    origin = origins.of(
        "features" if "features" in settings else "prepared",
        [catalog.videos[i] for i in kept],
        [catalog.labels[i] for i in kept],
        catalog.classes,
        [contents.get(catalog.videos[i]) for i in kept],
        how_made(settings),
        **(made_from or {}),
    )
    # Written last, because it marks the dataset as finished.
    _write(
        directory / _DATASET,
        written.seal(
            {
                "format": FORMAT,
                "keras_vidrec": __version__,
                "modalities": modalities,
                "settings": settings,
                "origin": origin.to_dict(),
                "files": written.look(directory, small),
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
                        "content": contents.get(catalog.videos[i]),
                        "health": health,
                        "lost_share": lost,
                    }
                    for i in kept
                    for health, lost in [
                        healths.get(catalog.videos[i], (None, 0))
                    ]
                ],
            }
        ),
    )


def load(directory) -> PreparedDataset:
    """Reads the description of a prepared dataset, a `PreparedDataset`, at a
    path or a URL (see `storage.as_path`).

    Raises:
        ValueError: if there is no dataset, it is not finished, it has another
            version of the format, or one of its files is missing or damaged.
        OSError: if it cannot be read from an object store.
    """
    directory = storage.as_path(directory)
    path = directory / _DATASET
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        unfinished = (directory / STATE).is_dir()
        raise ValueError(
            "Expected a prepared dataset, with a dataset.json. "
            + ("Finish it with the same command. " if unfinished else "")
            + f"Received: {str(directory)!r} ({error.strerror})"
        ) from None
    content = written.unseal(raw, path, FORMAT)
    videos = content["videos"]
    names = tuple(video["name"] for video in videos)
    places = {name: i for i, name in enumerate(names)}
    cuts = [video["segment"] and tuple(video["segment"]) for video in videos]
    parts = [(name, k) for k in content["splits"] for name in Split._fields]
    parts += [("validation", k) for k in content["validation"]]
    lists = [_split_name(*part) for part in parts]
    read = written.read(directory, lists, content["files"])
    found = {
        part: _part(text, directory / name, places)
        for part, name, text in zip(parts, lists, read)
    }
    catalog = Catalog(
        root=directory,
        videos=names,
        labels=tuple(label_sets.of_json(video["label"]) for video in videos),
        groups=tuple(video["group"] for video in videos),
        classes=tuple(content["classes"]),
        splits={
            key: Split(*(found[name, key] for name in Split._fields))
            for key in content["splits"]
        },
        problems=tuple(content["problems"]),
        validation={
            key: found["validation", key] for key in content["validation"]
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
        tuple(video["content"] for video in videos),
        Origin.from_dict(content["origin"]),
        content["files"],
    )


def _split_name(part, key) -> str:
    """The name of the list of a part of a split."""
    return f"splits/{part}{key}.txt"


def _part(content: bytes, path, places: dict[str, int]) -> tuple[int, ...]:
    # `splitlines` would also split at other characters, which names may have.
    names = content.decode("utf-8").split("\n")[:-1]
    unknown = [name for name in names if name not in places]
    if unknown:
        raise ValueError(
            f"Unknown videos in {str(path)!r}. Expected names of dataset.json. "
            f"Received: {first_of(unknown)}"
        )
    return tuple(places[name] for name in names)


def _write(path: pathlib.Path, content: bytes) -> None:
    with files.replacing(path) as temporary:
        temporary.write_bytes(content)
